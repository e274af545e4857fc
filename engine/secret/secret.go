// Package secret keeps values that must not be seen out of everything that is printed.
//
// Wrap such a value in a [Secret], or in a [URL] if it is one: both print as a mask in fmt, encoding/json, YAML and
// log/slog. A [Masker] replaces secrets in texts that come from elsewhere.
package secret

import (
	"fmt"
	"log/slog"
	"net/url"
)

// Mask replaces a secret wherever one would show.
const Mask = "<secret>"

// Secret is a value that must not be seen. It prints as [Mask]. The zero Secret is empty.
type Secret struct{ value *string } // a pointer, since fmt calls no method of an unexported field

// New hides value.
func New(value string) Secret { return Secret{&value} }

// Reveal returns the value. Keep it out of logs, errors, files and reports.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the value is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

func (s Secret) String() string               { return Mask }
func (s Secret) Format(f fmt.State, _ rune)   { fmt.Fprint(f, Mask) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(Mask), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(Mask) }

// URL is a receiver's address. It prints as scheme and host alone, since path and query are often credentials.
type URL struct{ whole Secret }

// NewURL hides everything in u but its scheme and host.
func NewURL(u *url.URL) URL { return URL{New(u.String())} }

// Reveal returns the whole URL. Keep it out of logs, errors, files and reports.
func (u URL) Reveal() *url.URL {
	parsed, err := url.Parse(u.whole.Reveal())
	if err != nil { // NewURL got a parsed URL
		return &url.URL{}
	}
	return parsed
}

// Host returns the host without the port.
func (u URL) Host() string { return u.Reveal().Hostname() }

func (u URL) String() string {
	whole := u.Reveal()
	return whole.Scheme + "://" + whole.Host
}

func (u URL) Format(f fmt.State, _ rune)   { fmt.Fprint(f, u.String()) }
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
func (u URL) LogValue() slog.Value         { return slog.StringValue(u.String()) }
