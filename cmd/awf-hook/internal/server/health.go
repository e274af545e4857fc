package server

import (
	"context"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"
)

// healthz says that the process answers. It does not ask the store, since a failing store must not restart every node.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

const (
	readyTimeout = 5 * time.Second // for the store to answer
	readyPeriod  = time.Second     // how often the store is asked at most
)

// readiness is the store's last answer.
type readiness struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

func (r *readiness) ask(ctx context.Context, store func(context.Context) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) >= readyPeriod {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		r.err = store(ctx)
		r.at = time.Now()
	}
	return r.err
}

// readyz says whether events are accepted now, and why not. The reasons are general, since anybody may ask.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	reasons := []string{}
	if s.draining.Load() {
		reasons = append(reasons, "draining")
	}
	if s.ready.ask(r.Context(), s.Ready) != nil {
		reasons = append(reasons, "the queue does not accept events")
	}
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, struct {
		Ready   bool     `json:"ready"`
		Reasons []string `json:"reasons"`
		Stale   bool     `json:"stale_configuration,omitempty"` // the last reload failed, and the older configuration applies
	}{len(reasons) == 0, reasons, s.Stale() != ""})
}

// metrics answers clients with a token, or everybody if no token is needed.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	if _, err := s.caller(r); err != nil {
		problem{status: http.StatusUnauthorized, text: "metrics need a token"}.write(w)
		return
	}
	s.Metrics.ServeHTTP(w, r)
}

// Pprof answers /debug/pprof/.
func Pprof() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
