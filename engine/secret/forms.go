package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/awf-project/awf-hook/engine/legible"
)

// Shorter forms of a secret, in bytes, occur in ordinary words and are not masked by themselves: an encoding, a line of
// it.
const (
	minEncoded = 5
	minLine    = 8
)

// forms are the texts that give a secret away.
type forms struct {
	whole []string            // masked where they occur whole
	runs  map[uint64]struct{} // the hashes of all runs of [run] bytes
	seed  maphash.Seed
	least int // the length of the shortest of them
}

func newForms(values []string) forms {
	f := forms{runs: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	for _, value := range values {
		if value == "" {
			continue
		}
		f.whole = append(f.whole, value)
		f.whole = append(f.whole, atLeast(minEncoded, encodings(value))...)
		f.whole = append(f.whole, atLeast(minLine, lines(value))...)
		for _, form := range append(encodings(behindHost(value)), lines(behindHost(value))...) {
			for i := 0; i+run <= len(form); i++ {
				if part := form[i : i+run]; strings.Trim(part, " ") != "" {
					f.runs[maphash.String(f.seed, part)] = struct{}{}
				}
			}
		}
	}
	slices.Sort(f.whole)
	f.whole = slices.Compact(f.whole)
	f.least = run
	for _, form := range f.whole {
		f.least = min(f.least, len(form))
	}
	return f
}

func atLeast(length int, texts []string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return len(text) < length })
}

// lines lists the lines of a text, raw and as a log writes them.
func lines(s string) []string {
	var list []string
	for line := range strings.Lines(s) {
		list = append(list, strings.TrimSpace(line), legible.Line(line))
	}
	return list
}

// behindHost strips the scheme and host of a URL, which may show. It returns any other text unchanged.
func behindHost(value string) string {
	_, rest, isURL := strings.Cut(value, "://")
	if !isURL {
		return value
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// encodings lists the forms in which a receiver, an expression or a module may return a text.
func encodings(s string) []string {
	query, path := url.QueryEscape(s), url.PathEscape(s)
	list := []string{
		s, strings.ToLower(s), strings.ToUpper(s), query, path, lowerEscapes(query), lowerEscapes(path), html.EscapeString(s),
		inJSON(s, true), inJSON(s, false), strings.ReplaceAll(s, "/", `\/`),
		inASCII(inJSON(s, false), `\u%04x`), inASCII(inJSON(s, false), `\u%04X`), hex.EncodeToString([]byte(s)), legible.Line(s),
	}
	for offset := range 3 {
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			list = append(list, inBase64(alphabet, s, offset)...)
		}
	}
	return list
}

// inBase64 lists what the base64 of a longer text contains of s, if s starts at an offset modulo 3: once for an s that
// ends the text, once for an s that more text follows.
func inBase64(encoding *base64.Encoding, s string, offset int) []string {
	text := encoding.EncodeToString([]byte("\x00\x00"[:offset] + s))
	text = text[min((offset*8+5)/6, len(text)):] // without the digits that include bits of the text before
	if (offset+len(s))%3 == 0 || text == "" {
		return []string{text}
	}
	return []string{text, text[:len(text)-1]} // without the digit that includes bits of the text after
}

// inJSON returns s as it appears inside a JSON string.
func inJSON(s string, escapeHTML bool) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(escapeHTML)
	_ = encoder.Encode(s) // a string always has an encoding
	return b.String()[1 : b.Len()-2]
}

// inASCII escapes what is not ASCII in JSON, as Python's and Java's libraries do.
func inASCII(s, escape string) string {
	var b strings.Builder
	for _, r := range s {
		if r <= unicode.MaxASCII {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, escape, unit)
		}
	}
	return b.String()
}

// lowerEscapes turns %2F into %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}
