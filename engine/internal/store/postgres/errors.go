package postgres

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnly             = "25006"
	diskFull             = "53100"
	tooManyConnections   = "53300"
	outOfMemory          = "53200"
	queryCanceled        = "57014"
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03"
	lockNotAvailable     = "55P03"
	noSuchPrepared       = "26000"
	preparedTwice        = "42P05"
	noPartition          = "23514"
	wrongPassword        = "28P01"
	wrongLogin           = "28000"
	noDatabase           = "3D000"
	notAllowed           = "42501"
	noTable              = "42P01"
	noColumn             = "42703"
	columnTwice          = "42701"
)

// causes explains errors of the server to whoever runs awf-hook.
var causes = map[string]string{
	readOnly: "the server takes only reads: if it is a standby, add the primary and target_session_attrs=read-write to the queue's URL; " +
		"if it is a primary, its default_transaction_read_only is on, which some hosts do when a disk is nearly full",
	diskFull:           "the server's disk is full",
	tooManyConnections: "the server has no connection left: raise max_connections, or lower pool_max_conns in the queue's URL",
	outOfMemory:        "the server is out of memory",
	queryCanceled:      "the server's statement_timeout ended the transaction",
	adminShutdown:      "the server is shutting down",
	crashShutdown:      "the server is recovering from a crash",
	cannotConnectNow:   "the server is starting up",
	lockNotAvailable:   "another transaction has held a lock for too long: pg_stat_activity shows it",
	noSuchPrepared:     "a pooler in transaction mode loses prepared statements: add default_query_exec_mode=exec to the queue's URL",
	preparedTwice:      "a pooler in transaction mode mixes prepared statements: add default_query_exec_mode=exec to the queue's URL",
}

// advice says what to do about errors that the server explains itself.
var advice = map[string]string{
	wrongPassword: "check the password in the URL, PGPASSFILE or the service file, and that the role's has not expired (VALID UNTIL)",
	wrongLogin:    "check the role and the server's pg_hba.conf",
	noDatabase:    "createdb makes it",
	notAllowed: "use one role for all processes, the one that owns the schema awf_hook; " +
		"an administrator makes the schema by CREATE SCHEMA awf_hook AUTHORIZATION ROLE",
	noTable: changedBeside, noColumn: changedBeside, columnTwice: changedBeside,
}

const changedBeside = "somebody changed the schema awf_hook: restore it as a whole from a backup, or drop it, which ends its deliveries; " +
	"then restart awf-hook, which makes what is missing"

// inWords explains an error. The result holds no password: pgx names only user, database and host of a connection.
func inWords(err error) error {
	var server *pgconn.PgError
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case err == nil, errors.Is(err, store.ErrFull), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &connect):
		return unconnected(connect.Unwrap())
	case errors.As(err, &server):
		if cause := causes[server.Code]; cause != "" {
			return fmt.Errorf("%s (SQLSTATE %s)", cause, server.Code)
		}
		message := server.Message
		if strings.HasPrefix(server.Code, "28") {
			message = "the server refuses the login: " + message
		}
		if what := advice[server.Code]; what != "" {
			message += ": " + what
		}
		return fmt.Errorf("%s (SQLSTATE %s)", message, server.Code)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("the server does not answer: %w", err)
	}
	return certificate(err)
}

// noTLS is pgx's error if the server takes no TLS connections.
const noTLS = "server refused TLS connection"

// unconnected says why no host of a URL could be used. pgx tries some hosts twice, with TLS and without: that one of them takes no TLS then
// says nothing.
func unconnected(err error) error {
	tries := triesOf(err)
	addressOf := func(try error) string {
		address, _, _ := strings.Cut(try.Error(), " (")
		return address
	}
	withoutTLS := func(try error) bool { return strings.Contains(try.Error(), noTLS) }
	several := slices.ContainsFunc(tries, func(try error) bool { return addressOf(try) != addressOf(tries[0]) })
	var reasons []string
	for _, try := range tries {
		triedWithout := func(other error) bool { return addressOf(other) == addressOf(try) && !withoutTLS(other) }
		if withoutTLS(try) && slices.ContainsFunc(tries, triedWithout) {
			continue
		}
		var dial *net.OpError
		var lookup *net.DNSError
		reason := inWords(cmp.Or(errors.Unwrap(try), try)).Error()
		reason = strings.TrimPrefix(reason, "ValidateConnect failed: ") // pgx's, of target_session_attrs
		switch {
		case errors.As(try, &lookup):
			reason = lookup.Error()
		case errors.As(try, &dial) && !dial.Timeout():
			reason = addressOf(try) + ": " + dial.Err.Error()
		case reason == "read only connection":
			reason = addressOf(try) + ": the server takes only reads"
		case several:
			reason = addressOf(try) + ": " + reason
		}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return errors.New(strings.Join(reasons, "; "))
}

// triesOf lists pgx's errors of a connection: one for each name without an address, then one for each try.
func triesOf(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if joined, is := e.(interface{ Unwrap() []error }); is {
			return joined.Unwrap()
		}
	}
	return []error{err}
}

// certificate explains an error of TLS.
func certificate(err error) error {
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return errors.New("an unknown authority signed the server's certificate: " +
			"set sslrootcert=FILE in the queue's URL to that authority's certificate")
	case errors.As(err, &other), errors.As(err, &invalid):
		return fmt.Errorf("the server's certificate is not valid for this connection: %w", err)
	case strings.Contains(err.Error(), noTLS):
		return errors.New("the server takes no TLS connections: turn its ssl on, or set sslmode=disable in the queue's URL on a safe network")
	}
	return err
}

// isGone reports whether a transaction missed what the store remembers.
func isGone(err error) bool {
	server, answered := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, errGone) || answered && server.Code == noPartition
}

// isLost reports whether an error ended the connection, so that nobody knows what was committed. A server that shuts down may say so after
// a commit, and a pooler that has lost its server answers in its place, with an error of class 08.
func isLost(err error) bool {
	server, answered := errors.AsType[*pgconn.PgError](err)
	return !answered || server.SeverityUnlocalized == "FATAL" || strings.HasPrefix(server.Code, "08")
}

// mayRepeat reports whether a transaction may succeed if it is repeated: others ended it, or the connection was lost.
func mayRepeat(err error) bool {
	if _, unconnected := errors.AsType[*pgconn.ConnectError](err); unconnected || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	server, answered := errors.AsType[*pgconn.PgError](err)
	return isLost(err) || answered && (server.Code == serializationFailure || server.Code == deadlockDetected)
}
