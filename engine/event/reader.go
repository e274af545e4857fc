package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// MaxLine is the longest line, without its ending, that is read as an event: 1 MiB.
const MaxLine = 1 << 20

// LineError is a mistake in a line of a known dialect. The line is skipped, but text before the broken event is passed.
type LineError struct {
	File   string
	Line   int // from 1
	Reason error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Reason) }
func (e *LineError) Unwrap() error { return e.Reason }

// Counts holds the numbers of lines and events of a [Reader].
type Counts struct {
	Events int // events given
	Known  int // second starts and ends of a run, not given
	Passed int // lines with AWF's own output, perhaps before an event
	Broken int // lines with text that looks like an event and could not be read
}

// Reader makes events of one stream of lines. The stream may mix AWF's dialects with each other and with AWF's own output, in one
// line too. Its memory is bounded, however long the lines are and however many runs there are.
//
// Most events are given at once. Some wait for a later line, for at most a second, and hold back what follows them:
// a step whose run's start was not read yet, since the start tells the workflow's name;
// a start beside another open run, which may be the caller; a start that is read again, since the run may have been resumed;
// and the end of a run with open steps. The end of a step or run waits for AWF's state file, if there is one: up to
// 250 ms, and a step's up to 3 s while it holds back no event of its run.
type Reader struct {
	Name   string               // the stream's name in errors: "<stdin>", a path
	Event  func(Event)          // called with each event, in order
	Pass   func([]byte)         // called with AWF's own output, byte for byte, endings included; may be nil
	Broken func(err *LineError) // called with each broken line; may be nil

	// OrphanAfter is the time without a line after which a run gets an end that awf-hook makes, with "synthetic": true. Runs that
	// are open at the end of the stream get theirs then. 0 makes no ends.
	OrphanAfter time.Duration

	// Open is called at the stream's end with each open run that gets no end; it may be nil.
	Open func(workflow, run string)

	State func(run string) *RunState // see [Joiner]

	// Sealed reports whether awf-hook wrote the text before a mark, so that its events keep their ids; nil: never.
	Sealed func(text []byte, mark string) bool

	counts struct{ events, known, passed, broken atomic.Int64 }
	mu     sync.Mutex // held while a line is read, including callbacks
	parser parser
	join   Joiner
	timer  *time.Timer
	ended  bool
	line   int // the number of lines begun so far
	rest   rest
}

// rest is the state of a line whose beginning was passed or skipped, because it cannot belong to an event.
type rest struct {
	begun   bool   // a part was passed or skipped
	skipped bool   // the line begins like an event that is too long, and is not passed
	passed  bool   // some of it was passed
	judged  bool   // the check for an event that is too long was made
	told    bool   // it found one
	end     []byte // the last bytes of that part
}

// ReadFrom reads src to its end and passes on its events. It returns src's error, except for io.EOF.
func (r *Reader) ReadFrom(src io.Reader) (int64, error) {
	r.join.Event, r.join.State = r.give, r.State
	var total int64
	buf := make([]byte, 64<<10)
	held := 0 // bytes of an unended line at the start of buf
	for {
		if held == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		n, err := src.Read(buf[held:])
		total += int64(n)
		held = r.take(buf[:held+n], held, err != nil)
		switch {
		case errors.Is(err, io.EOF):
			return total, nil
		case err != nil:
			return total, err
		}
	}
}

// Counts returns the counts so far. It does not wait for a callback that blocks.
func (r *Reader) Counts() Counts {
	return Counts{
		Events: int(r.counts.events.Load()),
		Known:  int(r.counts.known.Load()),
		Passed: int(r.counts.passed.Load()),
		Broken: int(r.counts.broken.Load()),
	}
}

// take reads the lines in buf, whose first searched bytes have no line ending. It moves the rest of an unended line to the start of buf
// and returns its length, which is 0 at the end of the stream.
func (r *Reader) take(buf []byte, searched int, end bool) (left int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	begin, passFrom := 0, 0
	flush := func(to int) {
		if to > passFrom && r.Pass != nil {
			r.Pass(buf[passFrom:to])
		}
	}
	for begin < len(buf) {
		size := bytes.IndexByte(buf[begin+searched:], '\n')
		ended := size >= 0
		size += searched + 1
		if searched = 0; !ended {
			size = len(buf) - begin
		}
		pass, used := r.judge(buf[begin:begin+size], ended || end, now)
		if pass < used {
			flush(begin + pass)
			passFrom = begin + used
		}
		begin += used
		if ended || end {
			r.rest = rest{}
		} else if used < size {
			break // wait for the line's end
		}
	}
	flush(begin)
	if end {
		r.finish(now)
	} else {
		r.release(now)
	}
	return copy(buf, buf[begin:])
}

// judge handles a line, or the beginning of one that may still have an event. It returns how many bytes are done, which are all of a whole
// line, and how many of them to pass.
func (r *Reader) judge(text []byte, whole bool, now time.Time) (pass, used int) {
	used = r.plain(text, whole)
	if used > 0 {
		pass = r.pass(text[:used])
	}
	if !whole {
		return pass, used
	}
	line := r.content(text[used:])
	l := r.read(line, now)
	until := len(text)
	if len(l.Records) > 0 {
		until = bytes.Index(text[used:], line) + used + len(l.Before) // after a byte order mark, if there is one
	}
	r.begin()
	if l.Err != nil {
		r.broken(l.Err)
	}
	for _, rec := range l.Records {
		r.add(rec, now)
	}
	if l.Before != nil {
		pass += r.pass(text[used:until])
	}
	return pass, len(text)
}

// read decodes the end of a line. The text before it is not an event.
func (r *Reader) read(line []byte, now time.Time) Line {
	if !r.rest.begun {
		return r.parser.read(line, now)
	}
	l := readBehind(line, r.rest.end, now)
	if r.rest.told {
		l.Err = nil // report it once
	}
	return l
}

// plain returns how many bytes at the beginning of text cannot belong to an event.
func (r *Reader) plain(text []byte, whole bool) (n int) {
	line := r.content(text)
	switch {
	case whole && !r.rest.begun && len(line) <= MaxLine,
		!r.rest.begun && mayBecomeEvent(line),
		!r.rest.begun && !whole && r.line == 0 && bytes.HasPrefix(byteOrderMark, line): // the mark itself may be incomplete
	default:
		n = candidate(text, !whole)
	}
	for n < len(text) && len(r.content(text[n:])) > MaxLine {
		r.tooLong(text[n:], n == 0)
		n++
		n += candidate(text[n:], !whole)
	}
	return n
}

// tooLong reports whether text that is too long for an event looks like one. It is true once per line.
func (r *Reader) tooLong(text []byte, atStart bool) {
	if r.rest.judged {
		return
	}
	r.rest.judged = true
	begun := r.rest.begun
	r.begin()
	if err := ParseLong(r.content(text)[:MaxLine+1]); err != nil {
		r.rest.told, r.rest.skipped = true, atStart && !begun
		r.broken(err)
	}
}

// pass returns how many bytes of a text without an event to pass.
func (r *Reader) pass(text []byte) int {
	r.begin()
	end := append(r.rest.end, text[max(0, len(text)-endSize):]...)
	r.rest.end = end[max(0, len(end)-endSize):]
	if r.rest.skipped {
		return 0
	}
	if !r.rest.passed {
		r.counts.passed.Add(1)
		r.rest.passed = true
	}
	return len(text)
}

// endSize is the number of bytes that show whether "data: " precedes an object.
const endSize = len("data: ")

// begin counts the line, once.
func (r *Reader) begin() {
	if !r.rest.begun {
		r.line++
		r.rest.begun = true
	}
}

// content returns the line without its ending, and without a byte order mark at the start of the stream.
func (r *Reader) content(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if r.line == 0 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return line
}

func (r *Reader) broken(reason error) {
	r.counts.broken.Add(1)
	if r.Broken != nil {
		r.Broken(&LineError{File: r.Name, Line: r.line, Reason: reason})
	}
}

// add passes on the record's event, or keeps it while it waits for other records.
func (r *Reader) add(rec *Record, now time.Time) {
	rec.unseal(r.Sealed)
	if !r.join.Add(rec, now) {
		r.counts.known.Add(1)
	}
	if rec.dialect == envelope && !r.join.Waits() {
		r.parser.spare = rec // it was given, and no run refers to an envelope
	}
	r.wait(now)
}

// release passes on the events that wait no longer and the ends of orphans, and sets the timer for the next.
func (r *Reader) release(now time.Time) {
	r.join.Release(now)
	if r.OrphanAfter > 0 {
		r.join.End(Ending{Error: fmt.Sprintf("no line of the run was seen for %v", r.OrphanAfter)}, r.OrphanAfter, now)
	}
	r.wait(now)
}

// wait sets the timer for the next event that is due.
func (r *Reader) wait(now time.Time) {
	due, waits := r.join.Due(r.OrphanAfter)
	switch {
	case !waits:
		if r.timer != nil {
			r.timer.Stop()
		}
	case r.timer == nil:
		r.timer = time.AfterFunc(max(0, due.Sub(now)), r.onTimer)
	default:
		r.timer.Reset(max(0, due.Sub(now)))
	}
}

func (r *Reader) onTimer() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.release(time.Now())
	}
}

// finish passes on all waiting events at the end of the stream.
func (r *Reader) finish(now time.Time) {
	r.join.Flush()
	if r.OrphanAfter > 0 {
		r.join.End(Ending{Error: "AWF's output ended before the run"}, 0, now)
	}
	if r.Open != nil {
		for run := range r.join.runs.left() {
			r.Open(run.Name, run.ID)
		}
	}
	r.ended = true
	if r.timer != nil {
		r.timer.Stop()
	}
}

func (r *Reader) give(e Event) {
	r.counts.events.Add(1)
	r.Event(e)
}
