package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/file"
)

// Bounds of reading files. docs/config.md names them.
const (
	tailBuffer = 64 << 10 // read at a time
	headSize   = 256      // bytes at a file's beginning that identify it
	maxLoad    = 1 << 20  // decoded ahead, or one line more
)

// tail reads the lines of one file as it grows, in bounded memory. The file is open only while its lines are read.
type tail struct {
	path   string
	offset int64     // of the end of the last line that was given
	line   int       // number of lines given so far
	head   head      // of the file that offset belongs to
	held   bool      // the file stays open, so that it can be read to its end after it is renamed
	until  time.Time // of a file that is no longer at its path: when it is closed

	file  *os.File
	buf   []byte // from read-len(buf) to read
	read  int64
	more  bool     // the last load did not reach the file's end
	long  bool     // skip the rest of a line that is too long
	ahead []parsed // decoded, not given yet
	order time.Time
	idle  int  // rounds since the last line
	moved bool // a line was given
}

// parsed is one item of a line: a record, an error, or neither for a line that is not an event. A line may hold several.
type parsed struct {
	rec   *event.Record
	err   error
	at    time.Time
	first bool  // of its line
	end   int64 // the offset after the line, for the line's last item; else 0
}

// head identifies a file by its beginning: the length, at most headSize, and a hash.
type head struct {
	Size int64  `json:"size"`
	Sum  string `json:"sum"`
}

func headOf(f io.ReaderAt, size int64) (head, error) {
	buf := make([]byte, min(size, headSize))
	if _, err := f.ReadAt(buf, 0); err != nil {
		return head{}, err
	}
	sum := sha256.Sum256(buf)
	return head{int64(len(buf)), hex.EncodeToString(sum[:8])}, nil
}

// of reports whether a file has this beginning.
func (h head) of(f io.ReaderAt) bool {
	if h.Size == 0 {
		return true
	}
	other, err := headOf(f, h.Size)
	return err == nil && other == h
}

// errReplaced means that the file was truncated, or that another file has its name.
var errReplaced = errors.New("replaced")

// grown reports, without opening the file, whether it may have something new.
func (t *tail) grown() bool {
	if len(t.ahead) > 0 || t.file != nil {
		return true
	}
	info, err := os.Stat(t.path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // opening it says why
	}
	return info.Mode().IsRegular() && info.Size() != t.offset
}

// open opens the file unless it is open, and checks that it is the one that was read before.
func (t *tail) open() error {
	if t.file == nil {
		f, err := file.Open(t.path)
		if err != nil {
			return err
		}
		t.file, t.read, t.buf = f, t.offset, nil
	}
	return t.check()
}

// check returns errReplaced if the open file was truncated or has another beginning.
func (t *tail) check() error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < t.read || !t.head.of(t.file) {
		return errReplaced
	}
	return nil
}

// restart goes back to the file's beginning.
func (t *tail) restart() {
	t.close()
	t.offset, t.read, t.line, t.head, t.long, t.order = 0, 0, 0, head{}, false, time.Time{}
}

func (t *tail) close() {
	if t.file != nil {
		_ = t.file.Close()
	}
	t.file, t.buf, t.ahead, t.read = nil, nil, nil, t.offset
}

// load decodes lines until n lines or maxLoad bytes are ahead, or the file ends. If final is set it takes an unfinished last line too.
func (t *tail) load(n int, final bool) error {
	loaded := 0
	for t.more = true; len(t.ahead) < n && loaded < maxLoad; {
		text, size, err := t.next(final)
		if size == 0 || err != nil {
			t.more = false
			return err
		}
		loaded += size
		t.parse(text)
	}
	return nil
}

// parse appends the items of a line, usually one, to ahead.
func (t *tail) parse(text []byte) {
	var found []parsed
	end := t.read - int64(len(t.buf))
	switch {
	case text == nil: // a further part of a line that is too long
		found = []parsed{{}}
	case len(text) > event.MaxLine:
		found = []parsed{{err: event.ParseLong(text)}}
	default:
		line := event.ReadLine(text, time.Now())
		if err := trouble(line); err != nil || len(line.Records) == 0 {
			found = []parsed{{err: err}}
		}
		for i, rec := range line.Records {
			rec.From("file")
			if rec.Anonymous() {
				rec.SetID(t.lineID(text, end-int64(len(line.Records)-1-i)))
			}
			if at := rec.Order(); at.After(t.order) {
				t.order = at
			}
			found = append(found, parsed{rec: rec})
		}
	}
	for i := range found {
		found[i].at, found[i].first = t.order, i == 0 && text != nil
	}
	found[len(found)-1].end = end
	t.ahead = append(t.ahead, found...)
}

// trouble reports bytes that do not belong in a line of AWF's files.
func trouble(line event.Line) error {
	nuls := len(line.Before) - len(bytes.TrimLeft(line.Before, "\x00"))
	switch {
	case line.Err != nil:
		return line.Err
	case nuls > 0:
		return fmt.Errorf("begins with %d NUL bytes, as a crash leaves them", nuls)
	case len(line.Records) > 0 && line.Before != nil:
		return fmt.Errorf("%d bytes of other text before an event", len(line.Before))
	case len(line.Records) == 0 && isPart(bytes.TrimSpace(line.Before)):
		return errors.New("a part of a JSON object: the rest of the line is missing")
	}
	return nil
}

// records yields the records in the lines of a text.
func records(text []byte) iter.Seq[*event.Record] {
	return func(yield func(*event.Record) bool) {
		for line := range bytes.Lines(text) {
			for _, rec := range event.ReadLine(bytes.TrimRight(line, "\r\n"), time.Now()).Records {
				if !yield(rec) {
					return
				}
			}
		}
	}
}

// isPart reports whether a line is the beginning or the end of an object, as a crash or a truncation leaves it.
func isPart(line []byte) bool {
	return (bytes.HasPrefix(line, []byte("{")) || bytes.HasSuffix(line, []byte("}"))) && !json.Valid(line)
}

// lineID makes an id for a line that has none: the same each time it is read, and a different one for an equal line
// elsewhere.
func (t *tail) lineID(text []byte, end int64) string {
	begin := t.head
	if begin.Size < headSize {
		begin, _ = headOf(t.file, end)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d\n%s", begin.Sum, end, text))
	return hex.EncodeToString(sum[:])
}

// next takes the next line from the buffer. It returns the line without its ending, and its size with it; the size is 0
// if there is no line yet. Of a line that is too long it returns the beginning, and then nil for each further part.
func (t *tail) next(final bool) (text []byte, size int, err error) {
	searched := 0
	for {
		if i := bytes.IndexByte(t.buf[searched:], '\n'); i >= 0 {
			text, size = t.buf[:searched+i], searched+i+1
			t.buf = t.buf[size:]
			if t.long {
				t.long = false
				return nil, size, nil
			}
			return bytes.TrimSuffix(text, []byte("\r")), size, nil
		}
		searched = len(t.buf)
		if t.long && searched > 0 {
			t.buf = t.buf[:0]
			return nil, searched, nil
		}
		if searched > event.MaxLine+1 {
			text, t.buf, t.long = t.buf, nil, true
			return text, searched, nil
		}
		n, err := t.fill()
		switch {
		case n > 0:
		case err != nil && !errors.Is(err, io.EOF):
			return nil, 0, err
		case final && len(t.buf) > 0:
			text, t.buf = t.buf, nil
			return text, len(text), nil
		default:
			return nil, 0, nil
		}
	}
}

// fill reads more into the buffer.
func (t *tail) fill() (int, error) {
	if cap(t.buf)-len(t.buf) < tailBuffer/4 {
		grown := make([]byte, len(t.buf), max(tailBuffer, 2*len(t.buf)))
		copy(grown, t.buf)
		t.buf = grown
	}
	room := t.buf[len(t.buf):cap(t.buf)]
	n, err := t.file.ReadAt(room, t.read)
	t.buf = t.buf[:len(t.buf)+n]
	t.read += int64(n)
	return n, err
}

// take removes and returns the first item ahead.
func (t *tail) take() parsed {
	p := t.ahead[0]
	t.ahead = t.ahead[1:]
	t.idle, t.moved = 0, true
	if p.first {
		t.line++
	}
	if p.end > 0 {
		t.offset = p.end
	}
	if t.head.Size < headSize && t.file != nil {
		if begin, err := headOf(t.file, t.offset); err == nil {
			t.head = begin
		}
	}
	return p
}

// rest closes the file if everything in it was passed on, unless it is held.
func (t *tail) rest() {
	if !t.held && t.file != nil && len(t.ahead) == 0 {
		t.close()
	}
}
