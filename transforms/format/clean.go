package format

import (
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// clean makes a text of an event fit to be shown. Line ends become \n. It removes terminal sequences, control characters and
// the characters that override the direction of the text; scripts keep their own direction.
func clean(s string) string {
	if !needsCleaning(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if s[i] == '\x1b' {
			i = skipTerminal(s, i)
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == '\r':
			if i >= len(s) || s[i] != '\n' {
				b.WriteByte('\n')
			}
		case r == '\u2028' || r == '\u2029' || r == '\u0085' || r == '\v' || r == '\f':
			b.WriteByte('\n')
		case r == '\n' || r == '\t' || !invisible(r):
			b.WriteRune(r) // U+FFFD for invalid UTF-8
		}
	}
	return b.String()
}

func needsCleaning(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return true
		}
		if c >= utf8.RuneSelf {
			return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
				return r != '\n' && r != '\t' && invisible(r) || r == '\u2028' || r == '\u2029'
			})
		}
	}
	return false
}

// invisible reports whether a character only controls: C0, DEL, C1, direction overrides and isolates, noncharacters.
func invisible(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	case r == 0xfeff, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return true
	}
	return false
}

// skipTerminal returns the end of the terminal sequence that begins at i.
func skipTerminal(s string, i int) int {
	i++
	if i >= len(s) {
		return i
	}
	switch s[i] {
	case '[': // parameters, then a final byte
		for i++; i < len(s) && s[i] >= 0x20 && s[i] < 0x40; i++ {
		}
		if i < len(s) && s[i] >= 0x40 && s[i] < 0x7f {
			i++
		}
	case ']', 'P', 'X', '^', '_', 'k': // a title, a link or a device's own text, up to BEL or ESC \
		const longest = 2048 // bytes; a longer one is not a sequence
		end := strings.IndexAny(s[i:min(len(s), i+longest)], "\a\x1b")
		if end < 0 {
			return i + 1
		}
		i += end + 1
		if s[i-1] == '\x1b' && i < len(s) && s[i] == '\\' {
			i++
		}
	default: // intermediate bytes, then a final one: ESC ( B, which tput sgr0 writes
		for ; i < len(s) && s[i] >= 0x20 && s[i] < 0x30; i++ {
		}
		if i < len(s) && s[i] >= 0x30 && s[i] < 0x7f {
			i++
		}
	}
	return i
}

// line returns a clean text in one line.
func line(s string) string {
	if s = clean(s); strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\t') >= 0 {
		s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\t' }), " ")
	}
	return strings.TrimSpace(s)
}

// plain returns a JSON value as a person reads it: the content of a string, "" for null, anything else unchanged.
func plain(raw []byte) string {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return ""
	case raw[0] == '"':
		return jsonbytes.String(raw)
	}
	return string(raw)
}
