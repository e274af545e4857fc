// Package server is the face of awf-hook serve: the intake of events over HTTP, health and metrics. It sees of the engine what
// [Options] give it.
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
)

// Bounds of the server. docs/serve.md names them.
const (
	maxHeader      = 32 << 10         // bytes of a request's header
	headerTimeout  = 10 * time.Second // in which it comes
	requestTimeout = time.Minute      // in which the whole request comes
	answerTimeout  = time.Minute      // from the end of the header to the end of the answer
	idleTimeout    = 2 * time.Minute  // of a connection between requests
)

// Options are what a server works with.
type Options struct {
	// Commit stores events, all or none, and says what became of each.
	Commit func(ctx context.Context, events []event.Event) ([]engine.Fate, error)
	// Ready says why events cannot be stored; nil if they can.
	Ready func(ctx context.Context) error
	Log   *slog.Logger

	Metrics http.Handler // nil for none
	Debug   http.Handler // of /debug/; nil for none
	API     http.Handler // of /v1/ but for /v1/events; nil for none
	Page    http.Handler // of all other paths; nil for none
	// Login shows where to type a token: the path that it leads to, and what was wrong before. It goes with Page.
	Login func(w http.ResponseWriter, status int, to, wrong string)

	Refused func(source string, reason Reason, events int)
	Took    func(source string, ev *event.Event, fate engine.Fate)
	Span    func(*trace.Span) // is told of each request's; nil records none
}

// Server answers requests. Its settings can change while it runs.
type Server struct {
	Options
	gate     atomic.Pointer[gate]
	draining atomic.Bool            // not ready any more
	stopped  atomic.Bool            // takes no events any more
	reload   atomic.Pointer[string] // why the last reload failed; nil if it did not
	bodies   budget
	sessions sessions
	logins   logins
	ready    readiness
	handler  http.Handler
}

// New makes a server. It starts nothing.
func New(o Options, a Access) *Server {
	s := &Server{Options: o, bodies: budget{left: maxBodies}}
	s.SetAccess(a)
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/events", s.events)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /livez", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
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
		mux.HandleFunc("/", s.page)
		mux.HandleFunc("GET /assets/", s.assets)
		mux.HandleFunc("GET /login", s.loginForm)
		mux.HandleFunc("POST /login", s.login)
		mux.HandleFunc("POST /logout", s.logout)
	}
	s.handler = http.NewCrossOriginProtection().Handler(mux)
	return s
}

// SetAccess says from now on who may do what.
func (s *Server) SetAccess(a Access) { s.gate.Store(newGate(a, s.gate.Load())) }

// Drain makes the server unready: requests are still answered, and what asks whether it is ready sends them elsewhere.
func (s *Server) Drain() { s.draining.Store(true) }

// Reloaded notes how the last reload of the configuration ended.
func (s *Server) Reloaded(err error) {
	if err == nil {
		s.reload.Store(nil)
		return
	}
	text := err.Error()
	s.reload.Store(&text)
}

// Stale says why the last reload of the configuration was not taken up; "" if it was.
func (s *Server) Stale() string {
	if text := s.reload.Load(); text != nil {
		return *text
	}
	return ""
}

// stopping reports whether no more events are taken.
func (s *Server) stopping() bool { return s.stopped.Load() }

// headers are on each answer. They keep a browser from running or showing anything here that is not the page's own.
var headers = http.Header{
	"Cache-Control":                {"no-store"},
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Content-Security-Policy": {"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
}

// endingKey is where a request's context has one that ends as soon as the server is to end.
type endingKey struct{}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

// stopTimeout is how long requests are answered that came before the end.
const stopTimeout = 10 * time.Second

// Run answers on a listener until ctx ends, and then what came before. tls is nil for none.
func (s *Server) Run(ctx context.Context, ln net.Listener, tls *tls.Config) error {
	conns := newConns(ln, maxConns)
	server := &http.Server{
		Handler: s, TLSConfig: tls, ConnState: conns.state, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), endingKey{}, ctx)
		},
	}
	server.RegisterOnShutdown(conns.closeAll) // Shutdown itself gives new ones five seconds to send a request
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
