// Package sender makes the attempts of deliveries: it builds the request, signs it, sends it and judges the answer. Use
// [New] and [Sender.Send].
package sender

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/signature"
)

// maxResponse is how much of a response's body is read, in bytes: on the wire, and again after decompression.
const maxResponse = 16 << 10

// Webhook holds the parts of a webhook's configuration that an attempt needs.
type Webhook struct {
	URL         *url.URL
	Method      string // "" is POST
	Headers     [][2]string
	Secrets     []Secret // newest first
	Signing     []signature.Scheme
	Custom      []signature.Custom // the receiver's own schemes, in addition to Signing
	Timeout     time.Duration      // of an attempt, the response's body included
	MaxInFlight int                // limits its connections
	UserAgent   string

	Trusted  bool           // it comes from the user's own file: it may reach loopback and private addresses
	Allow    []netip.Prefix // the user's network.allow: it may reach these too
	TLS      *tls.Config    // another authority, a client certificate; nil uses the system's and none
	Known    []string       // more secrets to mask: the expanded variables of its configuration
	Receiver Receiver       // interprets answers of its format's receiver; nil for none

	Proxy     *url.URL      // nil uses the environment's
	Deadlines Deadlines     // of an attempt's parts
	Resolver  *net.Resolver // nil for the system's
}

// Secret is a secret and the time in which it signs.
type Secret struct {
	Value               string
	NotBefore, NotAfter time.Time // zero for no limit
}

// secrets appends the secrets that sign at a time to valid.
func (w *Webhook) secrets(valid []string, now time.Time) []string {
	for _, s := range w.Secrets {
		if !now.Before(s.NotBefore) && (s.NotAfter.IsZero() || now.Before(s.NotAfter)) {
			valid = append(valid, s.Value)
		}
	}
	return valid
}

// Sender makes the attempts of one webhook. It is safe for concurrent use.
type Sender struct {
	webhook   Webhook
	url       *url.URL    // without userinfo
	header    http.Header // of every request
	transport http.RoundTripper
	network   *http.Transport // the same, or the one that a [direct] dials with; nil for a transport of the program's own
	deadlines Deadlines
	proxied   bool
	masker    *secret.Masker
	mask      func(string) string // by masker
	broken    error               // a [Fault] of every attempt
	signers   atomic.Pointer[signers]
	watches   watches
	date      atomic.Pointer[date] // of the last answer

	mu      sync.Mutex
	suspect bool // a kept connection gave no answer
}

// New makes a sender. A nil transport uses HTTP over the network.
func New(w Webhook, transport http.RoundTripper) *Sender {
	target := *w.URL
	target.User = nil
	s := &Sender{webhook: w, url: &target, header: staticHeader(&w), transport: transport, deadlines: w.Deadlines.within(w.Timeout)}
	var proxy *url.URL
	if transport == nil {
		proxy, s.broken = proxyOf(&w)
		s.network = newTransport(&w, proxy, s.deadlines)
		s.transport, s.proxied = s.network, proxy != nil
		if d := newDirect(s.url, w.MaxInFlight, s.network); d != nil && !s.proxied {
			s.transport = d
		}
	}
	s.masker = newMasker(&w, proxy)
	s.mask = s.masker.Text
	if s.broken == nil && s.proxied {
		s.broken = Guard{w.Trusted, w.Allow}.CheckHost(w.URL.Hostname())
	}
	return s
}

// Close releases what is kept for the next attempt: connections and watches.
func (s *Sender) Close() {
	s.watches.drop()
	s.disconnect()
}

// disconnect closes the idle connections.
func (s *Sender) disconnect() {
	if t, ok := s.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Send makes an attempt of the delivery. The returned attempt holds no secret, no header value and no part of the URL but
// its host.
func (s *Sender) Send(ctx context.Context, d *delivery.Delivery) delivery.Attempt {
	a := delivery.Attempt{Number: d.Attempts + 1, At: time.Now()}
	w := s.watches.begin(ctx, a.At, s.webhook.Timeout)
	answer, err := s.exchange(w, d, a)
	a.Took, a.Phases = time.Since(a.At), w.split
	s.watches.end(w)
	v := Judge(Exchange{
		Answer: answer, Err: err, At: a.At.Add(a.Took), URL: s.url, Stamped: s.signs(), Proxied: s.proxied, Receiver: s.webhook.Receiver,
	})
	mask := s.maskOf(d)
	a.Status, a.Outcome, a.Reason = answer.Status, v.Outcome, mask(v.Reason)
	a.RetryAfter, a.Free, a.Gone, a.Blame = v.RetryAfter, v.Blame == delivery.BlameSender, v.Gone, v.Blame
	a.Response = excerpt(answer.Body, mask)
	if sent, known := s.dateOf(answer.Header); known {
		a.Skew = sent.Sub(a.At.Add(a.Took)).Round(time.Second)
	}
	return a
}

// date is a Date header and its time.
type date struct {
	text string
	at   time.Time
}

// dateOf returns the time of an answer's Date header, and false if it has none. It parses the header once a second: it is the same in all
// answers of a second.
func (s *Sender) dateOf(h http.Header) (time.Time, bool) {
	text := h.Get("Date")
	if last := s.date.Load(); last != nil && last.text == text {
		return last.at, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return time.Time{}, false
	}
	s.date.Store(&date{text, at})
	return at, true
}

// exchange sends the request and reads the answer. The error is a [Fault].
func (s *Sender) exchange(w *watch, d *delivery.Delivery, a delivery.Attempt) (delivery.Answer, error) {
	req, err := s.fill(w.request, d, a)
	err = cmp.Or(err, s.broken, s.outdated(a.At))
	var res *http.Response
	if err == nil {
		s.leaveSuspect()
		// Do not use an http.Client: it follows redirects and puts the URL into its errors.
		if res, err = s.transport.RoundTrip(req); err != nil && w.kept.Load() {
			s.mu.Lock()
			s.suspect = true
			s.mu.Unlock()
		}
	}
	w.split = w.phases()
	if err == nil && res == nil { // a transport of the library's user
		err = &Fault{Reason: "the transport returned neither an answer nor an error"}
	}
	if err != nil {
		return delivery.Answer{}, s.diagnose(w.parent, w.ctx, err, w.at())
	}
	if res.Body == nil { // as from such a transport
		res.Body = http.NoBody
	}
	defer res.Body.Close()
	w.proto = res.ProtoMajor
	if res.StatusCode == 0 { // net/http lets it pass
		return delivery.Answer{}, &Fault{Reason: "an answer with the status 000"}
	}
	answer := delivery.Answer{Status: res.StatusCode, Header: res.Header}
	if res.StatusCode != http.StatusSwitchingProtocols { // its body is the bare connection, which has no deadline
		answer.Body = read(res)
	}
	return answer, nil
}

// leaveSuspect closes the kept connections after one of them gave no answer: they may be dead too, and each would cost an
// attempt. It runs before the next attempt and not after the failed one, since an HTTP/2 connection still counts as busy
// for a moment. HTTP/2's own pings do not help: with them net/http keeps the memory of each ended connection for a ping's
// interval.
func (s *Sender) leaveSuspect() {
	s.mu.Lock()
	defer s.mu.Unlock() // so that no other attempt takes one of them meanwhile
	if s.suspect {
		s.suspect = false
		s.disconnect()
	}
}

// outdated returns the fault of a client certificate that is not valid now: the receiver would only abort the handshake.
func (s *Sender) outdated(now time.Time) error {
	if s.webhook.TLS == nil {
		return nil
	}
	for _, c := range s.webhook.TLS.Certificates {
		leaf := c.Leaf
		if leaf == nil {
			leaf, _ = x509.ParseCertificate(c.Certificate[0])
		}
		switch {
		case leaf == nil:
		case now.After(leaf.NotAfter):
			return &Fault{Reason: "our client certificate expired on " + day(leaf.NotAfter), Ours: true}
		case now.Before(leaf.NotBefore):
			return &Fault{Reason: "our client certificate is not valid before " + day(leaf.NotBefore), Ours: true}
		}
	}
	return nil
}

// read reads the beginning of the answer's body. If the body breaks off, read returns what arrived: the status says what
// became of the request. A body that is read to its end leaves the connection for the next attempt; a longer body is not
// worth the time.
func read(res *http.Response) []byte {
	if res.Body == http.NoBody {
		return nil
	}
	wire := io.LimitReader(res.Body, maxResponse)
	if encoding := res.Header.Get("Content-Encoding"); encoding != "gzip" && encoding != "x-gzip" {
		body, _ := io.ReadAll(wire)
		return body
	}
	// The server compressed the body unasked. The rest on the wire is read too, so that the connection can be kept.
	defer func() { _, _ = io.Copy(io.Discard, wire) }()
	unzip, err := gzip.NewReader(wire)
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(unzip, maxResponse))
	return body
}
