package signature_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

// Whatever the headers are, only the signed body verifies: the fuzzer does not know the secret.
func FuzzVerify(f *testing.F) {
	const secret = "a secret that no input holds: 5d1c2f"
	at := time.Unix(1_700_000_000, 0)
	body := []byte("{}")
	forms := []signature.Custom{stripe, {Header: "X-Signature", Template: "{id}{body}", Prefix: "{id}:", Encoding: "base64", Hash: "sha512"}}
	for _, v := range vectors(f) {
		for _, value := range v.Want {
			f.Add("msg_1", "1700000000", value, body)
		}
	}
	f.Add("msg_1", "1700000000", "", body)
	f.Add("", "-9223372036854775808", "t=1,v1=,v1=", []byte("\xff"))
	f.Fuzz(func(t *testing.T, id, stamp, value string, body []byte) {
		forged := http.Header{}
		for name, text := range map[string]string{
			"Webhook-Id": id, "Webhook-Timestamp": stamp, "Webhook-Signature": value, "X-Awf-Delivery": id,
			"X-Awf-Signature": value, "X-Hub-Signature-256": value, "Stripe-Signature": value, "X-Signature": value,
		} {
			forged.Set(name, text)
		}
		known := func(err error) bool {
			for _, kind := range []error{signature.ErrMissing, signature.ErrInvalid, signature.ErrNoMatch, signature.ErrTooOld,
				signature.ErrTooNew} {
				if errors.Is(err, kind) {
					return true
				}
			}
			return false
		}
		for _, scheme := range signature.Schemes {
			if err := signature.Verify(forged, body, scheme, at, secret); !known(err) {
				t.Errorf("%s: %v for %q", scheme, err, forged)
			}
		}
		for _, form := range forms {
			if err := form.Verify(forged, body, at, secret); !known(err) {
				t.Errorf("custom: %v for %q", err, forged)
			}
		}
		// A signed body verifies, whatever it is.
		for _, form := range forms {
			h := http.Header{"X-Awf-Delivery": {"msg_1"}}
			m := signature.Message{ID: "msg_1", Time: at, Body: body}
			if err := errors.Join(form.Sign(h, m, secret), form.Verify(h, body, at, secret)); err != nil {
				t.Errorf("a good signature: %v", err)
			}
		}
	})
}
