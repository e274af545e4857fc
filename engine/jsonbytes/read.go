// Package jsonbytes reads and writes JSON, and keeps the bytes of values that it only passes on.
//
// A [Reader] walks through a text and returns parts of it, so that a number such as 1.50 or an escape such as \u00e9
// reaches a webhook as AWF wrote it. [AppendString], [Object] and [Print] write JSON; they escape only what JSON
// requires.
//
// Errors and escapes are those of go-json-experiment's jsontext, which is encoding/json/jsontext of Go 1.27. The reader is our own:
// it takes two thirds of the time of jsontext's.
//
// Other programs should not import it: it serves only this module and may change at any time.
package jsonbytes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// IsType reports whether bodies of a content type are JSON. An empty type means JSON. Parameters do not matter, even malformed ones.
func IsType(contentType string) bool {
	typ, _, _ := strings.Cut(contentType, ";")
	typ = strings.ToLower(strings.TrimSpace(typ))
	return contentType == "" || typ == "application/json" || strings.HasSuffix(typ, "+json")
}

// Reader reads one JSON text. It checks what it reads as encoding/json does: invalid UTF-8 and repeated names are valid,
// nesting is limited to 10,000 levels. It allocates nothing but names that it must change:
// those with escapes or invalid UTF-8.
//
// [NewReader] makes one; Reset gives it another text. It is not safe for concurrent use.
type Reader struct {
	text  []byte
	at    int  // the end of the last name, value or bracket
	depth int  // the objects and lists that are being read
	named bool // the last thing read was a name, so a colon must follow
}

// NewReader returns a reader of text, which must not change meanwhile.
func NewReader(text []byte) *Reader { return &Reader{text: text} }

// Reset makes the reader read text from its beginning.
func (r *Reader) Reset(text []byte) { *r = Reader{text: text} }

// Members reads an object and calls each with the decoded name of each member. The function must read the member's value.
// If it returns an error, reading stops with this error.
func (r *Reader) Members(each func(name []byte) error) error {
	return r.brackets('{', func() error {
		begin := space(r.text, r.at)
		end := scanString(r.text, begin)
		if end < 0 {
			return r.invalid()
		}
		r.at, r.named = end, true
		name := r.text[begin+1 : end-1]
		if !isPlain(name) {
			name = []byte(String(r.text[begin:end]))
		}
		return each(name)
	})
}

// isPlain reports whether a name is ASCII without escapes.
func isPlain(name []byte) bool {
	for _, c := range name {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Elements reads a list and calls each for each element. The function must read the element. If it returns an error,
// reading stops with this error.
func (r *Reader) Elements(each func() error) error { return r.brackets('[', each) }

// brackets reads an object or a list, and calls each where a member or an element begins.
func (r *Reader) brackets(opening byte, each func() error) error {
	begin := r.next()
	switch {
	case begin >= len(r.text) || r.depth == maxDepth:
		return r.invalid()
	case r.text[begin] != opening:
		if kind := KindOf(r.text[begin:]); kind != "" {
			return fmt.Errorf("want %s, got %s", kindNames[opening], kind)
		}
		return r.invalid()
	}
	closing := opening + 2 // in ASCII
	r.at = begin + 1
	if i := space(r.text, r.at); i < len(r.text) && r.text[i] == closing {
		r.at = i + 1
		return nil
	}
	r.depth++
	for {
		if err := each(); err != nil {
			return err
		}
		i := space(r.text, r.at)
		if i >= len(r.text) || r.named || r.text[i] != closing && r.text[i] != ',' {
			return r.invalid()
		}
		if r.at = i + 1; r.text[i] == closing {
			r.depth--
			return nil
		}
	}
}

// next moves to the next value, past the colon after its name, and returns its beginning. If the colon is missing it returns the end of
// the text.
func (r *Reader) next() int {
	i := space(r.text, r.at)
	if r.named {
		if i >= len(r.text) || r.text[i] != ':' {
			return len(r.text)
		}
		i = space(r.text, i+1)
	}
	r.at, r.named = i, false
	return i
}

// Raw reads the next value and returns its bytes, which are a part of the text.
func (r *Reader) Raw() ([]byte, error) {
	begin := r.next()
	end := scanValue(r.text, begin, r.depth)
	if end < 0 {
		return nil, r.invalid()
	}
	r.at = end
	return r.text[begin:end:end], nil
}

// Offset returns the end of the last name or value, in bytes from the beginning of the text.
func (r *Reader) Offset() int { return r.at }

// Value reads the next value as a map[string]any, []any, string, bool or nil. A number is an int if it is whole and fits,
// else a uint64 if it fits, else the nearest float64, which is finite. If members share a name, the last one counts.
func (r *Reader) Value() (any, error) {
	switch begin := r.next(); {
	case begin < len(r.text) && r.text[begin] == '{':
		m := map[string]any{}
		err := r.Members(func(name []byte) (err error) {
			key := string(name)
			m[key], err = r.Value()
			return err
		})
		return m, err
	case begin < len(r.text) && r.text[begin] == '[':
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
	return scalar(raw), nil
}

// ValueOf decodes a valid value as [Reader.Value] does.
func ValueOf(raw []byte) any {
	if raw[0] == '{' || raw[0] == '[' {
		v, _ := NewReader(raw).Value()
		return v
	}
	return scalar(raw)
}

// scalar decodes a valid value that is neither an object nor a list.
func scalar(raw []byte) any {
	switch raw[0] {
	case '"':
		return String(raw)
	case 't', 'f':
		return raw[0] == 't'
	case 'n':
		return nil
	}
	if !bytes.ContainsAny(raw, ".eE") {
		if i, err := strconv.Atoi(string(raw)); err == nil {
			return i
		}
		if i, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
			return i
		}
	}
	f, _ := strconv.ParseFloat(string(raw), 64) // a valid number; infinite if out of range
	return max(-math.MaxFloat64, min(f, math.MaxFloat64))
}

// End returns an error if anything but white space is left.
func (r *Reader) End() error {
	i := space(r.text, r.at)
	switch {
	case i < len(r.text):
		return &InvalidError{i + 1, fmt.Errorf("invalid character %q after top-level value", r.text[i])}
	case r.at == 0:
		return &InvalidError{i, io.ErrUnexpectedEOF}
	}
	return nil
}

// invalid says at which byte the text stops being JSON, in jsontext's words. Its decoder repeats the reader's steps, because its words
// depend on them.
func (r *Reader) invalid() error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(r.text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var err error
	for err == nil {
		around, n := dec.StackIndex(dec.StackDepth())
		wantsValue := around == '{' && n%2 == 1
		if kind := dec.PeekKind(); dec.StackDepth() < r.depth || !wantsValue && (kind == '}' || kind == ']') {
			_, err = dec.ReadToken()
		} else {
			_, err = dec.ReadValue()
		}
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &InvalidError{int(syntax.ByteOffset) + 1, syntax.Err}
	}
	return &InvalidError{len(r.text), io.ErrUnexpectedEOF}
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
	if _, err := r.Raw(); err != nil {
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

// kindNames names the kinds of values by their first characters.
var kindNames = [256]string{
	'{': "an object", '[': "a list", '"': "a string", 't': "a boolean", 'f': "a boolean", 'n': "null", '-': "a number",
	'0': "a number", '1': "a number", '2': "a number", '3': "a number", '4': "a number",
	'5': "a number", '6': "a number", '7': "a number", '8': "a number", '9': "a number",
}

// KindOf names the kind of a JSON value for an error: "an object", "a number". It returns "nothing" for an empty text, and "" for one
// that begins no value.
func KindOf(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	return kindNames[raw[0]]
}
