package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// phase is how far an attempt has come.
type phase int32

const (
	phaseQueue phase = iota // for one of the webhook's connections
	phaseName               // its host's addresses are looked up
	phaseConnect
	phaseTLS
	phaseSend
	phaseAnswer
)

// progress follows an attempt. It is written by the transport's goroutines.
type progress struct {
	phase atomic.Int32
	kept  atomic.Bool // the connection had served another request
}

func (p *progress) at() phase     { return phase(p.phase.Load()) }
func (p *progress) reach(n phase) { p.phase.Store(int32(n)) }

func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { p.reach(phaseName) },
		ConnectStart:      func(string, string) { p.reach(phaseConnect) },
		TLSHandshakeStart: func() { p.reach(phaseTLS) },
		GotConn:           func(got httptrace.GotConnInfo) { p.reach(phaseSend); p.kept.Store(got.Reused) },
		WroteRequest:      func(httptrace.WroteRequestInfo) { p.reach(phaseAnswer) },
	})
}

// late says what did not happen in time.
func (s *Sender) late(reached phase, whole bool) *Fault {
	within := s.webhook.Timeout
	phaseLimit := map[phase]time.Duration{
		phaseName: s.deadlines.Connect, phaseConnect: s.deadlines.Connect, phaseTLS: s.deadlines.TLS, phaseAnswer: s.deadlines.FirstByte,
	}[reached]
	if !whole && phaseLimit > 0 {
		within = phaseLimit
	}
	what := map[phase]string{
		phaseQueue: "no free connection", phaseName: "the host's name was not resolved", phaseConnect: "no connection",
		phaseTLS: "no TLS handshake", phaseSend: "the request was not taken", phaseAnswer: "no answer",
	}[reached]
	return &Fault{Reason: fmt.Sprintf("%s within %v", what, within)}
}

// diagnose says in words why there was no answer. ctx is the attempt's, which ends with its time; parent is the caller's.
func (s *Sender) diagnose(parent, ctx context.Context, err error, reached phase) *Fault {
	var fault *Fault
	var refused *RefusedError
	var netErr net.Error
	switch {
	case parent.Err() != nil:
		return &Fault{Reason: "broken off, since awf-hook stops", Ours: true}
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &refused):
		return &Fault{Reason: refused.Error()}
	case ctx.Err() != nil:
		return s.late(reached, true)
	}
	if known := ofName(err); known != nil {
		return known
	}
	if errors.As(err, &netErr) && netErr.Timeout() {
		return s.late(reached, false)
	}
	for _, explain := range []func(error) *Fault{ofCertificate, ofTLS, ofSystem} {
		if fault := explain(err); fault != nil {
			return fault
		}
	}
	return &Fault{Reason: ofProtocol(err)}
}

// ofName explains a name that was not resolved.
func ofName(err error) *Fault {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
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

// ofCertificate explains a certificate that does not prove who the receiver is.
func ofCertificate(err error) *Fault {
	var invalid x509.CertificateInvalidError
	var other x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		now := time.Now()
		if now.Before(invalid.Cert.NotBefore) {
			return &Fault{Reason: "the receiver's certificate is not valid before " + day(invalid.Cert.NotBefore) + " (here it is " + day(now) + ")"}
		}
		return &Fault{Reason: "the receiver's certificate expired on " + day(invalid.Cert.NotAfter) + " (here it is " + day(now) + ")"}
	case errors.As(err, &other):
		return &Fault{Reason: "the receiver's certificate is for " + names(other.Certificate) + ", not for " + other.Host}
	case errors.As(err, &unknown):
		return &Fault{Reason: "the receiver's certificate is signed by an unknown authority (tls.ca_file can name one)"}
	case errors.As(err, &invalid):
		return &Fault{Reason: "the receiver's certificate is not valid: " + strings.TrimPrefix(x509.CertificateInvalidError{Reason: invalid.Reason}.Error(), "x509: ")}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// names are those that a certificate is for. They are the receiver's words: only what looks like a name is shown.
func names(c *x509.Certificate) string {
	const limit = 3
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	all = slices.DeleteFunc(all, func(name string) bool {
		return len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	})
	switch {
	case len(all) == 0:
		return "no host"
	case len(all) > limit:
		return strings.Join(all[:limit], ", ") + " and others"
	}
	return strings.Join(all, ", ")
}

// ofTLS explains a handshake that came to no end.
func ofTLS(err error) *Fault {
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &record):
		return &Fault{Reason: "the receiver does not speak TLS: " + record.Msg}
	case errors.As(err, &op) && op.Op == "remote error": // the text is the alert's, which crypto/tls knows
		return &Fault{Reason: "the receiver refused the TLS handshake: " + strings.TrimPrefix(op.Err.Error(), "tls: ")}
	}
	return nil
}

// ofSystem explains what the operating system said of the connection.
func ofSystem(err error) *Fault {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return nil
	}
	fault := &Fault{Reason: number.Error(), Ours: slices.Contains([]syscall.Errno{
		syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EPERM, syscall.EACCES,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	}, number)}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil {
		fault.Reason = op.Addr.String() + ": " + fault.Reason
	}
	return fault
}

// ofProtocol explains an answer that is none. What the receiver wrote stands quoted in the error, and it may echo the request.
func ofProtocol(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasSuffix(err.Error(), "server closed idle connection") {
		return "the receiver closed the connection without an answer"
	}
	text, _, _ := strings.Cut(err.Error(), `"`)
	if strings.Contains(text, "readLoopPeekFail") { // net/http's own slip of the pen
		return "the receiver answered before the request was sent"
	}
	for _, layer := range []string{"net/http: ", "HTTP/1.x transport connection broken: ", "net/http: ", "http: ", "http2: "} {
		text = strings.TrimPrefix(text, layer)
	}
	const limit = 200 // bytes
	return strings.ToValidUTF8(strings.TrimRight(text[:min(len(text), limit)], " :;,=[("), "")
}
