package secret

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// run is how many consecutive bytes of a secret's form are masked wherever they occur, since a slice of a secret reveals
// too much of it.
const run = 12

// maxWord is the longest secret, in bytes, that is masked only as a separate word: any text contains such a short one.
const maxWord = 2

// Masker replaces secrets in texts with [Mask]: the values that it was given, in each form in which one may come back,
// and the texts of certain keys in JSON objects. It is safe for concurrent use.
type Masker struct {
	forms func() forms // made when the first text is masked
	keys  *regexp.Regexp
}

// NewMasker makes a masker of values, and of any text under keys. It ignores empty values.
func NewMasker(values, keys []string) *Masker {
	values = slices.Clone(values)
	m := &Masker{forms: sync.OnceValue(func() forms { return newForms(values) })}
	if len(keys) > 0 {
		quoted := make([]string, len(keys))
		for i, key := range keys {
			quoted[i] = regexp.QuoteMeta(key)
		}
		m.keys = regexp.MustCompile(`"(?:` + strings.Join(quoted, "|") + `)"\s*:\s*"((?:[^"\\]|\\.)*)"`)
	}
	return m
}

// Text returns text with its secrets masked.
func (m *Masker) Text(text string) string {
	marked := m.parts(text)
	if len(marked) == 0 {
		return text
	}
	return string(replace([]byte(text), marked, func(masked, _, _ []byte) []byte { return append(masked, Mask...) }))
}

// replace replaces the parts of a body, from and to, by what write appends. write also gets what stands before the part, from the end of
// the last one. It ignores parts beyond the body.
func replace(body []byte, parts [][2]int, write func(dst, before, part []byte) []byte) []byte {
	dst, end := make([]byte, 0, len(body)), 0
	for _, p := range parts {
		if p[0] < end || p[1] < p[0] || p[1] > len(body) {
			continue
		}
		before := body[end:p[0]]
		dst = write(append(dst, before...), before, body[p[0]:p[1]])
		end = p[1]
	}
	return append(dst, body[end:]...)
}

// Parts returns the secret parts of a body, from and to, in order. [MaskParts] can mask them later, when the secrets are
// no longer known.
func (m *Masker) Parts(body []byte) [][2]int {
	if m.isEmpty() { // saves the copy
		return nil
	}
	return m.parts(string(body))
}

// MaskParts masks the parts of a body that Parts found. It ignores parts beyond the body. JSON stays JSON: a masked
// number becomes a string.
func MaskParts(body []byte, parts [][2]int) []byte {
	if len(parts) == 0 {
		return body
	}
	isJSON, inString := json.Valid(body), false
	return replace(body, parts, func(masked, before, part []byte) []byte {
		inString = endsInString(before, inString)
		quotes := ""
		if isJSON && !inString {
			quotes = `"`
		}
		inString = endsInString(part, inString)
		return append(masked, quotes+Mask+quotes...)
	})
}

// endsInString reports whether a part of JSON ends within a string. inString says whether it begins within one.
func endsInString(part []byte, inString bool) bool {
	for i := 0; i < len(part); i++ {
		switch {
		case part[i] == '"':
			inString = !inString
		case part[i] == '\\' && inString:
			i++
		}
	}
	return inString
}

// Body returns a body with its secrets masked.
func (m *Masker) Body(body []byte) []byte {
	if body == nil {
		return nil
	}
	return []byte(m.Text(string(body)))
}

// Value returns a JSON value with the secrets in its texts and numbers masked.
func (m *Masker) Value(v any) any {
	switch v := v.(type) {
	case string:
		return m.Text(v)
	case []any:
		masked := make([]any, len(v))
		for i := range v {
			masked[i] = m.Value(v[i])
		}
		return masked
	case map[string]any:
		masked := make(map[string]any, len(v))
		for key, inner := range v {
			masked[m.Text(key)] = m.Value(inner)
		}
		return masked
	case int, int64, uint64, float64, json.Number: // an expression may have read it from a secret
		if text, err := json.Marshal(v); err != nil || m.Text(string(text)) != string(text) {
			return Mask
		}
	}
	return v
}

// Handler returns a handler that masks the texts of attributes and passes them to h.
func (m *Masker) Handler(h slog.Handler) slog.Handler { return &handler{h, m} }

type handler struct {
	slog.Handler
	masker *Masker
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	masked := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		masked.AddAttrs(h.mask(a))
		return true
	})
	return h.Handler.Handle(ctx, masked)
}

func (h *handler) mask(a slog.Attr) slog.Attr {
	switch a.Value = a.Value.Resolve(); a.Value.Kind() {
	case slog.KindGroup:
		var inner []slog.Attr
		for _, member := range a.Value.Group() {
			inner = append(inner, h.mask(member))
		}
		a.Value = slog.GroupValue(inner...)
	case slog.KindString, slog.KindAny: // KindAny holds errors, for example
		a.Value = slog.StringValue(h.masker.Text(fmt.Sprint(a.Value.Any())))
	}
	return a
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	attrs = slices.Clone(attrs)
	for i := range attrs {
		attrs[i] = h.mask(attrs[i])
	}
	return &handler{h.Handler.WithAttrs(attrs), h.masker}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.masker}
}

// invisible are characters that formats insert after characters with a meaning for a receiver. They may occur inside a
// secret.
const invisible = "\u200b\u200c\u200d\u2060\ufeff"

// parts finds the secret parts of a text, from and to, in order.
func (m *Masker) parts(text string) [][2]int {
	if m.isEmpty() {
		return nil
	}
	if !holdsInvisible(text) {
		return m.visible(text)
	}
	var visible []byte
	var at []int // the position of each of its bytes in the text
	for i, r := range text {
		if _, size := utf8.DecodeRuneInString(text[i:]); !strings.ContainsRune(invisible, r) {
			visible = append(visible, text[i:i+size]...)
			for j := range size {
				at = append(at, i+j)
			}
		}
	}
	parts := m.visible(string(visible))
	for i, p := range parts {
		parts[i] = [2]int{at[p[0]], at[p[0]]} // an empty text may follow a key
		if p[1] > p[0] {
			parts[i][1] = at[p[1]-1] + 1
		}
	}
	return parts
}

// holdsInvisible reports whether a text holds an invisible character. It looks for their two first bytes before: nearly all
// texts have neither.
func holdsInvisible(text string) bool {
	first, last := invisible[0], invisible[len(invisible)-3]
	return (strings.IndexByte(text, first) >= 0 || strings.IndexByte(text, last) >= 0) && strings.ContainsAny(text, invisible)
}

// isEmpty reports whether the masker masks nothing.
func (m *Masker) isEmpty() bool { return m.keys == nil && len(m.forms().whole) == 0 }

// visible finds the secret parts of a text without invisible characters.
func (m *Masker) visible(text string) [][2]int {
	forms := m.forms()
	if m.keys == nil && len(text) < forms.least { // such as "200 OK"
		return nil
	}
	var found [][2]int
	for _, form := range forms.whole {
		for at := 0; ; {
			i := strings.Index(text[at:], form)
			if i < 0 {
				break
			}
			from := at + i
			at = from + len(form)
			if len(form) > maxWord || standsAlone(text, from, at) {
				found = append(found, [2]int{from, at})
			}
		}
	}
	if len(forms.runs) > 0 {
		for i := 0; i+run <= len(text); i++ {
			part := text[i : i+run]
			if _, secret := forms.runs[maphash.String(forms.seed, part)]; secret { // spaces at its edges may belong to the text
				found = append(found, [2]int{i + len(part) - len(strings.TrimLeft(part, " ")), i + len(strings.TrimRight(part, " "))})
			}
		}
	}
	if m.keys != nil {
		for _, match := range m.keys.FindAllStringSubmatchIndex(text, -1) {
			found = append(found, [2]int{match[2], match[3]})
		}
	}
	return merge(found)
}

// standsAlone reports whether no letter or digit is next to a part of a text.
func standsAlone(text string, from, to int) bool {
	isWord := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
	}
	return (from == 0 || !isWord(text[from-1])) && (to == len(text) || !isWord(text[to]))
}

// merge joins parts that overlap or touch.
func merge(parts [][2]int) [][2]int {
	slices.SortFunc(parts, func(a, b [2]int) int { return cmp.Or(a[0]-b[0], a[1]-b[1]) })
	joined := parts[:0]
	for _, p := range parts {
		if last := len(joined) - 1; last >= 0 && p[0] <= joined[last][1] {
			joined[last][1] = max(joined[last][1], p[1])
			continue
		}
		joined = append(joined, p)
	}
	return joined
}
