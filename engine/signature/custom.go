package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Custom is a scheme of a receiver's own, by its parts. Secrets are taken literally. Stripe's is
//
//	Custom{Header: "Stripe-Signature", Template: "{timestamp}.{body}", Prefix: "t={timestamp},v1=", Separator: ","}
type Custom struct {
	Header          string // that carries the signatures
	Template        string // of what is signed, with {id}, {timestamp} (Unix seconds) and {body}; "" is {body}
	Hash            string // of the HMAC: sha256, which "" is too, or sha512
	Encoding        string // of a signature: hex, which "" is too, or base64
	Prefix          string // of the header's value, perhaps with {id} and {timestamp}; what follows the last separator stands before each signature
	Separator       string // between the signatures of several secrets; "" has room for the first one only
	IDHeader        string // carries the id too; without it a receiver finds the id in X-AWF-Delivery
	TimestampHeader string // carries the timestamp too
}

const (
	placeID    = "{id}"
	placeStamp = "{timestamp}"
	placeBody  = "{body}"
)

var placeholder = regexp.MustCompile(`\{[A-Za-z_]*\}`)

// Check says what is wrong with the parts: a template that does not sign the body, or signs what the receiver cannot know.
func (c Custom) Check() error {
	for _, part := range []struct{ name, text, allowed string }{
		{"template", c.template(), placeID + placeStamp + placeBody},
		{"prefix", c.Prefix, placeID + placeStamp},
		{"separator", c.Separator, ""},
	} {
		for _, found := range placeholder.FindAllString(part.text, -1) {
			if !strings.Contains(part.allowed, found) {
				return fmt.Errorf("%s: unknown placeholder %s", part.name, found)
			}
		}
	}
	switch {
	case c.Header == "":
		return errors.New("header: missing")
	case !strings.Contains(c.template(), placeBody):
		return errors.New("template: does not sign the {body}")
	case c.signsStamp() && !strings.Contains(c.Prefix, placeStamp) && c.TimestampHeader == "":
		return errors.New("template: signs the {timestamp}, which neither prefix nor timestamp_header sends")
	case c.newHash() == nil:
		return errors.New("hash: want sha256 or sha512")
	case !slices.Contains([]string{"", "hex", "base64"}, c.Encoding):
		return errors.New("encoding: want hex or base64")
	}
	return nil
}

// Sign puts the scheme's headers for the message into h, signed with each of the secrets where there is a separator.
func (c Custom) Sign(h http.Header, m Message, secrets ...string) error {
	if err := c.Check(); err != nil {
		return err
	}
	if err := checkID(m.ID); err != nil && strings.Contains(c.template()+c.Prefix, placeID) {
		return err
	}
	if c.Separator == "" {
		secrets = secrets[:min(1, len(secrets))]
	}
	s := signing{m.ID, stampOf(m.Time), m.Body}
	lead, item := c.split()
	list := make([]string, len(secrets))
	for i, secret := range secrets {
		if secret == "" {
			return errNoSecret
		}
		list[i] = item + c.encode(c.mac(secret, s))
	}
	if len(list) == 0 {
		return errNoSecret
	}
	h.Set(c.Header, s.fill(lead)+strings.Join(list, c.Separator))
	if c.IDHeader != "" {
		h.Set(c.IDHeader, m.ID)
	}
	if c.TimestampHeader != "" {
		h.Set(c.TimestampHeader, s.stamp)
	}
	return nil
}

// Verify checks a request's headers and body under any of the secrets, at the time now. Errors are those of the function [Verify].
func (c Custom) Verify(h http.Header, body []byte, now time.Time, secrets ...string) error {
	if err := c.Check(); err != nil {
		return err
	}
	value := h.Get(c.Header)
	if value == "" {
		return fmt.Errorf("%w: %s", ErrMissing, c.Header)
	}
	s := signing{h.Get(headerDelivery), "", body}
	list, err := c.parse(h, value, &s)
	if err != nil {
		return err
	}
	if c.signsStamp() {
		if err := checkStamp(s.stamp, c.Header, now); err != nil {
			return err
		}
	}
	for _, secret := range secrets {
		if secret == "" {
			return errNoSecret
		}
		want := c.mac(secret, s)
		for _, text := range list {
			if got, err := c.decode(text); err == nil && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return ErrNoMatch
}

// parse finds the id, the timestamp and the encoded signatures in the headers.
func (c Custom) parse(h http.Header, value string, s *signing) ([]string, error) {
	lead, item := c.split()
	pattern := regexp.QuoteMeta(lead)
	pattern = strings.Replace(pattern, regexp.QuoteMeta(placeStamp), `(?<timestamp>-?[0-9]+)`, 1)
	pattern = strings.Replace(pattern, regexp.QuoteMeta(placeID), `(?<id>[A-Za-z0-9_-]+)`, 1)
	form, err := regexp.Compile("^" + pattern)
	if err != nil {
		return nil, fmt.Errorf("prefix: %w", err)
	}
	found := form.FindStringSubmatch(value)
	if found == nil {
		return nil, fmt.Errorf("%w: %s does not begin with its prefix", ErrInvalid, c.Header)
	}
	for i, name := range form.SubexpNames() {
		switch name {
		case "timestamp":
			s.stamp = found[i]
		case "id":
			s.id = found[i]
		}
	}
	if c.IDHeader != "" {
		s.id = h.Get(c.IDHeader)
	}
	if s.stamp == "" && c.TimestampHeader != "" {
		s.stamp = h.Get(c.TimestampHeader)
	}
	list := []string{value[len(found[0]):]}
	if c.Separator != "" {
		list = strings.Split(list[0], c.Separator)
	}
	var signatures []string
	for _, text := range list {
		if text, isSignature := strings.CutPrefix(text, item); isSignature {
			signatures = append(signatures, text)
		}
	}
	return signatures, nil
}

// split splits the prefix into what stands once and what stands before each signature.
func (c Custom) split() (lead, item string) {
	end := 0
	if c.Separator != "" {
		if i := strings.LastIndex(c.Prefix, c.Separator); i >= 0 {
			end = i + len(c.Separator)
		}
	}
	if all := placeholder.FindAllStringIndex(c.Prefix, -1); len(all) > 0 {
		end = max(end, all[len(all)-1][1])
	}
	return c.Prefix[:end], c.Prefix[end:]
}

func (c Custom) template() string {
	if c.Template == "" {
		return placeBody
	}
	return c.Template
}

func (c Custom) signsStamp() bool { return strings.Contains(c.template(), placeStamp) }

// newHash is nil for an unknown hash.
func (c Custom) newHash() func() hash.Hash {
	switch c.Hash {
	case "", "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

func (c Custom) encode(mac []byte) string {
	if c.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(mac)
	}
	return hex.EncodeToString(mac)
}

func (c Custom) decode(text string) ([]byte, error) {
	if c.Encoding == "base64" {
		return base64.StdEncoding.DecodeString(text)
	}
	return hex.DecodeString(text)
}

// signing is what the placeholders stand for.
type signing struct {
	id, stamp string
	body      []byte
}

// mac is the HMAC of the filled template. The body is not copied.
func (c Custom) mac(secret string, s signing) []byte {
	mac := hmac.New(c.newHash(), []byte(secret))
	for i, part := range strings.Split(c.template(), placeBody) {
		if i > 0 {
			mac.Write(s.body)
		}
		mac.Write([]byte(s.fill(part)))
	}
	return mac.Sum(nil)
}

// fill replaces the placeholders of id and timestamp in one pass.
func (s signing) fill(text string) string {
	return strings.NewReplacer(placeID, s.id, placeStamp, s.stamp).Replace(text)
}
