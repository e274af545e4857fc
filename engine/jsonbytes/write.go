package jsonbytes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AppendString appends s as a JSON string. It escapes what JSON requires and nothing else: <, > and & stay as they are.
// Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	if isOrdinary(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	dst, _ = jsontext.AppendQuote(dst, s) // the error means invalid UTF-8
	return dst
}

// isOrdinary reports whether a text is printable ASCII without characters that JSON escapes.
func isOrdinary(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Print returns v as JSON for programs that read the command's output: fields under their tags, durations in seconds,
// bytes as text, headers as an object with the values of one name joined by commas. Invalid UTF-8 becomes U+FFFD. With an
// indent the result has several lines, each but the first with the prefix.
func Print(v any, prefix, indent string) ([]byte, error) {
	opts := []jsonv2.Options{
		jsonv2.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true),
		jsonv2.WithMarshalers(jsonv2.JoinMarshalers(
			jsonv2.MarshalToFunc(func(enc *jsontext.Encoder, d time.Duration) error { return enc.WriteToken(jsontext.Float(d.Seconds())) }),
			jsonv2.MarshalToFunc(func(enc *jsontext.Encoder, text []byte) error { return enc.WriteToken(jsontext.String(string(text))) }),
			jsonv2.MarshalToFunc(printHeader),
			jsonv2.MarshalFunc(func(n json.Number) ([]byte, error) { return []byte(n), nil }),
		)),
	}
	if indent != "" {
		opts = append(opts, jsontext.WithIndentPrefix(prefix), jsontext.WithIndent(indent))
	}
	return jsonv2.Marshal(v, opts...)
}

// Scan reads what [Print] wrote into the value that v points to. It ignores fields that the value does not have.
func Scan(text []byte, v any) error {
	return jsonv2.Unmarshal(text, v, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true),
		jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
			jsonv2.UnmarshalFromFunc(func(dec *jsontext.Decoder, d *time.Duration) error {
				var seconds float64
				err := jsonv2.UnmarshalDecode(dec, &seconds)
				*d = time.Duration(math.Round(seconds * float64(time.Second)))
				return err
			}),
			jsonv2.UnmarshalFromFunc(func(dec *jsontext.Decoder, text *[]byte) error {
				var s string
				err := jsonv2.UnmarshalDecode(dec, &s)
				*text = []byte(s)
				return err
			}),
		)))
}

func printHeader(enc *jsontext.Encoder, header http.Header) error {
	tokens := []jsontext.Token{jsontext.BeginObject}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		tokens = append(tokens, jsontext.String(name), jsontext.String(strings.Join(header[name], ", ")))
	}
	for _, token := range append(tokens, jsontext.EndObject) {
		if err := enc.WriteToken(token); err != nil {
			return err
		}
	}
	return nil
}

// Object is a JSON object that is built member by member. The first member makes a nil Object one.
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

// WithMember appends a member to an object and keeps the object's other bytes. A name that exists is an error. An empty text is an
// empty object.
func WithMember(object []byte, name string, value []byte) ([]byte, error) {
	object = bytes.TrimSpace(object)
	if len(object) == 0 {
		object = []byte("{}")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, err
	}
	if _, twice := members[name]; twice {
		return nil, fmt.Errorf("%q is given twice", name)
	}
	separator := ","
	if len(members) == 0 {
		separator = ""
	}
	return fmt.Appendf(nil, "%s%s%s:%s}", object[:len(object)-1], separator, AppendString(nil, name), value), nil
}
