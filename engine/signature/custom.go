package signature

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"iter"
	"net/http"
	"strings"
	"time"
)

// Custom is a receiver's own scheme, described by its parts. It uses the secret's literal bytes. Stripe's is
//
//	Custom{Header: "Stripe-Signature", Template: "{timestamp}.{body}", Prefix: "t={timestamp},v1=", Separator: ","}
type Custom struct {
	Header          string // carries the signatures
	Template        string // what is signed, with {id}, {timestamp} (Unix seconds) and {body}; "" is {body}
	Hash            string // of the HMAC: sha256 (also "") or sha512
	Encoding        string // of a signature: hex (also "") or base64
	Prefix          string // of the header's value, with {id} and {timestamp}; each signature begins with the text after the last separator
	Separator       string // between the signatures of several secrets; "" sends only the first one
	IDHeader        string // carries the id too; without it a receiver finds the id in X-AWF-Delivery
	TimestampHeader string // carries the timestamp too
}

const (
	placeID    = "{id}"
	placeStamp = "{timestamp}"
	placeBody  = "{body}"
)

var (
	hashes    = map[string]func() hash.Hash{"": sha256.New, "sha256": sha256.New, "sha512": sha512.New}
	encodings = map[string]encoding{
		"":       {hex.AppendEncode, hex.DecodeString},
		"hex":    {hex.AppendEncode, hex.DecodeString},
		"base64": {base64.StdEncoding.AppendEncode, base64.StdEncoding.DecodeString},
	}
)

type encoding struct {
	append func(dst, src []byte) []byte
	decode func(string) ([]byte, error)
}

// Check returns an error for wrong parts: a template that does not sign the body, or that signs what the receiver cannot
// know.
func (c Custom) Check() error {
	for _, part := range []struct{ name, text, allowed string }{
		{"template", c.template(), placeID + placeStamp + placeBody},
		{"prefix", c.Prefix, placeID + placeStamp},
		{"separator", c.Separator, ""},
	} {
		for from, to := range placeholders(part.text) {
			found := part.text[from:to]
			if !strings.Contains(part.allowed, found) {
				return fmt.Errorf("%s: unknown placeholder %s", part.name, found)
			}
		}
	}
	used := map[string]string{} // the parts that name a header, by the header
	for _, part := range []struct{ name, header string }{
		{"header", c.Header}, {"id_header", c.IDHeader}, {"timestamp_header", c.TimestampHeader},
	} {
		header := http.CanonicalHeaderKey(part.header)
		switch other := used[header]; {
		case header == "":
			continue
		case strings.ContainsFunc(header, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }):
			return errors.New(part.name + ": not a header name")
		case other != "":
			return fmt.Errorf("%s: the same header as %s", part.name, other)
		}
		used[header] = part.name
	}
	switch {
	case c.Header == "":
		return errors.New("header: missing")
	case hasControl(c.Prefix):
		return errors.New("prefix: control character in a header's value")
	case hasControl(c.Separator):
		return errors.New("separator: control character in a header's value")
	case !c.signs(placeBody):
		return errors.New("template: does not sign the {body}")
	case c.signs(placeStamp) && !strings.Contains(c.Prefix, placeStamp) && c.TimestampHeader == "":
		return errors.New("template: signs the {timestamp}, which neither prefix nor timestamp_header sends")
	case hashes[c.Hash] == nil:
		return errors.New("hash: want sha256 or sha512")
	case encodings[c.Encoding].append == nil:
		return errors.New("encoding: want hex or base64")
	}
	return nil
}

// Sign sets the scheme's headers for the message in h. It signs under each secret if there is a separator, else under the
// first.
func (c Custom) Sign(h http.Header, m Message, secrets ...string) error {
	signer, err := c.Signer(secrets...)
	if err != nil {
		return err
	}
	return signer.Sign(h, m)
}

// Verify checks a request's headers and body under any of the secrets, at the time now. It returns the errors of the
// function [Verify].
func (c Custom) Verify(h http.Header, body []byte, now time.Time, secrets ...string) error {
	if err := c.Check(); err != nil {
		return err
	}
	return scheme{c, literally}.verify(h, body, now, secrets)
}

// hasControl reports whether a text would break the line of a header with it.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (c Custom) template() string {
	if c.Template == "" {
		return placeBody
	}
	return c.Template
}

// placeholders yields where the placeholders of a text begin and end: letters and _ in braces.
func placeholders(text string) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		from := -1 // of the last brace, if only letters and _ follow it
		for i := range len(text) {
			switch c := text[i]; {
			case c == '{':
				from = i
			case from >= 0 && c == '}':
				if !yield(from, i+1) {
					return
				}
				from = -1
			case c|0x20 < 'a' || c|0x20 > 'z':
				if c != '_' {
					from = -1
				}
			}
		}
	}
}

// signs reports whether the template has the placeholder.
func (c Custom) signs(place string) bool { return strings.Contains(c.template(), place) }

// split splits the prefix into the text that occurs once and the text before each signature.
func (c Custom) split() (lead, item string) {
	end := 0
	if i := strings.LastIndex(c.Prefix, c.Separator); i >= 0 && c.Separator != "" {
		end = i + len(c.Separator)
	}
	for _, to := range placeholders(c.Prefix) {
		end = max(end, to)
	}
	return c.Prefix[:end], c.Prefix[end:]
}
