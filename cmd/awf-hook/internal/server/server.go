// Package server is the HTTP side of awf-hook serve: intake of events, health and metrics. Call [New] and [Server.Run].
// It knows the engine only through [Options].
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/trace"
	"golang.org/x/sync/semaphore"
)

// Bounds of the server. docs/serve.md names them.
const (
	maxStreams     = 32               // requests at once on a connection of HTTP/2
	maxHeader      = 32 << 10         // bytes of a request's header
	headerTimeout  = 10 * time.Second // for the header to arrive
	requestTimeout = time.Minute      // for the whole request to arrive
	restTimeout    = 5 * time.Second  // for the rest of a request to arrive whose answer does not depend on it
	answerTimeout  = time.Minute      // from the end of the request to the end of the answer
	idleTimeout    = 2 * time.Minute  // of a connection between requests
)

// Options are the settings of a server.
type Options struct {
	// Commit stores events, all or none, and returns the fate of each.
	Commit func(ctx context.Context, events []event.Event) ([]engine.Fate, error)
	// Differs returns the index of the first event whose id was committed with another body, or -1.
	Differs func(ctx context.Context, events []event.Event) (int, error)
	// Ready returns why events cannot be stored; nil if they can.
	Ready func(ctx context.Context) error
	Log   *slog.Logger

	Metrics http.Handler // nil for none
	Debug   http.Handler // of /debug/; nil for none
	API     http.Handler // of /v1/ but for /v1/events; nil for none
	Page    http.Handler // of all other paths; nil for none
	// Login shows the form for a token. to is the path to open afterwards, wrong says what was wrong with the last token.
	// Set it together with Page.
	Login func(w http.ResponseWriter, status int, to, wrong string)

	Refused func(source string, reason Reason, events int)
	Took    func(source string, ev *event.Event, fate engine.Fate)
	Span    func(*trace.Span) // receives each request's span; nil records none
}

// Server answers requests. Its settings may change while it runs.
type Server struct {
	Options
	gate     atomic.Pointer[gate]
	draining atomic.Bool            // no longer ready
	stopped  atomic.Bool            // accepts no more events
	reload   atomic.Pointer[string] // why the last reload failed; nil if it succeeded
	bodies   *semaphore.Weighted    // maxBodies bytes
	keys     keys
	sessions sessions
	logins   logins
	ready    readiness
	handler  http.Handler
}

// New makes a server. It starts nothing.
func New(o Options, a Access) *Server {
	s := &Server{Options: o, bodies: semaphore.NewWeighted(maxBodies)}
	s.SetAccess(a)
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/events", s.events)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /livez", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	for _, path := range []string{"/healthz", "/livez", "/readyz", "/metrics"} {
		mux.HandleFunc(path, onlyGet)
	}
	for _, path := range []string{"/events", "/v1/{$}", "/v1/events/{$}"} {
		mux.HandleFunc("POST "+path, astray)
	}
	if o.Metrics != nil {
		mux.HandleFunc("GET /metrics", s.metrics)
	}
	if o.Debug != nil {
		mux.Handle("/debug/", o.Debug)
	}
	if o.API != nil {
		mux.HandleFunc("/v1/", s.api)
	}
	if o.Page != nil {
		mux.HandleFunc("/", s.onPage(s.page))
		mux.HandleFunc("GET /assets/", s.onPage(o.Page.ServeHTTP)) // the log-in needs them too, and they reveal nothing about the queue
		mux.HandleFunc("GET /login", s.onPage(s.loginForm))
		mux.HandleFunc("POST /login", s.onPage(s.login))
		mux.HandleFunc("POST /logout", s.logout)
	}
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(crossOrigin))
	s.handler = sameOrigin.Handler(mux)
	return s
}

// crossOrigin answers a browser that sends a request of another site.
func crossOrigin(w http.ResponseWriter, _ *http.Request) {
	problem{status: http.StatusForbidden,
		text: "a browser sends this from another site: want an Origin with this server's Host, which a proxy must pass on"}.write(w)
}

// astray answers events at paths near that of events.
func astray(w http.ResponseWriter, _ *http.Request) {
	problem{status: http.StatusNotFound, text: "there is nothing here: send events to /v1/events"}.write(w)
}

// onlyGet answers other methods than GET and HEAD of a path.
func onlyGet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, HEAD")
	problem{status: http.StatusMethodNotAllowed, text: "want GET"}.write(w)
}

// SetAccess replaces the rules of access.
func (s *Server) SetAccess(a Access) { s.gate.Store(newGate(a, s.gate.Load())) }

// Drain makes the server unready: it still answers requests, and load balancers send new ones elsewhere.
func (s *Server) Drain() { s.draining.Store(true) }

// Reloaded notes the result of the last reload of the configuration.
func (s *Server) Reloaded(err error) {
	if err == nil {
		s.reload.Store(nil)
		return
	}
	text := err.Error()
	s.reload.Store(&text)
}

// Stale returns why the last reload failed, or "" if it did not.
func (s *Server) Stale() string {
	if text := s.reload.Load(); text != nil {
		return *text
	}
	return ""
}

// headers are on every answer. They keep a browser from running or showing anything foreign.
var headers = http.Header{
	"Cache-Control":                {"no-store"},
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Content-Security-Policy": {"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"form-action 'self'; base-uri 'self'; frame-ancestors 'none'"},
}

// endingKey is the context key of a context that ends as soon as the server stops.
type endingKey struct{}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		body := &rest{ReadCloser: r.Body}
		defer body.hurry(w)
		replaced := *r // net/http looks at its own request's body
		replaced.Body = body
		r = &replaced
	}
	h := w.Header()
	for name, value := range headers {
		h[name] = value
	}
	if !s.gate.Load().knowsHost(r) {
		problem{status: http.StatusMisdirectedRequest, text: "this host's name is not known here: see serve.hosts"}.write(w)
		return
	}
	s.handler.ServeHTTP(w, r)
}

// rest is what nobody has read of a request's body.
type rest struct {
	io.ReadCloser
	ended bool
}

func (b *rest) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err != nil
	return n, err
}

// hurry limits the time for the rest of a body. net/http sends a short answer after it has read the rest, or failed to.
func (b *rest) hurry(w http.ResponseWriter) {
	if !b.ended {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(restTimeout))
	}
}

// stopTimeout is how long the server still answers old requests when it stops.
const stopTimeout = 10 * time.Second

// Run answers requests on a listener until ctx ends, and then the requests that came before. tls may be nil.
func (s *Server) Run(ctx context.Context, ln net.Listener, tls *tls.Config) error {
	conns := newConns(ln, maxConns)
	server := &http.Server{
		Handler: s, TLSConfig: tls, ConnState: conns.state, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, IdleTimeout: idleTimeout,
		WriteTimeout: requestTimeout + answerTimeout, // it begins at the end of the header
		HTTP2:        &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:     log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), endingKey{}, ctx)
		},
	}
	server.RegisterOnShutdown(conns.closeIdle) // Shutdown itself gives new ones five seconds to send a request
	served := make(chan error, 1)
	go func() {
		if tls != nil {
			served <- server.ServeTLS(conns, "", "")
			return
		}
		served <- server.Serve(conns)
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.stopped.Store(true)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if server.Shutdown(stopping) != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
