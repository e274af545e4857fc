package sender

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine/legible"
)

// Fault says why there is no answer, in words without secrets.
type Fault struct {
	Reason string
	Ours   bool // not the receiver's fault
	Final  bool // another attempt cannot help
}

func (f *Fault) Error() string { return f.Reason }

// diagnose says why there is no answer. ctx is the attempt's own context, which ends with its timeout; parent is the
// caller's.
func (s *Sender) diagnose(parent, ctx context.Context, err error, reached phase) *Fault {
	if parent.Err() != nil {
		return &Fault{Reason: "interrupted, since awf-hook is stopping", Ours: true}
	}
	if fault, known := errors.AsType[*Fault](err); known {
		return fault
	}
	if refused, known := errors.AsType[*RefusedError](err); known {
		return &Fault{Reason: refused.Error()}
	}
	if ctx.Err() != nil {
		return &Fault{Reason: fmt.Sprintf("%s within %v", late[reached], s.webhook.Timeout)}
	}
	if fault := ofName(err); fault != nil {
		return fault
	}
	if network, known := errors.AsType[net.Error](err); known && network.Timeout() && reached <= phaseTLS {
		limits := [phaseTLS + 1]time.Duration{
			phaseName: s.deadlines.Connect, phaseConnect: s.deadlines.Connect, phaseTLS: s.deadlines.TLS,
		}
		return &Fault{Reason: fmt.Sprintf("%s within %v", late[reached], cmp.Or(limits[reached], s.webhook.Timeout))}
	}
	for _, explain := range []func(error) *Fault{ofCertificate, ofTLS, ofSystem} {
		if fault := explain(err); fault != nil {
			return fault
		}
	}
	return &Fault{Reason: ofProtocol(err)}
}

// ofName explains why a name was not resolved.
func ofName(err error) *Fault {
	dns, known := errors.AsType[*net.DNSError](err)
	switch {
	case !known:
		return nil
	case dns.IsNotFound:
		return &Fault{Reason: dns.Name + ": no such host"}
	case strings.Contains(dns.Err, syscall.ENETUNREACH.Error()), strings.Contains(dns.Err, syscall.ECONNREFUSED.Error()):
		return &Fault{Reason: "no name server can be reached", Ours: true}
	case dns.IsTimeout:
		return nil
	}
	return &Fault{Reason: dns.Name + ": the name servers gave no proper answer"}
}

// ofCertificate explains a certificate that does not prove the receiver's identity.
func ofCertificate(err error) *Fault {
	var invalid x509.CertificateInvalidError
	var other x509.HostnameError
	var unknown x509.UnknownAuthorityError
	reason := "the receiver's certificate "
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		now := time.Now()
		if notBefore := invalid.Cert.NotBefore; now.Before(notBefore) {
			reason += "is not valid before " + day(notBefore)
		} else {
			reason += "expired on " + day(invalid.Cert.NotAfter)
		}
		reason += " (here it is " + day(now) + ")"
	case errors.As(err, &other):
		reason += "is for " + names(other.Certificate) + ", not for " + other.Host
	case errors.As(err, &unknown):
		reason += "is signed by an unknown authority (tls.ca_file can name one)"
	case errors.As(err, &invalid):
		reason += "is not valid: " + strings.TrimPrefix(x509.CertificateInvalidError{Reason: invalid.Reason}.Error(), "x509: ")
	default:
		return nil
	}
	return &Fault{Reason: reason}
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// names lists the names in a certificate. They come from the receiver, so only those that look like names are shown.
func names(c *x509.Certificate) string {
	const limit = 3
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	all = slices.DeleteFunc(all, func(name string) bool { return !isPlain(name) })
	switch {
	case len(all) == 0:
		return "no host"
	case len(all) > limit:
		all = append(all[:limit-1], all[limit-1]+" and others")
	}
	return strings.Join(all, ", ")
}

// ofTLS explains why a handshake failed.
func ofTLS(err error) *Fault {
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &record):
		return &Fault{Reason: "the receiver does not speak TLS: " + record.Msg}
	case errors.As(err, &op) && op.Op == "remote error": // the text is that of crypto/tls for the alert
		return &Fault{Reason: "the receiver refused the TLS handshake: " + strings.TrimPrefix(op.Err.Error(), "tls: ")}
	}
	return nil
}

// ours are the errors of this machine and its network.
var ours = []syscall.Errno{
	syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EPERM, syscall.EACCES,
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
}

// ofSystem explains an error of the operating system on the connection.
func ofSystem(err error) *Fault {
	number, known := errors.AsType[syscall.Errno](err)
	if !known {
		return nil
	}
	fault := &Fault{Reason: number.Error(), Ours: slices.Contains(ours, number)}
	if op, known := errors.AsType[*net.OpError](err); known && op.Addr != nil {
		fault.Reason = op.Addr.String() + ": " + fault.Reason
	}
	return fault
}

// ofProtocol explains an answer that is not HTTP. The error quotes what the receiver wrote, which may echo the request.
func ofProtocol(err error) string {
	isEnd := func(end error) bool { return errors.Is(err, end) }
	ends := []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} // the last if it came while the request was being written
	if slices.ContainsFunc(ends, isEnd) || strings.HasSuffix(err.Error(), "server closed idle connection") {
		return "the receiver closed the connection without an answer"
	}
	text, _, _ := strings.Cut(err.Error(), `"`)
	if strings.Contains(text, "readLoopPeekFail") { // an error that net/http leaks by mistake
		return "the receiver answered before the request was sent"
	}
	for _, layer := range []string{"net/http: ", "HTTP/1.x transport connection broken: ", "net/http: ", "http: ", "http2: "} {
		text = strings.TrimPrefix(text, layer)
	}
	const limit = 200 // bytes
	return strings.TrimRight(legible.Cut(text, limit), " :;,=[(")
}
