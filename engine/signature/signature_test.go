package signature_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

type vector struct {
	Name, ID, Body string
	Secret         string
	Secrets        []string // instead of Secret
	Scheme         signature.Scheme
	Custom         *signature.Custom // instead of Scheme
	Timestamp      int64
	Want           map[string]string // headers
}

// sign and verify go by the vector's scheme.
func (v vector) sign(h http.Header) error {
	m := signature.Message{ID: v.ID, Time: time.Unix(v.Timestamp, 0), Body: []byte(v.Body)}
	if v.Custom != nil {
		return v.Custom.Sign(h, m, v.Secrets...)
	}
	return signature.Sign(h, v.Scheme, m, v.Secrets...)
}

func (v vector) verify(h http.Header, body, secret string) error {
	if v.Custom != nil {
		return v.Custom.Verify(h, []byte(body), time.Unix(v.Timestamp, 0), secret)
	}
	return signature.Verify(h, []byte(body), v.Scheme, time.Unix(v.Timestamp, 0), secret)
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("../../testdata/signature/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if all[i].Secrets == nil {
			all[i].Secrets = []string{all[i].Secret}
		}
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			h := http.Header{}
			if err := v.sign(h); err != nil {
				t.Fatal(err)
			}
			for name, want := range v.Want {
				if got := h.Get(name); got != want {
					t.Errorf("%s = %s, want %s", name, got, want)
				}
			}
			for _, secret := range v.Secrets {
				if err := v.verify(h, v.Body, secret); err != nil {
					t.Errorf("verify: %v", err)
				}
				if err := v.verify(h, v.Body+" ", secret); !errors.Is(err, signature.ErrNoMatch) {
					t.Errorf("verify of another body: %v, want ErrNoMatch", err)
				}
			}
			if err := v.verify(h, v.Body, "another secret"); !errors.Is(err, signature.ErrNoMatch) {
				t.Errorf("verify under another secret: %v, want ErrNoMatch", err)
			}
			if err := v.verify(h, v.Body, ""); err == nil || errors.Is(err, signature.ErrNoMatch) {
				t.Errorf("verify under an empty secret: %v, want an error that says so", err)
			}
		})
	}
}

const plain = "0123456789abcdef"

func signed(t *testing.T, scheme signature.Scheme, at time.Time, secrets ...string) http.Header {
	t.Helper()
	h := http.Header{}
	err := signature.Sign(h, scheme, signature.Message{ID: "msg_1", Time: at, Body: []byte("{}")}, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestVerifyRefuses(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	tests := []struct {
		name   string
		scheme signature.Scheme
		spoil  func(http.Header)
		now    time.Time
		secret string
		want   error
	}{
		{"good awf", signature.AWF, func(http.Header) {}, now, plain, nil},
		{"good standard", signature.Standard, func(http.Header) {}, now, plain, nil},
		{"awf without header", signature.AWF, func(h http.Header) { h.Del("X-AWF-Signature") }, now, plain, signature.ErrMissing},
		{"awf not hex", signature.AWF, func(h http.Header) { h.Set("X-AWF-Signature", "zz") }, now, plain, signature.ErrInvalid},
		{"awf cut", signature.AWF, func(h http.Header) { h.Set("X-AWF-Signature", h.Get("X-AWF-Signature")[:62]) }, now, plain,
			signature.ErrNoMatch},
		{"awf other secret", signature.AWF, func(http.Header) {}, now, "other", signature.ErrNoMatch},
		{"standard without id", signature.Standard, func(h http.Header) { h.Del("webhook-id") }, now, plain, signature.ErrMissing},
		{"standard without timestamp", signature.Standard, func(h http.Header) { h.Del("webhook-timestamp") }, now, plain, signature.ErrMissing},
		{"standard without signature", signature.Standard, func(h http.Header) { h.Del("webhook-signature") }, now, plain, signature.ErrMissing},
		{"standard timestamp not a number", signature.Standard, func(h http.Header) { h.Set("webhook-timestamp", "now") }, now, plain,
			signature.ErrInvalid},
		{"standard other id", signature.Standard, func(h http.Header) { h.Set("webhook-id", "msg_2") }, now, plain, signature.ErrNoMatch},
		{"standard other secret", signature.Standard, func(http.Header) {}, now, "other", signature.ErrNoMatch},
		{"standard empty v1", signature.Standard, func(h http.Header) { h.Set("webhook-signature", "v1,") }, now, plain, signature.ErrNoMatch},
		{"standard only other versions", signature.Standard, func(h http.Header) { h.Set("webhook-signature", "v1a,AAAA v2,AAAA") }, now, plain,
			signature.ErrNoMatch},
		{"standard too old", signature.Standard, func(http.Header) {}, now.Add(signature.Tolerance + time.Second), plain, signature.ErrTooOld},
		{"standard too new", signature.Standard, func(http.Header) {}, now.Add(-signature.Tolerance - time.Second), plain, signature.ErrTooNew},
		{"standard just in time", signature.Standard, func(http.Header) {}, now.Add(signature.Tolerance), plain, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := signed(t, tt.scheme, now, plain)
			tt.spoil(h)
			if err := signature.Verify(h, []byte("{}"), tt.scheme, tt.now, tt.secret); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	h := signed(t, signature.Standard, now, "new-secret", "old-secret")
	if n := len(strings.Fields(h.Get("webhook-signature"))); n != 2 {
		t.Fatalf("%d signatures, want 2", n)
	}
	for _, secret := range []string{"new-secret", "old-secret"} {
		if err := signature.Verify(h, []byte("{}"), signature.Standard, now, secret); err != nil {
			t.Errorf("under %s: %v", secret, err)
		}
	}
	if err := signature.Verify(h, []byte("{}"), signature.Standard, now, "third", "old-secret"); err != nil {
		t.Errorf("receiver with several secrets: %v", err)
	}
}

func TestKeyRefuses(t *testing.T) {
	for _, secret := range []string{"", "whsec_", "whsec_%%%"} {
		if key, err := signature.Key(secret); err == nil {
			t.Errorf("Key(%q) = %q, want an error", secret, key)
		}
	}
}

func TestSignRefusesBadIDs(t *testing.T) {
	for _, id := range []string{"", "a.b", "a\r\nX-Evil: b"} {
		err := signature.Sign(http.Header{}, signature.Standard, signature.Message{ID: id, Time: time.Now()}, plain)
		if err == nil {
			t.Errorf("id %q signed", id)
		}
	}
}

// A signature covers id, timestamp and body only if nobody can shift the boundaries between them, so an id that contains a separator is
// refused.
func TestIDCannotReachIntoWhatFollows(t *testing.T) {
	old, now := time.Unix(1_600_000_000, 0), time.Unix(1_700_000_000, 0)
	slack := signature.Custom{
		Header: "X-Signature", Template: "v0:{id}:{timestamp}:{body}", Prefix: "v0=", IDHeader: "X-Id", TimestampHeader: "X-Time",
	}
	signed := http.Header{}
	m := signature.Message{ID: "msg_a", Time: old, Body: []byte("1700000000.forged")}
	if err := signature.Sign(signed, signature.Standard, m, plain); err != nil {
		t.Fatal(err)
	}
	m.Body = []byte("1700000000:forged")
	if err := slack.Sign(signed, m, plain); err != nil {
		t.Fatal(err)
	}
	// The old request becomes one with another id, a fresh time and the end of the body.
	signed.Set("webhook-id", "msg_a.1600000000")
	signed.Set("webhook-timestamp", "1700000000")
	signed.Set("X-Id", "msg_a:1600000000")
	signed.Set("X-Time", "1700000000")
	if err := signature.Verify(signed, []byte("forged"), signature.Standard, now, plain); !errors.Is(err, signature.ErrInvalid) {
		t.Errorf("standard: %v, want ErrInvalid", err)
	}
	if err := slack.Verify(signed, []byte("forged"), now, plain); !errors.Is(err, signature.ErrInvalid) {
		t.Errorf("custom: %v, want ErrInvalid", err)
	}
	for _, id := range []string{"", "a.b", "a\r\nX-Evil: b"} {
		if err := signature.Sign(http.Header{}, signature.Standard, signature.Message{ID: id, Time: now}, plain); err == nil {
			t.Errorf("standard signs the id %q", id)
		}
	}
	for _, id := range []string{"", "a:b", "a\r\nX-Evil: b"} {
		if err := slack.Sign(http.Header{}, signature.Message{ID: id, Time: now}, plain); err == nil {
			t.Errorf("custom signs the id %q", id)
		}
	}
}

// A receiver that rotates its secrets is not stopped by one that is broken.
func TestBrokenSecretDoesNotHideAGoodOne(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m := signature.Message{ID: "msg_1", Time: now, Body: []byte("{}")}
	for _, broken := range []string{"", "whsec_", "whsec_%%%"} {
		h := http.Header{}
		if err := stripe.Sign(h, m, plain); err != nil {
			t.Fatal(err)
		}
		if err := stripe.Verify(h, m.Body, now, broken, plain); err != nil {
			t.Errorf("custom behind %q: %v", broken, err)
		}
		for _, scheme := range signature.Schemes {
			if err := signature.Verify(signed(t, scheme, now, plain), m.Body, scheme, now, broken, plain); err != nil {
				t.Errorf("%s behind %q: %v", scheme, broken, err)
			}
			if err := signature.Verify(signed(t, scheme, now, plain), m.Body, scheme, now, broken, "other"); !errors.Is(err, signature.ErrNoMatch) {
				t.Errorf("%s behind %q: %v, want ErrNoMatch", scheme, broken, err)
			}
		}
	}
}

// Verify names a missing header, whichever it is.
func TestMissingHeadersAreNamed(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		scheme        signature.Scheme
		without, want string
	}{
		{signature.AWF, "X-AWF-Signature", "signature header missing: X-AWF-Signature"},
		{signature.GitHub, "X-Hub-Signature-256", "signature header missing: X-Hub-Signature-256"},
		{signature.Standard, "webhook-id", "signature header missing: webhook-id"},
		{signature.Standard, "webhook-timestamp", "signature header missing: webhook-timestamp"},
		{signature.Standard, "webhook-signature", "signature header missing: webhook-signature"},
	} {
		h := signed(t, tt.scheme, now, plain)
		h.Del(tt.without)
		if err := signature.Verify(h, []byte("{}"), tt.scheme, now, plain); err == nil || err.Error() != tt.want {
			t.Errorf("%s without %s: %v, want %s", tt.scheme, tt.without, err, tt.want)
		}
	}
}

// A request is unsigned if none of a scheme's headers is there. One that is there and empty is a bad signature.
func TestEmptyHeaderIsABadSignature(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for scheme, names := range map[signature.Scheme][]string{
		signature.AWF:      {"X-AWF-Signature"},
		signature.GitHub:   {"X-Hub-Signature-256"},
		signature.Standard: {"webhook-id", "webhook-timestamp", "webhook-signature"},
	} {
		for _, name := range names {
			h := signed(t, scheme, now, plain)
			h.Set(name, "")
			err := signature.Verify(h, []byte("{}"), scheme, now, plain)
			if want := "signature header malformed: " + name + " is empty"; !errors.Is(err, signature.ErrInvalid) || err.Error() != want {
				t.Errorf("%s with an empty %s: %v, want %s", scheme, name, err, want)
			}
		}
		h := signed(t, scheme, now, plain)
		for i, name := range names {
			h.Del(name)
			err := signature.Verify(h, []byte("{}"), scheme, now, plain)
			if all := i == len(names)-1; !errors.Is(err, signature.ErrMissing) || errors.Is(err, signature.ErrUnsigned) != all {
				t.Errorf("%s without %s: %v, want ErrMissing, and ErrUnsigned without any", scheme, names[:i+1], err)
			}
		}
	}
}

func ExampleVerify() {
	body := []byte(`{"event":"workflow_end"}`)
	at := time.Unix(1_700_000_000, 0)
	request := http.Header{}
	_ = signature.Sign(request, signature.Standard, signature.Message{ID: "msg_1", Time: at, Body: body}, "a secret of ours")

	fmt.Println(signature.Verify(request, body, signature.Standard, at, "a secret of ours"))
	fmt.Println(signature.Verify(request, body, signature.Standard, at.Add(time.Hour), "a secret of ours"))
	// Output:
	// <nil>
	// timestamp too old: 1700000000
}
