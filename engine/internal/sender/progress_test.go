package sender_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// An answered attempt leaves its watch to the next one. Nothing of an attempt reaches another: not its timeout, not the end of its
// context, and not the time that it took to connect.
func TestWatchIsUsedAgain(t *testing.T) {
	for _, overHTTP2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %v", overHTTP2), func(t *testing.T) { useWatchAgain(t, overHTTP2) })
	}
}

func useWatchAgain(t *testing.T, overHTTP2 bool) {
	var pause atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if (r.ProtoMajor == 2) != overHTTP2 {
			t.Errorf("a request over %s", r.Proto)
		}
		select {
		case <-time.After(time.Duration(pause.Load())):
		case <-r.Context().Done():
		}
	}))
	server.EnableHTTP2 = true
	if overHTTP2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	defer server.Close()
	w := webhook(t, server.URL)
	w.Timeout = time.Second
	if overHTTP2 {
		w.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
	}
	s := newSender(t, w)
	first, stop := context.WithCancel(t.Context())
	stopped, stopNow := context.WithCancel(t.Context())
	stopNow()
	for i, step := range []struct {
		why   string
		ctx   context.Context
		pause time.Duration
		want  delivery.Outcome
		idle  int
	}{
		{"on a new connection", first, 0, delivery.Delivered, 1},
		{"on a kept connection", first, 0, delivery.Delivered, 1},
		{"its own time", first, 600 * time.Millisecond, delivery.Delivered, 1},
		{"its own time, again", first, 600 * time.Millisecond, delivery.Delivered, 1},
		{"too slow", first, time.Minute, delivery.Retry, 0},
		{"after a slow one", first, 0, delivery.Delivered, 1},
		{"on a kept connection, again", first, 0, delivery.Delivered, 1},
		{"its caller had gone, and the idle watch is of another caller", stopped, 0, delivery.Retry, 0},
		{"of another caller", t.Context(), 0, delivery.Delivered, 1},
	} {
		pause.Store(int64(step.pause))
		a := s.Send(step.ctx, newDelivery())
		if idle := s.IdleWatches(); a.Outcome != step.want || idle != step.idle {
			t.Errorf("attempt %d, %s: %v (%s), %d watches are kept, want %v and %d", i+1, step.why, a.Outcome, a.Reason, idle, step.want, step.idle)
		}
		if connected := a.Phases.Connect + a.Phases.TLS; connected > 0 && strings.Contains(step.why, "kept") {
			t.Errorf("attempt %d, %s: connected for %v", i+1, step.why, connected)
		}
		if step.pause < w.Timeout && a.Phases.FirstByte < step.pause {
			t.Errorf("attempt %d, %s: %v until the first byte, want at least %v", i+1, step.why, a.Phases.FirstByte, step.pause)
		}
	}
	stop()
	s.Close()
	if idle := s.IdleWatches(); idle != 0 {
		t.Errorf("%d watches are kept by a closed sender", idle)
	}
}

// The clock's difference is that of each answer's own Date header.
func TestSkewIsOfTheAnswer(t *testing.T) {
	ahead := []time.Duration{0, time.Hour, time.Hour, -time.Minute}
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i := n.Load()
		w.Header().Set("Date", time.Now().Add(ahead[i]).UTC().Format(http.TimeFormat))
		if i == int64(len(ahead)-1) {
			w.Header().Set("Date", "yesterday")
		}
	}))
	defer server.Close()
	s := newSender(t, webhook(t, server.URL))
	for i, want := range ahead {
		n.Store(int64(i))
		if i == len(ahead)-1 {
			want = 0
		}
		if a := s.Send(t.Context(), newDelivery()); (a.Skew - want).Abs() > 5*time.Second {
			t.Errorf("answer %d: the clocks differ by %v, want %v", i+1, a.Skew, want)
		}
	}
}
