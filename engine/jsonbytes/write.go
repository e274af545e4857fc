package jsonbytes

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendString appends s as a JSON string. It escapes what JSON requires and nothing else: <, > and & stay as they are.
// Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error says that there was invalid UTF-8
	return dst
}

// Marshal returns v as compact JSON, as encoding/json does, but leaves <, > and & as they are.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Object is a JSON object that is built member by member. Nil is an object that does not exist: a member makes it exist.
type Object []byte

// Raw adds a member whose value is JSON already. It adds nothing if value is nil.
func (o *Object) Raw(name string, value []byte) {
	if value == nil {
		return
	}
	o.name(name)
	*o = append(append(*o, value...), '}')
}

// Text adds a string. It adds nothing if value is empty.
func (o *Object) Text(name, value string) {
	if value == "" {
		return
	}
	o.name(name)
	*o = append(AppendString(*o, value), '}')
}

// Int adds a whole number.
func (o *Object) Int(name string, value int64) {
	o.name(name)
	*o = append(strconv.AppendInt(*o, value, 10), '}')
}

func (o *Object) name(name string) {
	const usual = 160 // bytes
	switch {
	case *o == nil:
		*o = append(make([]byte, 0, usual), '{')
	case len(*o) == len("{}"):
		*o = (*o)[:1]
	default:
		(*o)[len(*o)-1] = ','
	}
	*o = append(AppendString(*o, name), ':')
}
