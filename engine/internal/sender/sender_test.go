package sender_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/google/go-cmp/cmp"
)

const (
	plainSecret = "0123456789abcdef"
	keySecret   = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
)

// webhook returns a webhook with only a URL.
func webhook(t *testing.T, rawURL string) sender.Webhook {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return sender.Webhook{URL: u, Timeout: 10 * time.Second, MaxInFlight: 8, UserAgent: "awf-hook/test", Trusted: true}
}

// newSender makes a sender over the network that is closed when the test ends.
func newSender(t *testing.T, w sender.Webhook) *sender.Sender {
	t.Helper()
	s := sender.New(w, nil)
	t.Cleanup(s.Close)
	return s
}

func newDelivery() *delivery.Delivery {
	return &delivery.Delivery{ID: "msg_abc", Event: "workflow_end", Content: delivery.Content{Body: []byte(`{"event":"workflow_end"}`)}}
}

// arrived is a request as a server saw it.
type arrived struct {
	method, uri, host string
	header            http.Header
	length            int64
	encoding          []string
	body              []byte
}

// receiver answers every request with 200 and hands it over.
func receiver(t *testing.T) (string, <-chan arrived) {
	t.Helper()
	requests := make(chan arrived, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- arrived{r.Method, r.RequestURI, r.Host, r.Header, r.ContentLength, r.TransferEncoding, body}
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// send makes one attempt, which must be delivered, and returns the request that arrived.
func send(t *testing.T, s *sender.Sender, d *delivery.Delivery, requests <-chan arrived) arrived {
	t.Helper()
	if a := s.Send(t.Context(), d); a.Outcome != delivery.Delivered {
		t.Fatalf("outcome = %v: %s, want delivered", a.Outcome, a.Reason)
	}
	return <-requests
}

func TestBodyArrivesByteForByteWithItsLength(t *testing.T) {
	target, requests := receiver(t)
	s := newSender(t, webhook(t, target))
	for name, body := range map[string][]byte{
		"small":    []byte(`{"a":1}`),
		"spaces":   []byte("{ \"a\" :\t1,\r\n\"b\": 1e400 }\n"),
		"unicode":  []byte(`{"a":"<é & \u2028 🎉>"}`),
		"any byte": {0, 1, 0xff, '\r', '\n', 0},
		"1 MiB":    bytes.Repeat([]byte("0123456789abcdef"), 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDelivery()
			d.Body = body
			got := send(t, s, d, requests)
			if !bytes.Equal(got.body, body) {
				t.Errorf("body of %d bytes is not the one of %d bytes that was sent", len(got.body), len(body))
			}
			if got.length != int64(len(body)) || len(got.encoding) > 0 {
				t.Errorf("Content-Length %d, Transfer-Encoding %q, want %d and none", got.length, got.encoding, len(body))
			}
			if got.method != http.MethodPost {
				t.Errorf("method = %s, want POST", got.method)
			}
		})
	}
}

func TestRequestHasItsHeadersAndNoOthers(t *testing.T) {
	target, requests := receiver(t)
	d := newDelivery()
	d.Attempts = 3
	got := send(t, newSender(t, webhook(t, target+"/path?q=1")), d, requests)
	want := http.Header{
		"Content-Type":   {"application/json"},
		"Content-Length": {strconv.Itoa(len(d.Body))},
		"User-Agent":     {"awf-hook/test"},
		"X-Awf-Event":    {"workflow_end"},
		"X-Awf-Delivery": {"msg_abc"},
		"X-Awf-Attempt":  {"4"},
	}
	if diff := cmp.Diff(want, got.header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if got.uri != "/path?q=1" || "http://"+got.host != target {
		t.Errorf("%s at %s, want /path?q=1 at %s", got.uri, got.host, target)
	}
}

func TestSignaturesVerify(t *testing.T) {
	both := []signature.Scheme{signature.AWF, signature.Standard}
	tests := []struct {
		name    string
		signing []signature.Scheme
		secrets []string
		good    []string // the secrets under which all schemes verify
	}{
		{"unsigned", nil, nil, nil},
		{"awf", []signature.Scheme{signature.AWF}, []string{plainSecret}, []string{plainSecret}},
		{"standard", []signature.Scheme{signature.Standard}, []string{plainSecret}, []string{plainSecret}},
		{"both", both, []string{plainSecret}, []string{plainSecret}},
		{"both with a whsec_ key", both, []string{keySecret}, []string{keySecret}},
		{"standard while rotating", []signature.Scheme{signature.Standard}, []string{keySecret, plainSecret}, []string{keySecret, plainSecret}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, requests := receiver(t)
			w := webhook(t, target)
			w.Signing = tt.signing
			for _, secret := range tt.secrets {
				w.Secrets = append(w.Secrets, sender.Secret{Value: secret})
			}
			got := send(t, newSender(t, w), newDelivery(), requests)
			for _, scheme := range tt.signing {
				for _, secret := range tt.good {
					if err := signature.Verify(got.header, got.body, scheme, time.Now(), secret); err != nil {
						t.Errorf("%s under %s: %v", scheme, secret, err)
					}
				}
				if err := signature.Verify(got.header, got.body, scheme, time.Now(), "another secret"); err == nil {
					t.Errorf("%s verifies under another secret", scheme)
				}
			}
			if hasAWF := got.header.Get("X-AWF-Signature") != ""; hasAWF != containsScheme(tt.signing, signature.AWF) {
				t.Errorf("X-AWF-Signature there: %v", hasAWF)
			}
			if id := got.header.Get("webhook-id"); (id == "msg_abc") != containsScheme(tt.signing, signature.Standard) {
				t.Errorf("webhook-id = %q", id)
			}
		})
	}
}

func containsScheme(schemes []signature.Scheme, scheme signature.Scheme) bool {
	for _, s := range schemes {
		if s == scheme {
			return true
		}
	}
	return false
}

func TestWebhookHeadersAreSent(t *testing.T) {
	target, requests := receiver(t)
	w := webhook(t, target)
	w.Headers = [][2]string{
		{"X-Team", "core"}, {"x-lower-case", "1"}, {"authorization", "Bearer é"}, {"Content-Type", "application/cloudevents+json"},
	}
	header := send(t, newSender(t, w), newDelivery(), requests).header
	for name, want := range map[string]string{
		"X-Team": "core", "X-Lower-Case": "1", "Authorization": "Bearer é", "Content-Type": "application/cloudevents+json",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestUserinfoBecomesBasicAuth(t *testing.T) {
	tests := []struct {
		name, userinfo, want string
	}{
		{"user and password", "al:pa%3Ass", "al:pa:ss"},
		{"user alone", "token", "token:"},
		{"password alone", ":pass", ":pass"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, requests := receiver(t)
			got := send(t, newSender(t, webhook(t, strings.Replace(target, "//", "//"+tt.userinfo+"@", 1))), newDelivery(), requests)
			want := "Basic " + base64.StdEncoding.EncodeToString([]byte(tt.want))
			if auth := got.header.Get("Authorization"); auth != want {
				t.Errorf("Authorization = %q, want %q", auth, want)
			}
			if "http://"+got.host != target {
				t.Errorf("host = %q, want that of %s", got.host, target)
			}
		})
	}
}

// An event's type comes from strangers: it must not end its header line.
func TestEventTypeCannotBreakItsHeader(t *testing.T) {
	tests := []struct{ typ, want string }{
		{"step_complete", "step_complete"},
		{"a b~!", "a b~!"},
		{"x\r\nX-Evil: 1", "x??X-Evil: 1"},
		{"x\n\n{}", "x??{}"},
		{"tab\tnul\x00del\x7f", "tab?nul?del?"},
		{"é", "??"},
		{"\xff\xfe", "??"},
	}
	target, requests := receiver(t)
	s := newSender(t, webhook(t, target))
	for _, tt := range tests {
		d := newDelivery()
		d.Event = tt.typ
		got := send(t, s, d, requests)
		if event := got.header.Get("X-AWF-Event"); event != tt.want {
			t.Errorf("type %q: header %q, want %q", tt.typ, event, tt.want)
		}
		if _, broken := got.header["X-Evil"]; broken {
			t.Errorf("type %q made a header of its own", tt.typ)
		}
		if !bytes.Equal(got.body, d.Body) {
			t.Errorf("type %q: body %q, want %q", tt.typ, got.body, d.Body)
		}
	}
}

func TestAttemptTellsItsNumberAndTimes(t *testing.T) {
	target, requests := receiver(t)
	d := newDelivery()
	d.Attempts = 6
	before := time.Now()
	a := newSender(t, webhook(t, target)).Send(t.Context(), d)
	<-requests
	if a.Number != 7 || a.Status != 200 || a.Reason != "200 OK" {
		t.Errorf("attempt %d, %d, %q, want 7, 200, 200 OK", a.Number, a.Status, a.Reason)
	}
	if took := time.Since(before); a.At.Before(before) || a.Took <= 0 || a.Took > took {
		t.Errorf("at %v took %v, want after %v and within %v", a.At, a.Took, before, took)
	}
	if d.Attempts != 6 {
		t.Errorf("the delivery counts %d attempts, want it untouched", d.Attempts)
	}
}

func TestUnsignableWaitsForAMendedConfiguration(t *testing.T) {
	target, requests := receiver(t)
	w := webhook(t, target)
	w.Signing, w.Secrets = []signature.Scheme{signature.Standard}, []sender.Secret{{Value: "whsec_%%hidden%%"}}
	a := newSender(t, w).Send(context.Background(), newDelivery())
	if a.Outcome != delivery.Retry || strings.Contains(a.Reason, "hidden") {
		t.Errorf("%v: %s, want a retry and no secret", a.Outcome, a.Reason)
	}
	if len(requests) > 0 {
		t.Error("a request was sent")
	}
}

// While secrets are rotated, those sign whose time it is.
func TestSecretsSignInTheirTime(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name                string
		notBefore, notAfter time.Time
		signs               bool
	}{
		{"always", time.Time{}, time.Time{}, true},
		{"begun", now.Add(-time.Hour), time.Time{}, true},
		{"to come", now.Add(time.Hour), time.Time{}, false},
		{"ending", time.Time{}, now.Add(time.Hour), true},
		{"over", time.Time{}, now.Add(-time.Hour), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, requests := receiver(t)
			w := webhook(t, target)
			w.Signing = []signature.Scheme{signature.Standard}
			w.Secrets = []sender.Secret{{Value: "the secret of all times"}, {Value: plainSecret, NotBefore: tt.notBefore, NotAfter: tt.notAfter}}
			got := send(t, newSender(t, w), newDelivery(), requests)
			err := signature.Verify(got.header, got.body, signature.Standard, time.Now(), plainSecret)
			if (err == nil) != tt.signs {
				t.Errorf("verify: %v, want signed %v", err, tt.signs)
			}
			w.Secrets = w.Secrets[1:]
			a := newSender(t, w).Send(context.Background(), newDelivery())
			if want := map[bool]delivery.Outcome{true: delivery.Delivered, false: delivery.Retry}[tt.signs]; a.Outcome != want {
				t.Errorf("with no other secret: %v, %s; want %v", a.Outcome, a.Reason, want)
			}
		})
	}
}

// An attempt says where its time went: each phase that it had, and none that a reused connection saves.
func TestPhasesOfAnAttempt(t *testing.T) {
	const wait = 60 * time.Millisecond
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { time.Sleep(wait) }))
	t.Cleanup(receiver.Close)
	pool := x509.NewCertPool()
	pool.AddCert(receiver.Certificate())
	w := webhook(t, receiver.URL)
	w.TLS = &tls.Config{RootCAs: pool}
	s := sender.New(w, nil)
	defer s.Close()
	for i, isNew := range []bool{true, false} {
		a := s.Send(t.Context(), &delivery.Delivery{ID: "msg_1", Event: "x", Content: delivery.Content{Body: []byte("{}")}})
		p := a.Phases
		if a.Outcome != delivery.Delivered || p.FirstByte < wait || p.Name+p.Connect+p.TLS+p.FirstByte > a.Took {
			t.Errorf("attempt %d: %v, %+v of %v, want a first byte after %v", i, a, p, a.Took, wait)
		}
		if (p.Connect > 0) != isNew || (p.TLS > 0) != isNew || p.Name != 0 {
			t.Errorf("attempt %d: %+v on a new connection: %v", i, p, isNew)
		}
	}
}
