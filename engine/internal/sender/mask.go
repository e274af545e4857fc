package sender

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/secret"
)

const (
	// minMasked is the shortest secret that is masked, in bytes: shorter ones occur in ordinary words.
	minMasked = 5
	// minMade is the shortest part of a body, made from a secret, that is masked, in bytes.
	minMade = 3
	// minSegment is the shortest part of the URL's path that is masked by itself, in bytes.
	minSegment = 8
	// maxExcerpt is how much of a response is kept, in bytes.
	maxExcerpt = 1 << 10
)

// newMasker makes a masker of everything in a webhook that must not show: its secrets, its URL except for the host, and
// the values of its headers.
func newMasker(w *Webhook, proxy *url.URL) *secret.Masker {
	values := slices.Concat(w.Known, ofURL(w.URL))
	for _, s := range w.Secrets {
		key := strings.TrimPrefix(s.Value, "whsec_")
		decoded, _ := base64.StdEncoding.DecodeString(key)
		values = append(values, s.Value, key, string(decoded))
	}
	if proxy != nil {
		values = append(values, ofUser(proxy.User)...)
	}
	for _, h := range w.Headers {
		values = append(append(values, h[1]), strings.Fields(h[1])...)
		if encoded, isBasic := strings.CutPrefix(h[1], "Basic "); isBasic {
			decoded, _ := base64.StdEncoding.DecodeString(encoded)
			user, password, _ := strings.Cut(string(decoded), ":")
			values = append(values, user, password)
		}
	}
	return secret.NewMasker(slices.DeleteFunc(values, func(value string) bool { return len(value) < minMasked }), nil)
}

func ofURL(u *url.URL) []string {
	values := []string{u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if len(segment) >= minSegment {
			values = append(values, segment)
		}
	}
	for _, inQuery := range u.Query() {
		values = append(values, inQuery...)
	}
	return append(values, ofUser(u.User)...)
}

func ofUser(user *url.Userinfo) []string {
	if user == nil {
		return nil
	}
	password, _ := user.Password()
	return []string{user.Username(), password, user.String(), user.Username() + ":" + password}
}

// maskOf returns a function that masks the webhook's secrets and what the delivery's body made from them: the receiver
// may send either back.
func (s *Sender) maskOf(d *delivery.Delivery) func(string) string {
	made := secret.Texts(d.Body, d.Secret)
	made = slices.DeleteFunc(made, func(text string) bool { return len(text) < minMade || s.masker.Text(text) == secret.Mask })
	if len(made) == 0 {
		return s.mask
	}
	more := secret.NewMasker(made, nil)
	return func(text string) string { return more.Text(s.masker.Text(text)) }
}

// excerpt returns the beginning of a response's body as text, without secrets and without terminal control characters.
func excerpt(body []byte, mask func(string) string) string {
	if len(body) == 0 {
		return ""
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(mask(string(body)), "\uFFFD"))
	return legible.Cut(text, maxExcerpt)
}
