// Package listen is a receiver for trying things out: it verifies what arrives, shows it and answers as it was told.
package listen

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

// maxBody is the longest body that is taken, in bytes.
const maxBody = 8 << 20

// Receiver answers HTTP requests by a script and shows each of them.
type Receiver struct {
	Secrets []string       // under which signatures are verified
	Script  Script         // the answers
	Show    func(*Request) // is called with each request, one at a time, before it is answered

	mu sync.Mutex
	n  int
}

// Request is what arrived.
type Request struct {
	Number     int // from 1
	At         time.Time
	Path       string
	Header     http.Header
	Body       []byte
	Signatures []Signature // of the schemes whose headers are there
	Answer     Answer
}

// Signature is what a scheme's verification said.
type Signature struct {
	Scheme signature.Scheme
	Err    error // nil if it is good
}

// Verified says whether there is a signature and all are good.
func (r *Request) Verified() bool {
	for _, s := range r.Signatures {
		if s.Err != nil {
			return false
		}
	}
	return len(r.Signatures) > 0
}

// Serve answers the requests that come to ln until ctx ends, and closes ln.
func (r *Receiver) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	err := server.Serve(ln)
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := r.receive(req, body)
	if answer.Delay > 0 {
		select {
		case <-time.After(answer.Delay):
		case <-req.Context().Done():
			reset(w) // a plain return would answer 200
			return
		}
	}
	if answer.Reset {
		reset(w)
		return
	}
	if answer.RetryAfter != "" {
		w.Header().Set("Retry-After", answer.RetryAfter)
	}
	if answer.Status < 200 || answer.Status > 299 || answer.Status == http.StatusNoContent {
		w.WriteHeader(answer.Status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Status)
	_, _ = io.WriteString(w, taken) // to one that is gone
}

// taken is what Slack and Telegram say when they took a message, and others do not mind.
const taken = `{"ok":true}`

// receive counts, verifies and shows the request, and says what it gets.
func (r *Receiver) receive(req *http.Request, body []byte) Answer {
	now := time.Now()
	got := &Request{At: now, Path: req.URL.RequestURI(), Header: req.Header, Body: body}
	for _, scheme := range signature.Schemes {
		err := signature.Verify(req.Header, body, scheme, now, r.Secrets...)
		if errors.Is(err, signature.ErrMissing) && !anyHeader(req.Header, scheme) {
			continue
		}
		got.Signatures = append(got.Signatures, Signature{scheme, err})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	got.Answer = r.Script.answer(r.n)
	r.n++
	got.Number = r.n
	if r.Show != nil {
		r.Show(got)
	}
	return got.Answer
}

// anyHeader says whether a header of the scheme is there.
func anyHeader(h http.Header, scheme signature.Scheme) bool {
	prefix := map[signature.Scheme]string{
		signature.AWF: "X-Awf-Signature", signature.Standard: "Webhook-", signature.GitHub: "X-Hub-Signature-256",
	}[scheme]
	for name := range h {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// reset breaks the connection off without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}
