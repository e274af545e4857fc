package sender

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/secret"
)

const (
	// minMasked is the length from which a secret is masked, in bytes: shorter ones are parts of ordinary words.
	minMasked = 5
	// minSegment is the length from which a part of the URL's path is masked by itself, in bytes.
	minSegment = 8
)

// masker replaces the secrets in what a receiver wrote, as they are and as they are encoded on their way.
type masker func() *strings.Replacer

// newMasker collects what must not be seen of a webhook: its secrets, all of its URL but the host, the values of its headers.
func newMasker(w *Webhook, proxy *url.URL) masker {
	return sync.OnceValue(func() *strings.Replacer { // most webhooks never need it
		secrets := slices.Clone(w.Known)
		for _, s := range w.Secrets {
			key := strings.TrimPrefix(s.Value, "whsec_")
			secrets = append(secrets, s.Value, key)
			if decoded, err := base64.StdEncoding.DecodeString(key); err == nil {
				secrets = append(secrets, string(decoded))
			}
		}
		secrets = append(secrets, ofURL(w.URL)...)
		if proxy != nil {
			secrets = append(secrets, ofUser(proxy.User)...)
		}
		for _, h := range w.Headers {
			secrets = append(append(secrets, h[1]), strings.Fields(h[1])...)
			if encoded, isBasic := strings.CutPrefix(h[1], "Basic "); isBasic {
				decoded, _ := base64.StdEncoding.DecodeString(encoded)
				user, password, _ := strings.Cut(string(decoded), ":")
				secrets = append(secrets, user, password)
			}
		}
		return replacer(secrets)
	})
}

func ofURL(u *url.URL) []string {
	secrets := []string{u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if len(segment) >= minSegment {
			secrets = append(secrets, segment)
		}
	}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	return append(secrets, ofUser(u.User)...)
}

func ofUser(user *url.Userinfo) []string {
	if user == nil {
		return nil
	}
	password, _ := user.Password()
	return []string{user.Username(), password, user.String(), user.Username() + ":" + password}
}

func replacer(secrets []string) *strings.Replacer {
	var forms []string
	for _, known := range secrets {
		if len(known) >= minMasked {
			forms = append(forms, encodings(known)...)
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, secret.Mask)
	}
	return strings.NewReplacer(pairs...)
}

// encodings are the forms in which a secret may come back.
func encodings(s string) []string {
	asJSON, _ := json.Marshal(s)
	query, path := url.QueryEscape(s), url.PathEscape(s)
	forms := []string{
		s, strings.ToLower(s), strings.ToUpper(s), query, path, lowerEscapes(query), lowerEscapes(path), html.EscapeString(s),
		string(asJSON[1 : len(asJSON)-1]), strings.ReplaceAll(s, "/", `\/`), hex.EncodeToString([]byte(s)),
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} { // padding may follow
		forms = append(forms, encoding.EncodeToString([]byte(s)))
	}
	return forms
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

func (m masker) mask(text string) string {
	if len(text) < minMasked {
		return text
	}
	return m().Replace(text)
}

// excerpt is the beginning of a response's body: text without secrets and without what a terminal obeys.
func (m masker) excerpt(body []byte) string {
	const limit = 1 << 10 // bytes
	text := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(m.mask(string(body)), "\uFFFD"))
	if len(text) > limit {
		text = text[:limit]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}
