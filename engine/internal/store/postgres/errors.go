package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
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
)

// causes explains errors of the server to whoever runs awf-hook.
var causes = map[string]string{
	readOnly:           "the server is a read-only standby: add the primary and target_session_attrs=read-write to the queue's URL",
	diskFull:           "the server's disk is full",
	tooManyConnections: "the server has no connection left: raise max_connections, or lower pool_max_conns in the queue's URL",
	outOfMemory:        "the server is out of memory",
	queryCanceled:      "the server's statement_timeout ended the transaction",
	adminShutdown:      "the server is shutting down",
	crashShutdown:      "the server is recovering from a crash",
	cannotConnectNow:   "the server is starting up",
	lockNotAvailable:   "another transaction holds a lock for more than 10 s: pg_stat_activity shows it",
	noSuchPrepared:     "a pooler in transaction mode loses prepared statements: add default_query_exec_mode=exec to the queue's URL",
	preparedTwice:      "a pooler in transaction mode mixes prepared statements: add default_query_exec_mode=exec to the queue's URL",
}

// inWords explains an error. The result holds no password: pgx names only user, database and host of a connection.
func inWords(err error) error {
	var server *pgconn.PgError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, store.ErrFull), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &server):
		if cause := causes[server.Code]; cause != "" {
			return fmt.Errorf("%s (SQLSTATE %s)", cause, server.Code)
		}
		if strings.HasPrefix(server.Code, "28") {
			return fmt.Errorf("the server refuses the login: %s (SQLSTATE %s)", server.Message, server.Code)
		}
		return fmt.Errorf("%s (SQLSTATE %s)", server.Message, server.Code)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("the server does not answer: %w", err)
	}
	return err
}

// mayRepeat reports whether a transaction may succeed if it is repeated: others ended it, or the connection was lost.
func mayRepeat(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		switch server.Code {
		case serializationFailure, deadlockDetected, adminShutdown, crashShutdown, noPartition:
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	return !errors.As(err, &connect) && !errors.Is(err, context.DeadlineExceeded)
}
