package format

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// An object is a JSON object, its members in their order. A member that is empty is left out.
// Empty are "", nil, and an object or a list that is nil.
type object []member

type member struct {
	name  string
	value any // string, bool, int, object, list, raw, or nil
}

// A list is a JSON array. An element that is empty is left out.
type list []any

// raw is JSON as it stands.
type raw []byte

// unless returns the object, or nil if it is unwanted.
func (o object) unless(unwanted bool) object {
	if unwanted {
		return nil
	}
	return o
}

func (l list) unless(unwanted bool) list {
	if unwanted {
		return nil
	}
	return l
}

// some returns the objects that are not nil as a list, or nil if there is none.
func some(objects ...object) list {
	var all list
	for _, o := range objects {
		if o != nil {
			all = append(all, o)
		}
	}
	return all
}

// yes returns true, or nothing, which leaves a member out.
func yes(b bool) any {
	if b {
		return true
	}
	return nil
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case object:
		return v == nil
	case list:
		return v == nil
	case raw:
		return v == nil
	}
	return false
}

// appendJSON appends a value. It escapes only what JSON requires.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case raw:
		return append(dst, v...)
	case object:
		dst = append(dst, '{')
		start := len(dst)
		for i := range v {
			if isEmpty(v[i].value) {
				continue
			}
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, v[i].name), ':')
			dst = appendJSON(dst, v[i].value)
		}
		return append(dst, '}')
	case list:
		dst = append(dst, '[')
		start := len(dst)
		for _, element := range v {
			if isEmpty(element) {
				continue
			}
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, element)
		}
		return append(dst, ']')
	}
	panic("format: a value of another type in a body")
}

// appendString appends s as a JSON string: only what JSON requires is escaped, and what is no UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// jsonSize returns how many bytes s takes inside a JSON string.
func jsonSize(s string) int {
	n := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '\n':
			n++
		case c < ' ':
			n += 5
		}
	}
	return n // an invalid byte would be 2 more: texts are cleaned before
}

// members calls yield for each member of a valid JSON object until it returns false. The key has its quotes.
func members(object []byte, yield func(key, value []byte) bool) {
	i := skipSpace(object, 0)
	if i >= len(object) || object[i] != '{' {
		return
	}
	for i++; i < len(object); i++ {
		i = skipSpace(object, i)
		if i >= len(object) || object[i] != '"' {
			return
		}
		end := skipValue(object, i)
		key := object[i:end]
		i = skipSpace(object, end)
		i = skipSpace(object, i+1) // the colon
		end = skipValue(object, min(i, len(object)))
		if i >= end || !yield(key, object[i:end]) {
			return
		}
		i = skipSpace(object, end) // a comma or the end
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the end of the value at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		next := bytes.IndexByte(b[i:], '"')
		if next < 0 {
			return len(b)
		}
		i += next
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return i
}
