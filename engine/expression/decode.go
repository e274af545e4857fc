package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// scanner reads JSON that is known to be valid. It may accept other text, but it neither panics nor loops.
type scanner struct {
	text []byte
	pos  int
}

var (
	errSyntax = errors.New("invalid JSON")
	errDepth  = errors.New("nested too deeply")
)

// maxDepth is the deepest nesting of a value, as in encoding/json.
const maxDepth = 10_000

// space skips white space and returns the next byte, 0 at the end.
func (s *scanner) space() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// at says whether the next value begins with c.
func (s *scanner) at(c byte) bool { return s.space() == c }

func (s *scanner) take(c byte) error {
	switch s.space() {
	case c:
		s.pos++
		return nil
	case 0:
		return io.ErrUnexpectedEOF
	}
	return errSyntax
}

// document reads a value that takes up the whole text.
func (s *scanner) document() (any, error) {
	v, err := s.value(0)
	if err == nil && s.space() != 0 {
		err = errSyntax
	}
	return v, err
}

// object calls each with every key of an object, decoded; each must read the value.
func (s *scanner) object(each func(key []byte) error) error {
	if err := s.take('{'); err != nil {
		return err
	}
	if s.at('}') {
		s.pos++
		return nil
	}
	for {
		raw, err := s.rawString()
		if err != nil {
			return err
		}
		if bytes.IndexByte(raw, '\\') >= 0 {
			raw = []byte(unquote(raw))
		} else {
			raw = raw[1 : len(raw)-1]
		}
		if err := s.take(':'); err != nil {
			return err
		}
		if err := each(raw); err != nil {
			return err
		}
		if s.at(',') {
			s.pos++
			continue
		}
		return s.take('}')
	}
}

// list calls each for every element of a list; each must read it.
func (s *scanner) list(each func() error) error {
	if err := s.take('['); err != nil {
		return err
	}
	if s.at(']') {
		s.pos++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if s.at(',') {
			s.pos++
			continue
		}
		return s.take(']')
	}
}

// value reads a value. Whole numbers become int, or uint64 up to 2^64; expressions treat a uint64 as a float. Other numbers become float64.
func (s *scanner) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch c := s.space(); c {
	case 0:
		return nil, io.ErrUnexpectedEOF
	case '{':
		m := map[string]any{}
		err := s.object(func(key []byte) error {
			k := string(key)
			v, err := s.value(depth + 1)
			m[k] = v
			return err
		})
		return m, err
	case '[':
		list := []any{}
		err := s.list(func() error {
			v, err := s.value(depth + 1)
			list = append(list, v)
			return err
		})
		return list, err
	case '"':
		raw, err := s.rawString()
		if err != nil {
			return nil, err
		}
		return unquote(raw), nil
	}
	switch word := s.word(); string(word) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	default:
		return number(word)
	}
}

func number(word []byte) (any, error) {
	if i, err := strconv.Atoi(string(word)); err == nil {
		return i, nil
	}
	if i, err := strconv.ParseUint(string(word), 10, 64); err == nil { // treated as a float, with its digits
		return i, nil
	}
	f, err := strconv.ParseFloat(string(word), 64) // beyond its range: infinite
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errSyntax
	}
	return f, nil
}

// word reads a number, true, false or null.
func (s *scanner) word() []byte {
	start := s.pos
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ',', '}', ']', ' ', '\t', '\n', '\r', ':', '"':
			return s.text[start:s.pos]
		}
		s.pos++
	}
	return s.text[start:]
}

// rawString reads a string with its quotes.
func (s *scanner) rawString() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	start := s.pos - 1
	for s.pos < len(s.text) {
		i := bytes.IndexByte(s.text[s.pos:], '"')
		if i < 0 {
			break
		}
		escapes := 0
		for at := s.pos + i - 1; at > start && s.text[at] == '\\'; at-- {
			escapes++
		}
		s.pos += i + 1
		if escapes%2 == 0 {
			return s.text[start:s.pos], nil
		}
	}
	s.pos = len(s.text)
	return nil, io.ErrUnexpectedEOF
}

// unquote decodes a string that rawString read.
func unquote(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var text string
	_ = json.Unmarshal(raw, &text) // valid
	return text
}

// skip skips a value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	switch s.space() {
	case 0:
		return io.ErrUnexpectedEOF
	case '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case '[':
		return s.list(func() error { return s.skip(depth + 1) })
	case '"':
		_, err := s.rawString()
		return err
	}
	if len(s.word()) == 0 {
		return errSyntax
	}
	return nil
}

// raw skips a value and returns its bytes.
func (s *scanner) raw() ([]byte, error) {
	s.space()
	start := s.pos
	err := s.skip(0)
	return s.text[start:s.pos], err
}
