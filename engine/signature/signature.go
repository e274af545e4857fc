// Package signature signs webhook bodies and verifies them. Receivers written in Go import it; it needs only the standard library.
//
// Three schemes have fixed headers. [AWF] is F028's: the lower-case hex HMAC-SHA256 of the body under the secret's bytes.
// [Standard] is Standard Webhooks (https://www.standardwebhooks.com): base64 HMAC-SHA256 of "id.timestamp.body".
// [GitHub] is X-Hub-Signature-256. A [Custom] scheme is described by its parts; Stripe's is one.
// AWF's timestamp is not signed and GitHub's form has none, so these two do not protect against the replay of an old request.
package signature

import (
	"crypto/hmac"
	"crypto/rand"
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
	GitHub   Scheme = "github"   // X-Hub-Signature-256
)

// Schemes lists those with fixed headers.
var Schemes = []Scheme{AWF, Standard, GitHub}

// Tolerance is how far a signed timestamp may be from the receiver's clock, in both directions.
const Tolerance = 5 * time.Minute

var (
	ErrMissing = errors.New("signature header missing")
	ErrInvalid = errors.New("signature header malformed")
	ErrNoMatch = errors.New("no signature matches")
	ErrTooOld  = errors.New("timestamp too old")
	ErrTooNew  = errors.New("timestamp too new")
)

var errNoSecret = errors.New("no secret")

const (
	headerAWF          = "X-Awf-Signature"
	headerAWFTimestamp = "X-Awf-Timestamp"
	headerID           = "Webhook-Id"
	headerTimestamp    = "Webhook-Timestamp"
	headerSignature    = "Webhook-Signature"
	headerGitHub       = "X-Hub-Signature-256"
	headerDelivery     = "X-Awf-Delivery" // of every request

	keyPrefix     = "whsec_"
	versionPrefix = "v1,"
	gitHubPrefix  = "sha256="
)

// Message is what is signed.
type Message struct {
	ID   string    // the delivery's id; must not contain "."
	Time time.Time // of this attempt; sent in whole seconds
	Body []byte    // the exact bytes that go out
}

// Sign puts a scheme's headers for the message into h.
// Standard signs with each of the secrets, for the time in which they are rotated; AWF and GitHub have room for the first one only.
func Sign(h http.Header, scheme Scheme, m Message, secrets ...string) error {
	if len(secrets) == 0 || secrets[0] == "" {
		return errNoSecret
	}
	switch scheme {
	case AWF:
		h[headerAWF] = []string{hex.EncodeToString(digest([]byte(secrets[0]), m.Body))}
		h[headerAWFTimestamp] = []string{stampOf(m.Time)}
	case GitHub:
		h[headerGitHub] = []string{gitHubPrefix + hex.EncodeToString(digest([]byte(secrets[0]), m.Body))}
	case Standard:
		return signStandard(h, m, secrets)
	default:
		return fmt.Errorf("unknown scheme %q", scheme)
	}
	return nil
}

func signStandard(h http.Header, m Message, secrets []string) error {
	if err := checkID(m.ID); err != nil {
		return err
	}
	stamp := stampOf(m.Time)
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
	return nil
}

// Verify checks a request's headers and body under any of the secrets, at the time now. The body is the bytes that arrived.
// The error wraps ErrMissing, ErrInvalid, ErrNoMatch, ErrTooOld or ErrTooNew, or says what is wrong with a secret.
func Verify(h http.Header, body []byte, scheme Scheme, now time.Time, secrets ...string) error {
	switch scheme {
	case AWF:
		return verifyHex(h, body, fixed{headerAWF, "X-AWF-Signature", ""}, secrets)
	case GitHub:
		return verifyHex(h, body, fixed{headerGitHub, headerGitHub, gitHubPrefix}, secrets)
	case Standard:
		return verifyStandard(h, body, now, secrets)
	}
	return fmt.Errorf("unknown scheme %q", scheme)
}

// fixed is a header that holds one hex digest of the body.
type fixed struct{ header, shown, prefix string }

func verifyHex(h http.Header, body []byte, f fixed, secrets []string) error {
	got := h.Get(f.header)
	if got == "" {
		return fmt.Errorf("%w: %s", ErrMissing, f.shown)
	}
	digits, found := strings.CutPrefix(got, f.prefix)
	if !found {
		return fmt.Errorf("%w: %s does not begin with %s", ErrInvalid, f.shown, f.prefix)
	}
	mac, err := hex.DecodeString(digits)
	if err != nil {
		return fmt.Errorf("%w: %s is not hex", ErrInvalid, f.shown)
	}
	for _, secret := range secrets {
		if secret == "" {
			return errNoSecret
		}
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
	if err := checkStamp(stamp, "webhook-timestamp", now); err != nil {
		return err
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

// checkStamp says whether a timestamp of Unix seconds is near now.
func checkStamp(stamp, header string, now time.Time) error {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %s is not a number of seconds", ErrInvalid, header)
	}
	const limit = 1 << 40 // beyond it time's own arithmetic would wrap
	switch at := time.Unix(max(min(seconds, limit), -limit), 0); {
	case now.Sub(at) > Tolerance:
		return fmt.Errorf("%w: %d", ErrTooOld, seconds)
	case at.Sub(now) > Tolerance:
		return fmt.Errorf("%w: %d", ErrTooNew, seconds)
	}
	return nil
}

func checkID(id string) error {
	if id == "" || strings.Contains(id, ".") {
		return fmt.Errorf("id %q: want one that is not empty and has no dot", id)
	}
	return nil
}

func stampOf(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// NewSecret makes a secret of 32 random bytes in Standard Webhooks' form, "whsec_" and base64. It is good for every scheme.
func NewSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return keyPrefix + base64.StdEncoding.EncodeToString(key)
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
