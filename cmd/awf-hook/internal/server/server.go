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
	Refused func(source string, reason Reason, events int)
	Took    func(source string, ev *event.Event, fate engine.Fate)
}

// Server answers requests. Its settings can change while it runs.
type Server struct {
	Options
	access   atomic.Pointer[access]
	draining atomic.Bool            // not ready any more
	stopped  atomic.Bool            // takes no events any more
	reload   atomic.Pointer[string] // why the last reload failed; nil if it did not
	bodies   budget
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
	s.handler = http.NewCrossOriginProtection().Handler(mux)
	return s
}

// SetAccess says from now on who may do what.
func (s *Server) SetAccess(a Access) { s.access.Store(newAccess(a, s.access.Load())) }

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

// stopping reports whether no more events are taken.
func (s *Server) stopping() bool { return s.stopped.Load() }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if !s.access.Load().knowsHost(r) {
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
		ErrorLog:    log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
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
