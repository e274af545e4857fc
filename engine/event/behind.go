package event

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Line is the content of one line of AWF's output. AWF writes a newline after each event but none before it, so an event may follow
// whatever a step printed last: a progress bar, a colour code, half a line.
type Line struct {
	Before  []byte    // the text before the events, or all of a line without one; nil if it is blank or broken
	Records []*Record // the events, in order
	Err     error     // the mistake in text that looks like an event
}

const blanks = " \t\r"

// ReadLine decodes a whole line, without its ending. now is the time of receipt, for dialects that carry none.
func ReadLine(line []byte, now time.Time) Line { return new(parser).read(line, now) }

// read is [ReadLine].
func (p *parser) read(line []byte, now time.Time) Line {
	rec, err := p.parse(line, now)
	if rec != nil && !bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("\r")) {
		p.only[0] = rec
		return Line{Records: p.only[:]}
	}
	if rec == nil && err == nil && lastObject(line) == 0 {
		return Line{Before: line} // a step's own object
	}
	l := readBehind(line, nil, now)
	if err != nil && len(l.Records) == 0 && !beginsOwn(line) {
		return Line{Err: err}
	}
	return l
}

// beginsOwn reports whether a line begins with a complete object that is not an event. The broken text then follows a step's
// output.
func beginsOwn(line []byte) bool {
	own, err := jsonbytes.NewReader(line).Raw()
	if err != nil {
		return false
	}
	m, err := scan(own)
	return err == nil && m.tell(false) == foreign
}

// readBehind reads the events at the end of text, and returns the mistake in the text before them, if any. passed is the end of the text
// that came earlier on the same line.
func readBehind(text, passed []byte, now time.Time) (l Line) {
	for {
		at := lastObject(text)
		if at < 0 {
			break
		}
		before := text[:at]
		if at == 0 {
			before = passed
		}
		rec := parseBehind(before, text[at:], now)
		if rec == nil {
			break
		}
		l.Records, text = append(l.Records, rec), text[:at]
	}
	slices.Reverse(l.Records)
	if len(bytes.Trim(text, " \t")) == 0 && len(l.Records) > 0 {
		return l
	}
	l.Before = text
	if err := suspect(text, now); err != nil {
		l.Err = fmt.Errorf("text that looks like an event is passed on: %w", err)
	}
	return l
}

// parseBehind decodes an object that follows other text. It returns nil if the object is not an event.
func parseBehind(before, object []byte, now time.Time) *Record {
	if bytes.HasSuffix(bytes.TrimRight(before, blanks), dataPrefix) {
		if rec, _ := ParseLine(append([]byte("data: "), object...), now); rec != nil {
			return rec
		}
	}
	rec, _ := ParseLine(object, now)
	return rec
}

// lastObject returns the start of the JSON object that text ends with; -1 if it ends with none.
// It scans backwards, which finds the start whatever precedes the object. It looks at each byte once.
func lastObject(text []byte) int {
	text = bytes.TrimRight(text, blanks)
	if !bytes.HasSuffix(text, []byte("}")) {
		return -1
	}
	depth := 0
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case '}', ']':
			depth++
		case '{', '[':
			if depth--; depth == 0 {
				return i
			}
		case '"':
			i = openingQuote(text[:i])
		}
	}
	return -1
}

// openingQuote returns the start of the string whose closing quote follows text; -1 if there is none.
func openingQuote(text []byte) int {
	for {
		quote := bytes.LastIndexByte(text, '"')
		if quote < 0 {
			return -1
		}
		text = text[:quote]
		if escapes := len(text) - len(bytes.TrimRight(text, `\`)); escapes%2 == 0 {
			return quote
		}
	}
}

// candidate returns where the first object may begin in text, or the length of text. open means that more text may follow.
func candidate(text []byte, open bool) int {
	for at := 0; ; at++ {
		brace := bytes.IndexByte(text[at:], '{')
		if brace < 0 {
			return len(text)
		}
		at += brace
		behind := bytes.TrimLeft(text[at+1:], blanks)
		if len(behind) == 0 && open || len(behind) > 0 && behind[0] == '"' {
			return at
		}
	}
}

// maxSuspects is how many objects in a line are checked for the keys of an event.
const maxSuspects = 16

// suspect returns the mistake in text that looks like an event. Text looks like an event if it has an object with the keys of a dialect
// that is not inside another object.
func suspect(text []byte, now time.Time) error {
	var object jsonbytes.Reader
	for range maxSuspects {
		text = text[candidate(text, false):]
		if len(text) == 0 {
			break
		}
		name, _, _ := bytes.Cut(bytes.TrimLeft(text[1:], blanks)[1:], []byte(`"`))
		if _, known := keyIndex[string(name)]; known {
			if _, err := ParseLine(text, now); err != nil {
				return err
			}
		}
		object.Reset(text)
		whole, err := object.Raw()
		if err != nil {
			whole = text[:1]
		}
		text = text[len(whole):]
	}
	return nil
}
