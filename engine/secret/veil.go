package secret

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Veil returns a text that differs from the given one in each ASCII letter and digit and in most other letters. It keeps
// length, punctuation and kinds of characters. So two texts that are made alike, one from a secret and one from its veil,
// differ where they come from the secret: see [Differences].
func Veil(text string) string {
	return string(veil(nil, []byte(text), false))
}

// VeilParts returns a body with parts, from and to, veiled. In JSON it keeps the escapes of strings.
func VeilParts(body []byte, parts [][2]int, isJSON bool) []byte {
	return replace(body, parts, func(veiled, _, part []byte) []byte { return veil(veiled, part, isJSON) })
}

func veil(dst, text []byte, isJSON bool) []byte {
	for len(text) > 0 {
		if n := min(escape(text), len(text)); isJSON && n > 0 {
			dst, text = append(dst, text[:n]...), text[n:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError {
			dst = append(dst, text[:size]...)
		} else {
			dst = utf8.AppendRune(dst, other(r))
		}
		text = text[size:]
	}
	return dst
}

// escape returns the length of the escape at the beginning of text, which is the inside of a JSON string; 0 if there is
// none.
func escape(text []byte) int {
	switch {
	case text[0] != '\\' || len(text) == 1:
		return 0
	case text[1] == 'u':
		return 6
	}
	return 2
}

// other returns another character of the same kind. A hexadecimal digit stays one, and no digit becomes a leading zero.
func other(r rune) rune {
	for _, kind := range [][2]rune{{'a', 'f'}, {'g', 'z'}, {'A', 'F'}, {'G', 'Z'}, {'1', '9'}} {
		switch low, high := kind[0], kind[1]; {
		case r == high:
			return low
		case r >= low && r < high:
			return r + 1
		}
	}
	switch {
	case r == '0':
		return '1'
	case r >= utf8.RuneSelf && unicode.IsLetter(r) && unicode.IsLetter(r^1) && utf8.RuneLen(r) == utf8.RuneLen(r^1):
		return r ^ 1
	}
	return r
}

// maxGap is how many equal bytes between two differences count as part of the same secret: its punctuation.
const maxGap = 16

// Differences returns the parts of a body, from and to, in which it differs from another body that was made alike from
// other secrets.
func Differences(body, other []byte) (parts [][2]int) {
	if len(body) != len(other) {
		from, to := 0, len(body)
		for from < min(to, len(other)) && body[from] == other[from] {
			from++
		}
		for cut := len(other) - len(body); to > from && to+cut > from && body[to-1] == other[to+cut-1]; {
			to--
		}
		return [][2]int{{from, to}}
	}
	for i := range body {
		if body[i] == other[i] {
			continue
		}
		if last := len(parts) - 1; last >= 0 {
			if end := parts[last][1]; i-end <= maxGap && bytes.IndexByte(body[end:i], '"') < 0 {
				parts[last][1] = i + 1
				continue
			}
		}
		parts = append(parts, [2]int{i, i + 1})
	}
	return parts
}

// A part of at most shortPart bytes is joined with parts at most nearby bytes away: a secret in single characters.
const (
	shortPart = 3
	nearby    = 8
)

// Texts returns the texts in parts of a body, from and to, raw and decoded as JSON strings.
func Texts(body []byte, parts [][2]int) (texts []string) {
	for i, p := range parts {
		if last := i - 1; last >= 0 && p[1]-p[0] <= shortPart && p[0]-parts[last][1] <= nearby && parts[last][1]-parts[last][0] <= shortPart {
			continue // it was taken with the last one
		}
		for next := i + 1; next < len(parts) && p[1]-p[0] > 0; next++ {
			q := parts[next]
			if q[1]-q[0] > shortPart || parts[next-1][1]-parts[next-1][0] > shortPart || q[0]-p[1] > nearby {
				break
			}
			p[1] = q[1]
		}
		if p[0] < 0 || p[1] < p[0] || p[1] > len(body) {
			continue
		}
		text := string(body[p[0]:p[1]])
		texts = append(texts, text)
		if meant, isJSON := unquote(text); isJSON && meant != text {
			texts = append(texts, meant)
		}
	}
	return texts
}

func unquote(inner string) (text string, isJSON bool) {
	isJSON = json.Unmarshal([]byte(`"`+inner+`"`), &text) == nil
	return text, isJSON
}

// Join returns the union of two lists of parts, from and to, in order.
func Join(a, b [][2]int) [][2]int { return merge(slices.Concat(a, b)) }
