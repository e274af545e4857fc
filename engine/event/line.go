package event

import (
	"bytes"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
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
func ParseLine(line []byte, now time.Time) (*Record, error) { return new(parser).parse(line, now) }

// parser decodes one line after the other, and keeps what the next line can use again.
type parser struct {
	json  jsonbytes.Reader
	found members          // of the line
	inner members          // of an object in it
	texts [keyCount]string // the last short text of each key: a run's lines share their id and name
	spare *Record          // an unused record for the next line; nil for none
	only  [1]*Record       // the memory of Line.Records for one record
}

// record returns an empty record.
func (p *parser) record(kind dialect) *Record {
	rec := p.spare
	if p.spare = nil; rec == nil {
		rec = new(Record)
	}
	*rec = Record{dialect: kind}
	return rec
}

// maxKept is the longest text that a parser keeps, in bytes.
const maxKept = 256

// text returns the text of a key from a valid JSON string.
func (p *parser) text(key int, raw []byte) string {
	if inner := raw[1 : len(raw)-1]; string(inner) == p.texts[key] {
		return p.texts[key]
	}
	text := jsonbytes.String(raw)
	if len(text) <= maxKept && bytes.IndexByte(raw, '\\') < 0 { // else the same bytes have another meaning
		p.texts[key] = text
	}
	return text
}

// parse is [ParseLine].
func (p *parser) parse(line []byte, now time.Time) (*Record, error) {
	if !mayBecomeEvent(line) {
		return nil, nil
	}
	text, isValid := line, utf8.Valid(line)
	if !isValid {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD")) // a body must be UTF-8
	}
	object, isData := bytes.CutPrefix(text, dataPrefix)
	m := &p.found
	err := p.scan(object, m)
	dialect := m.tell(isData)
	if dialect == foreign {
		return nil, nil
	}
	if err != nil {
		if !isValid {
			object, _ = bytes.CutPrefix(line, dataPrefix)
			_, err = scan(object) // its place in the line as it is
		}
		return nil, err
	}
	rec, err := m.decode(p, dialect, text, now)
	if err != nil {
		return nil, err
	}
	if !isValid && rec.dialect != envelope && rec.dialect != plugin {
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
