package signature_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

var stripe = signature.Custom{Header: "Stripe-Signature", Template: "{timestamp}.{body}", Prefix: "t={timestamp},v1=", Separator: ","}

func TestCustomCheck(t *testing.T) {
	tests := []struct {
		scheme signature.Custom
		want   string // part of the error, "" for none
	}{
		{stripe, ""},
		{signature.Custom{Header: "X-Signature"}, ""},
		{signature.Custom{Header: "X-Signature", Template: `{"v":"{timestamp}"}{body}`, TimestampHeader: "X-Time"}, ""},
		{signature.Custom{}, "header: missing"},
		{signature.Custom{Header: "X-Signature", Template: "{id}"}, "template: does not sign the {body}"},
		{signature.Custom{Header: "X-Signature", Template: "{bdy}{body}"}, "template: unknown placeholder {bdy}"},
		{signature.Custom{Header: "X-Signature", Prefix: "{body}"}, "prefix: unknown placeholder {body}"},
		{signature.Custom{Header: "X-Signature", Separator: "{id}"}, "separator: unknown placeholder {id}"},
		{signature.Custom{Header: "X-Signature", Template: "{timestamp}{body}"}, "template: signs the {timestamp}, which neither"},
		{signature.Custom{Header: "X-Signature", Hash: "md5"}, "hash: want sha256 or sha512"},
		{signature.Custom{Header: "X-Signature", Encoding: "base32"}, "encoding: want hex or base64"},
		{signature.Custom{Header: "X Signature"}, "header: not a header name"},
		{signature.Custom{Header: "X-Signature", IDHeader: "X:Id"}, "id_header: not a header name"},
		{signature.Custom{Header: "X-Signature", TimestampHeader: "X-Tïme"}, "timestamp_header: not a header name"},
		{signature.Custom{Header: "X-Signature", TimestampHeader: "x-signature"}, "timestamp_header: the same header as header"},
		{signature.Custom{Header: "X-Signature", IDHeader: "X-A", TimestampHeader: "X-A"}, "timestamp_header: the same header as id_header"},
		{signature.Custom{Header: "X-Signature", Prefix: "a\r\nB: "}, "prefix: control character"},
		{signature.Custom{Header: "X-Signature", Separator: "\n"}, "separator: control character"},
	}
	for _, tt := range tests {
		err := tt.scheme.Check()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.scheme, err, tt.want)
		}
		if tt.want == "" {
			continue
		}
		if err := tt.scheme.Sign(http.Header{}, signature.Message{ID: "msg_1", Time: time.Now()}, plain); err == nil {
			t.Errorf("%+v signs", tt.scheme)
		}
		if err := tt.scheme.Verify(http.Header{}, nil, time.Now(), plain); err == nil {
			t.Errorf("%+v verifies", tt.scheme)
		}
	}
}

func TestCustomVerifyRefuses(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	signed := http.Header{}
	if err := stripe.Sign(signed, signature.Message{ID: "msg_1", Time: at, Body: []byte("{}")}, plain); err != nil {
		t.Fatal(err)
	}
	mac := strings.TrimPrefix(signed.Get("Stripe-Signature"), "t=1700000000,v1=")
	tests := []struct {
		name, value string
		now         time.Time
		want        error
	}{
		{"good", "t=1700000000,v1=" + mac, at, nil},
		{"good behind another", "t=1700000000,v1=00,v0=zz,v1=" + mac, at, nil},
		{"no header", "", at, signature.ErrMissing},
		{"no timestamp", "v1=" + mac, at, signature.ErrInvalid},
		{"timestamp no number", "t=now,v1=" + mac, at, signature.ErrInvalid},
		{"timestamp beyond 64 bits", "t=99999999999999999999,v1=" + mac, at, signature.ErrInvalid},
		{"timestamp beyond all time", "t=9223372036854775807,v1=" + mac, at, signature.ErrTooNew},
		{"timestamp before all time", "t=-9223372036854775808,v1=" + mac, at, signature.ErrTooOld},
		{"another timestamp", "t=1700000001,v1=" + mac, at, signature.ErrNoMatch},
		{"no signature", "t=1700000000,v1=", at, signature.ErrNoMatch},
		{"not hex", "t=1700000000,v1=zz", at, signature.ErrNoMatch},
		{"another version", "t=1700000000,v2=" + mac, at, signature.ErrNoMatch},
		{"old", "t=1700000000,v1=" + mac, at.Add(signature.Tolerance + time.Second), signature.ErrTooOld},
		{"new", "t=1700000000,v1=" + mac, at.Add(-signature.Tolerance - time.Second), signature.ErrTooNew},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.value != "" {
				h.Set("Stripe-Signature", tt.value)
			}
			if err := stripe.Verify(h, []byte("{}"), tt.now, plain); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// Without a separator there is room for one signature: the first secret's.
func TestRoomForOneSignature(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m := signature.Message{ID: "msg_1", Time: now, Body: []byte("{}")}
	single := signature.Custom{Header: "X-Signature"}
	one, two := http.Header{}, http.Header{}
	for _, sign := range []func(h http.Header, secrets ...string) error{
		func(h http.Header, secrets ...string) error { return single.Sign(h, m, secrets...) },
		func(h http.Header, secrets ...string) error { return signature.Sign(h, signature.AWF, m, secrets...) },
		func(h http.Header, secrets ...string) error {
			return signature.Sign(h, signature.GitHub, m, secrets...)
		},
	} {
		if err := errors.Join(sign(one, plain), sign(two, plain, "older")); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(one) != fmt.Sprint(two) {
		t.Errorf("signed by two secrets: %v, want as by the first: %v", two, one)
	}
}

func TestNothingSignsWithoutASecret(t *testing.T) {
	m := signature.Message{ID: "msg_1", Time: time.Now()}
	for _, secrets := range [][]string{nil, {""}} {
		for _, scheme := range signature.Schemes {
			if err := signature.Sign(http.Header{}, scheme, m, secrets...); err == nil {
				t.Errorf("%s signs under %q", scheme, secrets)
			}
		}
		if err := stripe.Sign(http.Header{}, m, secrets...); err == nil {
			t.Errorf("custom signs under %q", secrets)
		}
	}
}

func TestNewSecret(t *testing.T) {
	a, b := signature.NewSecret(), signature.NewSecret()
	key, err := signature.Key(a)
	if err != nil || len(key) != 32 || !strings.HasPrefix(a, "whsec_") || a == b {
		t.Errorf("NewSecret = %s, then %s: %d bytes, %v", a, b, len(key), err)
	}
}

func ExampleCustom() {
	stripe := signature.Custom{Header: "Stripe-Signature", Template: "{timestamp}.{body}", Prefix: "t={timestamp},v1=", Separator: ","}
	h := http.Header{}
	m := signature.Message{ID: "msg_1", Time: time.Unix(1_700_000_000, 0), Body: []byte(`{"event":"workflow_end"}`)}
	_ = stripe.Sign(h, m, "a secret of ours")
	fmt.Println(h.Get("Stripe-Signature"))
	fmt.Println(stripe.Verify(h, m.Body, m.Time, "a secret of ours"))
	// Output:
	// t=1700000000,v1=019e670a1ef3ffec0b0372474a940c952be2439987eaddc339149402e8b2f245
	// <nil>
}
