package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// MaxLine is the longest line, without its ending, that is read as an event: 1 MiB.
const MaxLine = 1 << 20

// LineError says what is wrong with a line of a known dialect. The line is skipped.
type LineError struct {
	File   string
	Line   int // from 1
	Reason error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Reason) }
func (e *LineError) Unwrap() error { return e.Reason }

// Counts is what a [Reader] met.
type Counts struct {
	Events int // events given
	Known  int // second starts and ends of a run, not given
	Passed int // lines of AWF's own output
	Broken int // lines of a known dialect that could not be read
}

// Reader makes events of one stream of lines, in which AWF's dialects may be mixed with each other and with its own output.
// Its memory is bounded, however long the lines and however many the runs.
//
// Most events are given at once. Two kinds wait for a later line, one second at most, with what stands behind them:
// a step whose run's start was not read yet, since that tells the workflow's name,
// and a start beside another open run, since a line of that one's transcript may tell that it is the caller.
type Reader struct {
	Name   string               // how errors call the stream: "<stdin>", a path
	Event  func(Event)          // called with each event, in order
	Pass   func([]byte)         // called with AWF's own output, byte for byte, endings included; may be nil
	Broken func(err *LineError) // called with each broken line; may be nil

	counts  struct{ events, known, passed, broken atomic.Int64 }
	mu      sync.Mutex // held while a line is read, its callbacks included
	runs    runs
	waiting []waiting
	timer   *time.Timer
	line    int  // the lines begun so far
	rest    rest // of the line that is being read
	rested  bool // some of that line was passed or skipped already
}

// waiting is a record that is not complete.
type waiting struct {
	rec   *record
	run   *run
	need  need
	until time.Time
}

// rest says what becomes of the rest of a line that was judged by its beginning.
type rest int

const (
	restWhole   rest = iota // not judged yet: wait for its end
	restPassed              // cannot be an event
	restSkipped             // a broken event
)

// ReadFrom reads src to its end and gives its events. The error is src's own; io.EOF is none.
func (r *Reader) ReadFrom(src io.Reader) (int64, error) {
	var total int64
	buf := make([]byte, 64<<10)
	held := 0 // bytes of a line without its end yet, at buf's start
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

// Counts returns what was met so far. It does not wait for a callback that blocks.
func (r *Reader) Counts() Counts {
	return Counts{
		Events: int(r.counts.events.Load()),
		Known:  int(r.counts.known.Load()),
		Passed: int(r.counts.passed.Load()),
		Broken: int(r.counts.broken.Load()),
	}
}

// take reads the lines in buf, of which the first searched bytes hold no line's end,
// moves what is left of an unended line to buf's start and returns its length. At the end nothing is left.
func (r *Reader) take(buf []byte, searched int, end bool) (left int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	begin, passFrom := 0, -1
	flush := func(to int) {
		if passFrom >= 0 && r.Pass != nil {
			r.Pass(buf[passFrom:to])
		}
		passFrom = -1
	}
	for begin < len(buf) {
		size := bytes.IndexByte(buf[begin+searched:], '\n')
		ended := size >= 0
		size += searched + 1
		if searched = 0; !ended {
			size = len(buf) - begin
		}
		whole := ended || end
		if r.judge(buf[begin:begin+size], whole, now) {
			if passFrom < 0 {
				passFrom = begin
			}
		} else {
			flush(begin)
		}
		if !whole && r.rest == restWhole {
			break // wait for its end
		}
		begin += size
		if whole {
			r.rest, r.rested = restWhole, false
		}
	}
	flush(begin)
	if end {
		r.release(now.Add(2 * maxWait))
	} else {
		r.release(now)
	}
	return copy(buf, buf[begin:])
}

// judge deals with a line, or with the part of it that was read so far, and says whether it is to be passed.
func (r *Reader) judge(text []byte, whole bool, now time.Time) (pass bool) {
	if !r.rested {
		switch line := r.content(text); {
		case whole && len(line) <= MaxLine:
			r.beginLine()
			r.rest = r.readLine(line, now)
		case len(line) > MaxLine:
			r.beginLine()
			r.rest = r.readLong(line)
		case r.line == 0 && bytes.HasPrefix(byteOrderMark, line):
			return false // the mark itself may be cut
		case !mayBecomeEvent(line):
			r.beginLine()
			r.rest = restPassed
		default:
			return false
		}
		if r.rest == restPassed {
			r.counts.passed.Add(1)
		}
	}
	return r.rest == restPassed
}

func (r *Reader) beginLine() {
	r.line++
	r.rested = true
}

// content is the line without its ending, and without a byte order mark at the stream's start.
func (r *Reader) content(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if r.line == 0 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return line
}

var (
	byteOrderMark = []byte("\uFEFF")
	dataPrefix    = []byte("data:")
)

// mayBecomeEvent says whether a line that begins so can be an event. What cannot is passed at once: it may be a prompt.
func mayBecomeEvent(begin []byte) bool {
	begin = begin[skipSpace(begin, 0):]
	n := min(len(begin), len(dataPrefix))
	return n == 0 || begin[0] == '{' || bytes.Equal(begin[:n], dataPrefix[:n])
}

// readLong judges a line that is longer than MaxLine by its beginning.
func (r *Reader) readLong(line []byte) rest {
	object, isData := bytes.CutPrefix(line, dataPrefix)
	m := scan(object)
	if m.tell(isData) == foreign {
		return restPassed
	}
	return r.broken(errors.New("line is over 1 MiB"))
}

func (r *Reader) readLine(line []byte, now time.Time) rest {
	if !mayBecomeEvent(line) {
		return restPassed
	}
	text := line
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD")) // a body must be UTF-8
	}
	object, isData := bytes.CutPrefix(text, dataPrefix)
	m := scan(object)
	dialect := m.tell(isData)
	if dialect == foreign {
		return restPassed
	}
	if !json.Valid(object) {
		return r.broken(invalid(object))
	}
	rec, err := m.decode(dialect, text, now)
	if err != nil {
		return r.broken(err)
	}
	if len(text) != len(line) && rec.dialect != envelope && rec.dialect != plugin {
		rec.ID = lineID(line)
	}
	r.add(rec, now)
	return restSkipped
}

func (r *Reader) broken(reason error) rest {
	r.counts.broken.Add(1)
	if r.Broken != nil {
		r.Broken(&LineError{File: r.Name, Line: r.line, Reason: reason})
	}
	return restSkipped
}

// invalid says why text is not valid JSON.
func invalid(text []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(text, &raw)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("invalid JSON at byte %d: %w", syntax.Offset, err)
	}
	return fmt.Errorf("invalid JSON: %w", err)
}

// add gives the record's event, or keeps it until what it waits for is told.
func (r *Reader) add(rec *record, now time.Time) {
	run, need, isEvent := r.runs.learn(rec)
	if !isEvent {
		r.counts.known.Add(1)
		r.release(now)
		return
	}
	if need == needNothing && len(r.waiting) == 0 {
		r.give(run, rec)
		return
	}
	w := waiting{rec, run, need, now.Add(maxWait)}
	at := len(r.waiting)
	if rec.role == roleStart { // the start goes before the steps that wait for it
		if i := slices.IndexFunc(r.waiting, func(w waiting) bool { return w.run == run }); i >= 0 {
			at = i
		}
	}
	r.waiting = slices.Insert(r.waiting, at, w)
	r.release(now)
}

// release gives the events at the front that wait no longer, and sets the timer for the next one.
func (r *Reader) release(now time.Time) {
	given := 0
	for _, w := range r.waiting {
		told := w.need == needNothing ||
			w.need == needName && (w.run.name != "" || w.run.nameless) ||
			w.need == needParent && w.run.parentID != ""
		if !told && now.Before(w.until) && len(r.waiting)-given <= maxWaiting {
			break
		}
		if !told && w.need == needName {
			w.run.nameless = true
		}
		r.give(w.run, w.rec)
		given++
	}
	r.waiting = slices.Delete(r.waiting, 0, given)
	if len(r.waiting) == 0 {
		if r.timer != nil {
			r.timer.Stop()
		}
		return
	}
	wait := max(0, r.waiting[0].until.Sub(now))
	if r.timer == nil {
		r.timer = time.AfterFunc(wait, r.onTimer)
	} else {
		r.timer.Reset(wait)
	}
}

func (r *Reader) onTimer() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release(time.Now())
}

func (r *Reader) give(run *run, rec *record) {
	r.counts.events.Add(1)
	r.Event(run.complete(rec))
}
