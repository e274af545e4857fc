package format

import (
	"io"
	"strconv"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// An object is a JSON object, its members in their order. Members that are empty are left out: "", nil, an object or raw that is nil, and
// a list that has only empty elements.
//
// Compose objects and lists in the call that encodes them, [message.put] or [raw.add]: then they need no memory of their own.
type object []member

type member struct {
	name  string
	value any // string, bool, int, object, list, raw, or nil
}

// A list is a JSON array. Elements that are empty are left out.
type list []any

// raw is encoded JSON.
type raw []byte

// put sets the body.
func (m *message) put(v any) {
	const usual = 1024 // bytes
	m.made.Body = appendJSON(make([]byte, 0, usual), v)
}

// add adds an element to a list whose length depends on the event. A nil raw becomes a list with its first element.
func (r *raw) add(element any) {
	const usual = 256 // bytes
	switch {
	case isEmpty(element):
		return
	case *r == nil:
		*r = append(make(raw, 0, usual), '[')
	case len(*r) == len("[]"):
		*r = (*r)[:1]
	default:
		(*r)[len(*r)-1] = ','
	}
	*r = append(appendJSON(*r, element), ']')
}

// addTexts adds texts, each cut to a number of characters.
func (r *raw) addTexts(texts []string, most int) {
	for _, s := range texts {
		r.add(cut(s, most, utf16Units))
	}
}

// distinct holds the names of an object's members. The members of an event may have the same name once it is cleaned and cut.
type distinct map[string]int

// taken returns the names of members that an object has.
func taken(names ...string) distinct {
	d := distinct{}
	for _, name := range names {
		d[name]++
	}
	return d
}

// name returns a name that no member has: the one that is wanted, or that with a number.
func (d distinct) name(wanted string) string {
	name := wanted
	for d[name] > 0 {
		d[wanted]++
		name = wanted + " (" + strconv.Itoa(d[wanted]) + ")"
	}
	d[name]++
	return name
}

// unless returns the object, or nil if it is unwanted.
func (o object) unless(unwanted bool) object {
	if unwanted {
		return nil
	}
	return o
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
		for _, element := range v {
			if !isEmpty(element) {
				return false
			}
		}
		return true
	case raw:
		return v == nil
	}
	return false
}

// appendJSON appends a value. It escapes only what JSON requires.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return jsonbytes.AppendString(dst, v)
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
			dst = append(jsonbytes.AppendString(dst, v[i].name), ':')
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

// lastMembers is like members, but of members that share a name it calls each only for the last.
func lastMembers(object []byte, each func(name, value []byte) bool) {
	last, n := map[string]int{}, 0
	members(object, func(name, _ []byte) bool {
		n++
		last[string(name)] = n
		return true
	})
	n = 0
	members(object, func(name, value []byte) bool {
		n++
		return last[string(name)] != n || each(name, value)
	})
}

// members calls each for each member of a valid JSON object until it returns false.
func members(object []byte, each func(name, value []byte) bool) {
	r := jsonbytes.NewReader(object)
	_ = r.Members(func(name []byte) error { // a value that is not an object has no members
		value, err := r.Raw()
		if err == nil && !each(name, value) {
			err = io.EOF
		}
		return err
	})
}
