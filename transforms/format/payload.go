package format

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"
)

// payloadRules say what of a payload is written.
type payloadRules struct {
	room    int      // bytes
	without []string // the names of members that are left out
}

// payload writes the members of a payload into the object that is open, as they stand if they fit.
// Else long strings keep their beginning and end, other long values are replaced by a word on what was cut,
// and members that are too many are counted in "awf_hook_cut".
func (w *writer) payload(object []byte, rules payloadRules) {
	start := len(w.b)
	const least = 64 // bytes
	for longest := rules.room; longest >= least; longest /= 4 {
		if w.payloadWithin(object, rules, longest) {
			return
		}
		w.b = w.b[:start]
	}
}

// payloadWithin writes members of which none is longer than longest bytes, and says whether they all fit.
// From 1 KiB on it leaves out the members that do not.
func (w *writer) payloadWithin(object []byte, rules payloadRules, longest int) bool {
	const shortest = 1024 // bytes, of a member
	const note = 80       // bytes, for saying what was left out
	start, cut := len(w.b), 0
	members(object, func(key, value []byte) bool {
		name := plain(key)
		if slices.Contains(rules.without, name) {
			return true
		}
		before := len(w.b)
		w.comma()
		w.b = append(appendString(w.b, shrink(clean(name), 4*maxLabel, jsonSize)), ':') // it may be empty
		switch {
		case len(value) <= longest && isTame(value):
			w.b = append(w.b, value...)
		case value[0] == '"':
			w.b = appendString(w.b, shrink(clean(plain(value)), longest-2, jsonSize))
		case len(value) <= longest/2:
			w.b = appendString(w.b, clean(string(value)))
		default:
			w.b = appendString(w.b, "("+thousands(len(value))+" bytes cut)")
		}
		if len(w.b)-start > rules.room-note {
			w.b = w.b[:before]
			cut++
			return longest < shortest // else the next round is tighter
		}
		return true
	})
	if cut == 0 {
		return true
	}
	w.text("awf_hook_cut", thousands(cut)+" of the payload's members")
	return longest < shortest
}

// isTame says whether a value can be shown as it stands: it can be read, and has no control characters.
func isTame(value []byte) bool {
	if bytes.Contains(value, []byte(`\u00`)) || value[0] == '"' && needsCleaning(string(value)) {
		return false
	}
	return isReadable(value)
}

// isReadable says whether receivers can read a valid JSON value:
// there are those that refuse what is no UTF-8, half surrogates, numbers beyond a float64, and deep nesting.
func isReadable(value []byte) bool {
	const deepest = 32
	const ordinary = 300 // digits, which a float64 can hold
	if !utf8.Valid(value) || bytes.Contains(value, []byte(`\ud`)) || bytes.Contains(value, []byte(`\uD`)) {
		return false
	}
	depth := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			i = skipString(value, i) - 1
		case c == '{' || c == '[':
			if depth++; depth > deepest {
				return false
			}
		case c == '}' || c == ']':
			depth--
		case c == '-' || c >= '0' && c <= '9':
			end := skipValue(value, i)
			if number := value[i:end]; len(number) > ordinary || bytes.ContainsAny(number, "eE") {
				if _, err := strconv.ParseFloat(string(number), 64); err != nil {
					return false
				}
			}
			i = end - 1
		}
	}
	return true
}
