// Package signature signs webhook bodies and verifies them. Receivers written in Go import it; it needs only the standard
// library.
//
// In a receiver, call [Verify] with the request's headers and the exact bytes of its body. Three schemes have fixed
// headers: [AWF] is the lower-case hex HMAC-SHA256 of the body under the secret's bytes, [Standard] is Standard Webhooks
// (https://www.standardwebhooks.com), and [GitHub] is X-Hub-Signature-256. [Custom] describes any other scheme.
//
// AWF does not sign its timestamp and GitHub has none, so neither detects the replay of an old request. Standard does.
package signature

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Scheme names a signature scheme.
type Scheme string

const (
	AWF      Scheme = "awf"      // X-AWF-Signature, X-AWF-Timestamp
	Standard Scheme = "standard" // webhook-id, webhook-timestamp, webhook-signature
	GitHub   Scheme = "github"   // X-Hub-Signature-256
)

// Schemes lists the schemes with fixed headers.
var Schemes = []Scheme{AWF, Standard, GitHub}

// fixed holds the parts of these schemes.
var fixed = map[Scheme]scheme{
	AWF:    {Custom{Header: "X-AWF-Signature", TimestampHeader: "X-AWF-Timestamp"}, literally},
	GitHub: {Custom{Header: "X-Hub-Signature-256", Prefix: "sha256="}, literally},
	Standard: {Custom{
		Header: "webhook-signature", Template: "{id}.{timestamp}.{body}", Encoding: "base64", Prefix: "v1,", Separator: " ",
		IDHeader: "webhook-id", TimestampHeader: "webhook-timestamp",
	}, Key},
}

// Tolerance is how far a signed timestamp may be from the receiver's clock, in both directions.
const Tolerance = 5 * time.Minute

var (
	ErrMissing = errors.New("signature header missing")
	ErrInvalid = errors.New("signature header malformed")
	ErrNoMatch = errors.New("no signature matches")
	ErrTooOld  = errors.New("timestamp too old")
	ErrTooNew  = errors.New("timestamp too new")

	// ErrUnsigned wraps ErrMissing. It means that the request has none of the scheme's headers.
	ErrUnsigned = fmt.Errorf("%w", ErrMissing)
)

// Message is a message to sign.
type Message struct {
	ID   string    // of the delivery; Standard refuses an id with a dot, which separates it from what follows
	Time time.Time // of this attempt; sent in whole seconds
	Body []byte    // the exact bytes that are sent
}

// Sign sets a scheme's headers for the message in h. Standard signs under each of the secrets, so that they can be
// rotated; AWF and GitHub sign under the first one only.
func Sign(h http.Header, name Scheme, m Message, secrets ...string) error {
	s, err := NewSigner(name, secrets...)
	if err != nil {
		return err
	}
	return s.Sign(h, m)
}

// Verify checks a request's headers and body under any of the secrets, at the time now. The body must be the exact bytes
// that arrived. The error wraps ErrMissing, ErrInvalid, ErrNoMatch, ErrTooOld or ErrTooNew. If no secret can be used, it
// says why.
func Verify(h http.Header, body []byte, name Scheme, now time.Time, secrets ...string) error {
	s, known := fixed[name]
	if !known {
		return errUnknown(name)
	}
	return s.verify(h, body, now, secrets)
}

func errUnknown(name Scheme) error {
	return fmt.Errorf("unknown scheme %q: want awf, standard or github", name)
}

const keyPrefix = "whsec_"

// NewSecret returns 32 random bytes in the form of Standard Webhooks, "whsec_" and base64. Every scheme accepts it.
func NewSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return keyPrefix + base64.StdEncoding.EncodeToString(key)
}

// Key returns the bytes under which Standard signs: it decodes "whsec_" and base64, and uses any other secret literally.
func Key(secret string) ([]byte, error) {
	encoded, isKey := strings.CutPrefix(secret, keyPrefix)
	if !isKey {
		return literally(secret)
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil:
		return nil, errors.New("secret: the text after whsec_ is not base64")
	case len(key) == 0:
		return nil, errors.New("secret: nothing follows whsec_")
	}
	return key, nil
}

// literally returns the bytes under which all other schemes sign.
func literally(secret string) ([]byte, error) {
	if secret == "" {
		return nil, errors.New("secret: empty")
	}
	return []byte(secret), nil
}
