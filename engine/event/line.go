package event

import (
	"bytes"
	"errors"
	"time"
	"unicode/utf8"
)

var (
	byteOrderMark = []byte("\uFEFF")
	dataPrefix    = []byte("data:")
)

// mayBecomeEvent reports whether a line with this beginning can be an event. Any other text is passed at once, because it may be a prompt.
func mayBecomeEvent(begin []byte) bool {
	begin = bytes.TrimLeft(begin, " \t\r\n")
	if object, isData := bytes.CutPrefix(begin, dataPrefix); isData {
		begin = bytes.TrimLeft(object, blanks)
	} else if n := min(len(begin), len(dataPrefix)); bytes.Equal(begin[:n], dataPrefix[:n]) {
		return true
	}
	return len(begin) == 0 || begin[0] == '{'
}

// ParseLine decodes a whole line, without its ending. It returns nil for a line that is not in a known dialect. now is the time of receipt,
// for dialects without a time.
func ParseLine(line []byte, now time.Time) (*Record, error) {
	if !mayBecomeEvent(line) {
		return nil, nil
	}
	text := line
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD")) // a body must be UTF-8
	}
	object, isData := bytes.CutPrefix(text, dataPrefix)
	m, err := scan(object)
	dialect := m.tell(isData)
	if dialect == foreign {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rec, err := m.decode(dialect, text, now)
	if err != nil {
		return nil, err
	}
	if len(text) != len(line) && rec.dialect != envelope && rec.dialect != plugin {
		rec.ID = lineID(line)
	}
	return rec, nil
}

// ParseLong returns an error if a line that is longer than [MaxLine] begins like one of a known dialect.
func ParseLong(begin []byte) error {
	object, isData := bytes.CutPrefix(begin, dataPrefix)
	m, _ := scan(object)
	if m.tell(isData) == foreign {
		return nil
	}
	return errors.New("line is over 1 MiB")
}
