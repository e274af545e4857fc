package format

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// selection is the members of a payload, except for some, in at most room bytes.
type selection struct {
	payload []byte
	room    int
	without []string
}

// addTo adds the members to an object. If they do not fit unchanged, long strings keep their beginning and end, a note replaces other
// long values, and "awf_hook_cut" counts the members that are left out.
func (s *selection) addTo(o jsonbytes.Object) jsonbytes.Object {
	const least = 64 // bytes
	for longest := s.room; longest >= least; longest /= 4 {
		if all, fit := s.addWithin(o, longest); fit {
			return all
		}
	}
	return o
}

// addWithin adds the members, none of them longer than longest bytes, or reports that they do not all fit.
// Below 1 KiB it leaves out the members that do not fit.
func (s *selection) addWithin(to jsonbytes.Object, longest int) (jsonbytes.Object, bool) {
	const shortest = 1024 // bytes, of a member
	const note = 80       // bytes, for saying what was left out
	o := append(make(jsonbytes.Object, 0, len(to)+min(len(s.payload), s.room)), to...)
	size, left := 0, 0
	names := taken(s.without...)
	lastMembers(s.payload, func(key, value []byte) bool {
		name := string(key)
		if slices.Contains(s.without, name) {
			return true
		}
		name, value = names.name(cut(clean(name), 4*maxLabel, jsonSize)), payloadValue(value, longest)
		cost := len(value) + jsonSize(name) + len(`"":,`)
		if size+cost > s.room-note {
			left++
			return longest < shortest // else the next round is tighter
		}
		size += cost
		o.Raw(name, value)
		return true
	})
	if left > 0 {
		o.Text(names.name("awf_hook_cut"), thousands(left)+" of the payload's members")
	}
	return o, left == 0 || longest < shortest
}

// payloadValue returns a member's value in about longest bytes.
func payloadValue(value []byte, longest int) raw {
	switch {
	case len(value) <= longest && isTame(value):
		return value
	case value[0] == '"':
		return jsonbytes.AppendString(nil, cut(clean(plain(value)), longest-2, jsonSize))
	case len(value) <= longest/2:
		return jsonbytes.AppendString(nil, clean(string(value)))
	}
	return jsonbytes.AppendString(nil, "("+thousands(len(value))+" bytes cut)")
}

// isTame reports whether a value can be sent unchanged: receivers can read it, and it has no control characters.
func isTame(value []byte) bool {
	return isReadable(value) && !hasEscape(value, invisible) && !(value[0] == '"' && needsCleaning(string(value)))
}

// hasEscape reports whether a valid JSON value has an escape \u of such a character. Half a surrogate pair is below 0.
func hasEscape(value []byte, is func(rune) bool) bool {
	for {
		i := bytes.IndexByte(value, '\\')
		if i < 0 {
			return false
		}
		if value = value[i+1:]; value[0] != 'u' {
			value = value[1:]
			continue
		}
		r := escaped(value)
		value = value[len("u0000"):]
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if bytes.HasPrefix(value, []byte(`\u`)) {
				low = escaped(value[1:])
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				r = -1
			} else {
				value = value[len(`\u0000`):]
			}
		}
		if is(r) {
			return true
		}
	}
}

// escaped reads u and four digits.
func escaped(text []byte) rune {
	n, _ := strconv.ParseUint(string(text[1:len("u0000")]), 16, 16) // the JSON is valid
	return rune(n)
}

// isReadable reports whether all receivers can read a valid JSON value.
// Some refuse invalid UTF-8, half surrogates, numbers beyond a float64, and deep nesting.
func isReadable(value []byte) bool {
	const deepest = 32
	const ordinary = 300 // digits, which a float64 can hold
	if !utf8.Valid(value) || hasEscape(value, func(r rune) bool { return r < 0 }) {
		return false
	}
	depth, inside := 0, false // a string
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			inside = !inside
		case inside && c == '\\':
			i++
		case inside:
		case c == '{' || c == '[':
			if depth++; depth > deepest {
				return false
			}
		case c == '}' || c == ']':
			depth--
		case c == '-' || c >= '0' && c <= '9':
			number := value[i:]
			if end := bytes.IndexAny(number, ",]} \n\t\r"); end >= 0 {
				number = number[:end]
			}
			if len(number) > ordinary || bytes.ContainsAny(number, "eE") {
				if _, err := strconv.ParseFloat(string(number), 64); err != nil {
					return false
				}
			}
			i += len(number) - 1
		}
	}
	return true
}
