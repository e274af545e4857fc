// Package signature signs webhook bodies and verifies them. Receivers written in Go import it; it needs only the standard library.
//
// Two schemes are known. [AWF] is F028's: the lower-case hex HMAC-SHA256 of the body under the secret's bytes.
// [Standard] is Standard Webhooks (https://www.standardwebhooks.com): base64 HMAC-SHA256 of "id.timestamp.body".
// AWF's timestamp is not signed, so only Standard protects against a replay of an old request.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Scheme names a way of signing.
type Scheme string

const (
	AWF      Scheme = "awf"      // X-AWF-Signature, X-AWF-Timestamp
	Standard Scheme = "standard" // webhook-id, webhook-timestamp, webhook-signature
)

// Schemes lists the known ones.
var Schemes = []Scheme{AWF, Standard}

// Tolerance is how far a Standard timestamp may be from the receiver's clock, in both directions.
const Tolerance = 5 * time.Minute

var (
	ErrMissing = errors.New("signature header missing")
	ErrInvalid = errors.New("signature header malformed")
	ErrNoMatch = errors.New("no signature matches")
	ErrTooOld  = errors.New("timestamp too old")
	ErrTooNew  = errors.New("timestamp too new")
)

const (
	headerAWF          = "X-Awf-Signature"
	headerAWFTimestamp = "X-Awf-Timestamp"
	headerID           = "Webhook-Id"
	headerTimestamp    = "Webhook-Timestamp"
	headerSignature    = "Webhook-Signature"

	keyPrefix     = "whsec_"
	versionPrefix = "v1,"
)

// Message is what is signed.
type Message struct {
	ID   string    // the delivery's id; must not contain "."
	Time time.Time // of this attempt; sent in whole seconds
	Body []byte    // the exact bytes that go out
}

// Sign puts a scheme's headers for the message into h.
// Standard signs with each of the secrets, for the time in which they are rotated; AWF has room for the first one only.
func Sign(h http.Header, scheme Scheme, m Message, secrets ...string) error {
	if len(secrets) == 0 {
		return errors.New("no secret to sign with")
	}
	stamp := strconv.FormatInt(m.Time.Unix(), 10)
	switch scheme {
	case AWF:
		h[headerAWF] = []string{hex.EncodeToString(digest([]byte(secrets[0]), m.Body))}
		h[headerAWFTimestamp] = []string{stamp}
	case Standard:
		if m.ID == "" || strings.Contains(m.ID, ".") {
			return fmt.Errorf("id %q: want one that is not empty and has no dot", m.ID)
		}
		signatures := make([]string, len(secrets))
		for i, secret := range secrets {
			key, err := Key(secret)
			if err != nil {
				return err
			}
			signatures[i] = versionPrefix + base64.StdEncoding.EncodeToString(standardDigest(key, m.ID, stamp, m.Body))
		}
		h[headerID] = []string{m.ID}
		h[headerTimestamp] = []string{stamp}
		h[headerSignature] = []string{strings.Join(signatures, " ")}
	default:
		return fmt.Errorf("unknown scheme %q", scheme)
	}
	return nil
}

// Verify checks a request's headers and body under any of the secrets, at the time now.
// The error wraps ErrMissing, ErrInvalid, ErrNoMatch, ErrTooOld or ErrTooNew.
func Verify(h http.Header, body []byte, scheme Scheme, now time.Time, secrets ...string) error {
	switch scheme {
	case AWF:
		return verifyAWF(h, body, secrets)
	case Standard:
		return verifyStandard(h, body, now, secrets)
	}
	return fmt.Errorf("unknown scheme %q", scheme)
}

func verifyAWF(h http.Header, body []byte, secrets []string) error {
	got := h.Get(headerAWF)
	if got == "" {
		return fmt.Errorf("%w: %s", ErrMissing, "X-AWF-Signature")
	}
	mac, err := hex.DecodeString(got)
	if err != nil {
		return fmt.Errorf("%w: %s is not hex", ErrInvalid, "X-AWF-Signature")
	}
	for _, secret := range secrets {
		if hmac.Equal(mac, digest([]byte(secret), body)) {
			return nil
		}
	}
	return ErrNoMatch
}

func verifyStandard(h http.Header, body []byte, now time.Time, secrets []string) error {
	id, stamp, list := h.Get(headerID), h.Get(headerTimestamp), h.Get(headerSignature)
	switch "" {
	case id:
		return fmt.Errorf("%w: %s", ErrMissing, "webhook-id")
	case stamp:
		return fmt.Errorf("%w: %s", ErrMissing, "webhook-timestamp")
	case list:
		return fmt.Errorf("%w: %s", ErrMissing, "webhook-signature")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: webhook-timestamp is not a number of seconds", ErrInvalid)
	}
	switch at := time.Unix(seconds, 0); {
	case now.Sub(at) > Tolerance:
		return ErrTooOld
	case at.Sub(now) > Tolerance:
		return ErrTooNew
	}
	for _, secret := range secrets {
		key, err := Key(secret)
		if err != nil {
			return err
		}
		want := standardDigest(key, id, stamp, body)
		for signature := range strings.FieldsSeq(list) {
			encoded, isV1 := strings.CutPrefix(signature, versionPrefix)
			if !isV1 {
				continue // a version of another time
			}
			if got, err := base64.StdEncoding.DecodeString(encoded); err == nil && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return ErrNoMatch
}

// Key returns the bytes under which Standard signs: "whsec_" and base64 are decoded, any other secret is taken literally.
func Key(secret string) ([]byte, error) {
	encoded, isKey := strings.CutPrefix(secret, keyPrefix)
	if !isKey {
		if secret == "" {
			return nil, errors.New("secret: empty")
		}
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil:
		return nil, errors.New("secret: what follows whsec_ is not base64")
	case len(key) == 0:
		return nil, errors.New("secret: nothing follows whsec_")
	}
	return key, nil
}

func digest(key, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return mac.Sum(nil)
}

func standardDigest(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{id, ".", stamp, "."} {
		mac.Write([]byte(part))
	}
	mac.Write(body)
	return mac.Sum(nil)
}
