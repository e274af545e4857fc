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

	// OrphanAfter is how long a run that started may be quiet before it is given an end of our making, which says so by
	// "synthetic": true. One that is open when the stream ends is given it then. 0 makes no ends.
	OrphanAfter time.Duration

	counts struct{ events, known, passed, broken atomic.Int64 }
	mu     sync.Mutex // held while a line is read, its callbacks included
	join   Joiner
	timer  *time.Timer
	ended  bool
	line   int  // the lines begun so far
	rest   rest // of the line that is being read
	rested bool // some of that line was passed or skipped already
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
	r.join.Event = r.give
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
		r.finish(now)
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

// readLong judges a line that is longer than MaxLine by its beginning.
func (r *Reader) readLong(begin []byte) rest {
	if err := ParseLong(begin); err != nil {
		return r.broken(err)
	}
	return restPassed
}

func (r *Reader) readLine(line []byte, now time.Time) rest {
	rec, err := ParseLine(line, now)
	switch {
	case err != nil:
		return r.broken(err)
	case rec == nil:
		return restPassed
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

// add gives the record's event, or keeps it until what it waits for is told.
func (r *Reader) add(rec *Record, now time.Time) {
	if !r.join.Add(rec, now) {
		r.counts.known.Add(1)
	}
	r.wait(now)
}

// release gives the events that wait no longer, and the ends of orphans, and sets the timer for the next ones.
func (r *Reader) release(now time.Time) {
	r.join.Release(now)
	if r.OrphanAfter > 0 {
		r.join.End(Ending{Error: fmt.Sprintf("no line of the run was seen for %v", r.OrphanAfter)}, r.OrphanAfter, now)
	}
	r.wait(now)
}

// wait sets the timer for what is due next.
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

// finish gives all that still waits at the stream's end.
func (r *Reader) finish(now time.Time) {
	r.join.Flush()
	if r.OrphanAfter > 0 {
		r.join.End(Ending{Error: "AWF's output ended before the run"}, 0, now)
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
