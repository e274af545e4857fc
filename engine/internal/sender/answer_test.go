package sender_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

func TestEveryStatusHasItsOutcome(t *testing.T) {
	retried := map[int]bool{408: true, 425: true, 429: true}
	var status atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(status.Load()))
	}))
	defer server.Close()
	s := newSender(t, webhook(t, server.URL))
	for code := 200; code <= 599; code++ {
		want := delivery.Dead
		switch {
		case code < 300:
			want = delivery.Delivered
		case code >= 500, retried[code]:
			want = delivery.Retry
		}
		status.Store(int64(code))
		a := s.Send(t.Context(), newDelivery())
		if a.Outcome != want || a.Status != code {
			t.Errorf("%d: %v with status %d, want %v", code, a.Outcome, a.Status, want)
		}
		if !strings.HasPrefix(a.Reason, fmt.Sprint(code)) {
			t.Errorf("%d: reason %q does not begin with it", code, a.Reason)
		}
	}
}

// The text of the status line comes from the receiver, and may repeat the request.
func TestReasonHasNoWordsOfTheReceiver(t *testing.T) {
	target := rawServer(t, func(conn *rawConn) {
		conn.readRequest()
		fmt.Fprint(conn, "HTTP/1.1 503 your key is hidden\r\nContent-Length: 6\r\n\r\nhidden")
	})
	a := newSender(t, webhook(t, target)).Send(t.Context(), newDelivery())
	if want := "503 Service Unavailable"; a.Reason != want {
		t.Errorf("reason = %q, want %q", a.Reason, want)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer other.Close()
	otherHost := strings.TrimPrefix(other.URL, "http://")
	var location atomic.Value
	var status, requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if to := location.Load().(string); to != "" {
			w.Header().Set("Location", to)
		}
		w.WriteHeader(int(status.Load()))
	}))
	defer server.Close()
	ownHost := strings.TrimPrefix(server.URL, "http://")
	tests := []struct {
		name, location, host string
		status               int
	}{
		{"another host", "http://user:hidden@" + otherHost + "/hidden?hidden=1#hidden", otherHost, 302},
		{"permanent", other.URL + "/hidden", otherHost, 301},
		{"that keeps the method", other.URL, otherHost, 307},
		{"permanent that keeps the method", other.URL, otherHost, 308},
		{"see other", other.URL, otherHost, 303},
		{"another scheme", "https://example.test/hidden", "example.test", 302},
		{"another path", "/hidden", ownHost, 302},
		{"nowhere", "", "", 302},
		{"no URL", "http://%zz/hidden", "", 302},
	}
	s := newSender(t, webhook(t, server.URL+"/hidden?hidden=1"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			location.Store(tt.location)
			status.Store(int64(tt.status))
			before := requests.Load()
			a := s.Send(t.Context(), newDelivery())
			want := fmt.Sprintf("%d %s", tt.status, http.StatusText(tt.status))
			if tt.host != "" {
				want += ", to " + tt.host
			}
			want += " (redirects are not followed)"
			if a.Outcome != delivery.Dead || a.Reason != want {
				t.Errorf("%v: %q, want dead: %q", a.Outcome, a.Reason, want)
			}
			if n := requests.Load() - before; n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
	if n := followed.Load(); n > 0 {
		t.Errorf("%d redirects followed", n)
	}
}

func TestBodyThatStallsBehindAStatusDoesNotChangeIt(t *testing.T) {
	for status, want := range map[int]delivery.Outcome{200: delivery.Delivered, 503: delivery.Retry, 404: delivery.Dead} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(status)
				_ = http.NewResponseController(w).Flush()
				<-release
			}))
			defer server.Close()
			defer close(release)
			w := webhook(t, server.URL)
			w.Timeout = 200 * time.Millisecond // the header must arrive in time on a busy machine
			a := newSender(t, w).Send(t.Context(), newDelivery())
			if a.Outcome != want || a.Status != status {
				t.Errorf("%v with status %d: %s, want %v", a.Outcome, a.Status, a.Reason, want)
			}
			if a.Took < w.Timeout || a.Took > w.Timeout+5*time.Second {
				t.Errorf("took %v, want about the timeout of %v", a.Took, w.Timeout)
			}
		})
	}
}

func TestLargeResponseIsCutOff(t *testing.T) {
	const large = 10 << 20
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(gone)
		// Endless, so that no buffer on the way can hold it.
		for chunk := bytes.Repeat([]byte("x"), 64<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	a := newSender(t, webhook(t, server.URL)).Send(t.Context(), newDelivery())
	if a.Outcome != delivery.Delivered || a.Took > 5*time.Second {
		t.Errorf("%v after %v: %s, want delivered at once", a.Outcome, a.Took, a.Reason)
	}
	<-gone

	body := &countingBody{Reader: io.LimitReader(zeros{}, large)}
	s := sender.New(webhook(t, "http://example.test"), roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: body}, nil
	}))
	if a := s.Send(t.Context(), newDelivery()); a.Outcome != delivery.Delivered {
		t.Errorf("%v: %s, want delivered", a.Outcome, a.Reason)
	}
	if limit := 16 << 10; body.read > limit || !body.closed {
		t.Errorf("%d bytes of %d read, closed: %v, want at most %d and closed", body.read, large, body.closed, limit)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type countingBody struct {
	io.Reader
	read   int
	closed bool
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

func (b *countingBody) Close() error { b.closed = true; return nil }
