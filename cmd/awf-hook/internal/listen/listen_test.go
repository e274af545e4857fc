package listen_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/google/go-cmp/cmp"
)

const secret = "0123456789abcdef"

// serve runs a receiver. It returns its URL, the requests that it shows, and a function that ends it and returns Serve's
// error.
func serve(t *testing.T, script string, secrets ...string) (url string, shown <-chan *listen.Request, end func() error) {
	t.Helper()
	answers, err := listen.ParseScript(script)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests := make(chan *listen.Request, 100)
	r := &listen.Receiver{Secrets: secrets, Script: answers, Show: func(req *listen.Request) { requests <- req }}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, ln) }()
	end = func() error {
		cancel()
		err := <-served
		served <- err
		return err
	}
	t.Cleanup(func() { _ = end() })
	return "http://" + ln.Addr().String(), requests, end
}

// post sends a body and describes the answer: the status with Retry-After's value, or "error".
func post(t *testing.T, url string, header http.Header, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "error"
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	got := fmt.Sprint(res.StatusCode)
	if after := res.Header.Get("Retry-After"); after != "" {
		got += " after " + after
	}
	return got
}

func TestAnswersFollowTheScript(t *testing.T) {
	tests := []struct{ script, want string }{
		{"", "200 200 200"},
		{"204", "204 204 204"},
		{"503x2,200", "503 503 200 200"},
		{"200,500", "200 500 500 500"},
		{"200x1,500x2", "200 500 500 200 200"},
		{" 410x1 , 599 ", "410 599 599"},
		{"429:5,503:0x1", "429 after 5,503 after 0,200,200"},
		{"reset,200", "error 200 200"},
		{"resetx2,404x1,reset", "error error 404 error error"},
		{"slow:1msx2,301", "200 200 301"},
		{"slow:1ms", "200 200"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			url, _, _ := serve(t, tt.script)
			separator := " "
			if strings.Contains(tt.want, ",") {
				separator = ","
			}
			var got []string
			for range strings.Split(tt.want, separator) {
				got = append(got, post(t, url, nil, "{}"))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, separator)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSlowAnswerWaits(t *testing.T) {
	url, _, _ := serve(t, "slow:60ms,200")
	begun := time.Now()
	if got := post(t, url, nil, "{}"); got != "200" {
		t.Errorf("answer = %s, want 200", got)
	}
	if took := time.Since(begun); took < 60*time.Millisecond {
		t.Errorf("took %v, want 60ms at least", took)
	}
}

func TestRequestIsShownBeforeItsAnswer(t *testing.T) {
	url, shown, _ := serve(t, "503,slow:1h")
	header := http.Header{"X-Awf-Event": {"workflow_end"}}
	post(t, url+"/path?q=1", header, `{"a": 1}`)
	first := <-shown
	if first.Number != 1 || first.Path != "/path?q=1" || string(first.Body) != `{"a": 1}` || first.Reply.Status != 503 {
		t.Errorf("first request: %d, %s, %s, %v", first.Number, first.Path, first.Body, first.Reply)
	}
	if got := first.Header.Get("X-AWF-Event"); got != "workflow_end" {
		t.Errorf("X-AWF-Event = %q, want workflow_end", got)
	}
	if age := time.Since(first.At); age < 0 || age > time.Minute {
		t.Errorf("at %v, want now", first.At)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
			res.Body.Close()
		}
	}()
	if second := <-shown; second.Number != 2 || second.Reply.Delay != time.Hour {
		t.Errorf("second request: %d, %v", second.Number, second.Reply)
	}
}

func TestVerdicts(t *testing.T) {
	const body = `{"event":"workflow_end"}`
	sign := func(under string, at time.Time, schemes ...signature.Scheme) http.Header {
		h := http.Header{}
		for _, scheme := range schemes {
			m := signature.Message{ID: "msg_1", Time: at, Body: []byte(body)}
			if err := signature.Sign(h, scheme, m, under); err != nil {
				t.Fatal(err)
			}
		}
		return h
	}
	now := time.Now()
	half := sign(secret, now, signature.Standard)
	half.Del("webhook-signature")
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   map[signature.Scheme]error
	}{
		{"good", sign(secret, now, signature.Schemes...), body,
			map[signature.Scheme]error{signature.AWF: nil, signature.Standard: nil, signature.GitHub: nil}},
		{"good awf alone", sign(secret, now, signature.AWF), body, map[signature.Scheme]error{signature.AWF: nil}},
		{"good standard alone", sign(secret, now, signature.Standard), body, map[signature.Scheme]error{signature.Standard: nil}},
		{"absent", http.Header{}, body, nil},
		{"another secret", sign("another secret", now, signature.Schemes...), body,
			map[signature.Scheme]error{signature.AWF: signature.ErrNoMatch, signature.Standard: signature.ErrNoMatch,
				signature.GitHub: signature.ErrNoMatch}},
		{"another body", sign(secret, now, signature.Schemes...), body + " ",
			map[signature.Scheme]error{signature.AWF: signature.ErrNoMatch, signature.Standard: signature.ErrNoMatch,
				signature.GitHub: signature.ErrNoMatch}},
		{"old", sign(secret, now.Add(-time.Hour), signature.Schemes...), body,
			map[signature.Scheme]error{signature.AWF: nil, signature.Standard: signature.ErrTooOld, signature.GitHub: nil}},
		{"malformed", http.Header{"X-Awf-Signature": {"zz"}}, body, map[signature.Scheme]error{signature.AWF: signature.ErrInvalid}},
		{"a header is missing", half, body, map[signature.Scheme]error{signature.Standard: signature.ErrMissing}},
	}
	url, shown, _ := serve(t, "", "an older secret", secret)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := post(t, url, tt.header, tt.body); got != "200" {
				t.Errorf("answer = %s, want 200", got)
			}
			req := <-shown
			if len(req.Signatures) != len(tt.want) {
				t.Errorf("%d signatures, want %d", len(req.Signatures), len(tt.want))
			}
			verified := len(tt.want) > 0
			for _, s := range req.Signatures {
				want, there := tt.want[s.Scheme]
				if !there || !errors.Is(s.Err, want) {
					t.Errorf("%s: %v, want %v", s.Scheme, s.Err, want)
				}
				verified = verified && want == nil
			}
			if got := req.Verified(); got != verified {
				t.Errorf("verified: %v, want %v", got, verified)
			}
		})
	}
}

// A body that is too large is shown, and refused without taking one of the script's answers.
func TestBodyOverTheBoundIsRefused(t *testing.T) {
	url, shown, _ := serve(t, "503,200", secret)
	signed := http.Header{"X-Awf-Signature": {"sha256=00"}, "X-Awf-Event": {"step_complete"}}
	if got := post(t, url, signed, string(bytes.Repeat([]byte("x"), 8<<20+1))); got != "413" && got != "error" {
		t.Errorf("over 8 MiB: %s, want 413", got)
	}
	if req := <-shown; req.Number != 1 || req.Body != nil || req.Reply.Status != 413 || req.Header.Get("X-Awf-Event") != "step_complete" {
		t.Errorf("shown: %+v, want the first request, answered 413, without its body", req)
	} else if len(req.Signatures) != 1 || req.Signatures[0].String() != "not verified: the body has more than 8 MiB" {
		t.Errorf("signatures %v", req.Signatures)
	}
	if got := post(t, url, nil, string(bytes.Repeat([]byte("x"), 8<<20))); got != "503" {
		t.Errorf("8 MiB: %s, want the script's first answer", got)
	}
	if req := <-shown; req.Number != 2 || len(req.Body) != 8<<20 {
		t.Errorf("request %d of %d bytes shown, want the second one, whole", req.Number, len(req.Body))
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	url, shown, end := serve(t, "slow:1h")
	answered := make(chan string, 1)
	go func() { answered <- post(t, url, nil, "{}") }()
	<-shown
	begun := time.Now()
	if err := end(); err != nil {
		t.Errorf("Serve: %v, want nil", err)
	}
	if got := <-answered; got != "error" {
		t.Errorf("answer in flight = %s, want none", got)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %v, want the end at once", took)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		conn.Close()
		t.Error("still listening")
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := new(listen.Receiver).Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v, want net.ErrClosed", err)
	}
}
