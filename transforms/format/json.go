package format

import (
	"io"
	"strconv"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
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

// raw is encoded JSON.
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
	all := make(list, 0, len(objects))
	for _, o := range objects {
		if o != nil {
			all = append(all, o)
		}
	}
	return all.unless(len(all) == 0)
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

// members calls each for each member of a valid JSON object until it returns false.
func members(object []byte, each func(name, value []byte) bool) {
	r := jsonbytes.NewReader(object)
	_ = r.Members(func(name []byte) error { // a value that is no object has no members
		value, err := r.Raw()
		if err == nil && !each(name, value) {
			err = io.EOF
		}
		return err
	})
}
