// Package jsonbytes reads and writes JSON, and keeps the bytes of values that it only passes on.
//
// A [Reader] walks through a text and returns parts of it, so that a number such as 1.50 or an escape such as \u00e9
// reaches a webhook as AWF wrote it. [AppendString], [Object] and [Marshal] write JSON; they escape only what JSON
// requires.
//
// The package is a thin layer over go-json-experiment's jsontext, which is encoding/json/jsontext of Go 1.27.
//
// Other programs should not import it: it serves only this module and may change at any time.
package jsonbytes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader reads one JSON text. It checks what it reads as encoding/json does: invalid UTF-8 and repeated names are valid,
// nesting is limited to 10,000 levels. Its memory does not grow with the text.
//
// Call Reset first. A Reader is not safe for concurrent use.
type Reader struct {
	text []byte
	src  bytes.Buffer
	dec  jsontext.Decoder
}

// NewReader returns a reader of text, which must not change meanwhile.
func NewReader(text []byte) *Reader {
	r := new(Reader)
	r.Reset(text)
	return r
}

// Reset makes the reader read text from its beginning. It allocates nothing.
func (r *Reader) Reset(text []byte) {
	r.text, r.src = text, *bytes.NewBuffer(text)
	r.dec.Reset(&r.src, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// Kind returns the first character of the next value: one of {["tfn, or 0 for a number. Before the end of an object or
// list it is } or ]. At the end of the text and before invalid JSON it is 0, as for a number.
func (r *Reader) Kind() byte { return byte(r.dec.PeekKind()) }

// Members reads an object and calls each with the decoded name of each member. The function must read the member's value.
// If it returns an error, reading stops with this error.
func (r *Reader) Members(each func(name []byte) error) error {
	if err := r.enter('{'); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		raw, err := r.Raw()
		if err != nil {
			return err
		}
		name := raw[1 : len(raw)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = []byte(String(raw))
		}
		if err := each(name); err != nil {
			return err
		}
	}
	return r.bracket()
}

// Elements reads a list and calls each for each element. The function must read the element. If it returns an error,
// reading stops with this error.
func (r *Reader) Elements(each func() error) error {
	if err := r.enter('['); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		if err := each(); err != nil {
			return err
		}
	}
	return r.bracket()
}

func (r *Reader) enter(opening jsontext.Kind) error {
	if kind := r.dec.PeekKind(); kind != opening && kind != 0 {
		return fmt.Errorf("want %s, got %s", kindNames[byte(opening)], kindNames[byte(kind)])
	}
	return r.bracket()
}

func (r *Reader) bracket() error {
	_, err := r.dec.ReadToken()
	return r.placed(err)
}

// Raw reads the next value and returns its bytes, which are a part of the text.
func (r *Reader) Raw() ([]byte, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return nil, r.placed(err)
	}
	end := int(r.dec.InputOffset())
	return r.text[end-len(v) : end : end], nil
}

// Offset returns the end of the value that was read last, in bytes from the beginning of the text.
func (r *Reader) Offset() int { return int(r.dec.InputOffset()) }

// Skip reads the next value.
func (r *Reader) Skip() error {
	_, err := r.dec.ReadValue() // SkipValue allocates
	return r.placed(err)
}

// Value reads the next value as a map[string]any, []any, string, bool or nil. A number is an int if it is whole and fits,
// else a uint64 if it fits, else a float64, which is infinite if the number is out of range. If members share a name, the
// last one counts.
func (r *Reader) Value() (any, error) {
	switch r.dec.PeekKind() {
	case '{':
		m := map[string]any{}
		err := r.Members(func(name []byte) (err error) {
			key := string(name)
			m[key], err = r.Value()
			return err
		})
		return m, err
	case '[':
		list := []any{}
		err := r.Elements(func() error {
			v, err := r.Value()
			list = append(list, v)
			return err
		})
		return list, err
	}
	raw, err := r.Raw()
	if err != nil {
		return nil, err
	}
	switch raw[0] {
	case '"':
		return String(raw), nil
	case 't', 'f':
		return raw[0] == 't', nil
	case 'n':
		return nil, nil
	}
	if !bytes.ContainsAny(raw, ".eE") {
		if i, err := strconv.Atoi(string(raw)); err == nil {
			return i, nil
		}
		if i, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
			return i, nil
		}
	}
	f, _ := strconv.ParseFloat(string(raw), 64) // a valid number; infinite if out of range
	return f, nil
}

// End returns an error if the text has more than space left.
func (r *Reader) End() error {
	rest := bytes.TrimLeft(r.dec.UnreadBuffer(), " \t\r\n")
	if len(rest) == 0 && r.dec.InputOffset() > 0 {
		return nil
	}
	if len(rest) == 0 {
		return r.placed(io.ErrUnexpectedEOF)
	}
	return invalid(len(r.text)-len(rest)+1, fmt.Errorf("invalid character %q after top-level value", rest[0]))
}

// placed says at which byte of the text the JSON is invalid.
func (r *Reader) placed(err error) error {
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError // allocates
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return invalid(len(r.text), io.ErrUnexpectedEOF)
	case errors.As(err, &syntax):
		return invalid(int(syntax.ByteOffset)+1, syntax.Err)
	}
	return err
}

// InvalidError says at which byte a text stops being JSON.
type InvalidError struct {
	Byte int // from 1
	Err  error
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %v", e.Byte, e.Err)
}
func (e *InvalidError) Unwrap() error { return e.Err }

func invalid(at int, err error) error { return &InvalidError{at, err} }

// Decode reads the whole text as one value, as [Reader.Value] does.
func Decode(text []byte) (any, error) {
	r := NewReader(text)
	v, err := r.Value()
	if err == nil {
		err = r.End()
	}
	return v, err
}

// Check returns an error if text is not exactly one valid JSON value. The error says where.
func Check(text []byte) error {
	r := NewReader(text)
	if err := r.Skip(); err != nil {
		return err
	}
	return r.End()
}

// String decodes a valid JSON string. Invalid UTF-8 becomes U+FFFD.
func String(raw []byte) string {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	text, _ := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw) // the error means invalid UTF-8
	return string(text)
}

var kindNames = map[byte]string{
	'{': "an object", '[': "a list", '"': "a string", 't': "a boolean", 'f': "a boolean", 'n': "null", '0': "a number",
}

// KindOf names the kind of a valid JSON value for an error: "an object", "a number". It returns "nothing" for an empty
// text.
func KindOf(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	if name, known := kindNames[raw[0]]; known {
		return name
	}
	return kindNames['0']
}
