package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/file"
)

// flushPatience bounds how long Close tries to write deliveries that are only in memory to the queue's file.
const flushPatience = 5 * time.Second

// spilled describes the files that Close wrote.
type spilled struct {
	files            []string
	waiting, letters int64
	seal             *Seal
	journaled        bool // in a file that another awf-hook on this machine takes up
}

// storeLeft tries once more to store the deliveries that are only in memory, writes the others to Options.Spill, and
// counts for the report what is left.
func (e *Engine) storeLeft() {
	ctx := context.Background()
	e.lanes.Recall()
	flushing, cancel := e.opts.patient(time.Second, flushPatience)
	defer cancel()
	flushErr := e.queue.Flush(flushing)
	if errors.Is(flushErr, ErrClosed) {
		return
	}
	l, err := e.countLeft(ctx)
	if err != nil {
		l = e.unread(err)
	}
	if flushErr != nil {
		l.trouble = e.reason(flushErr).Error()
	}
	rest := e.queue.Rest()
	switch file := e.queue.Journal(); {
	case len(rest) == 0:
	case file != "":
		l.spilled = &spilled{files: []string{file}, journaled: true}
		l.spilled.count(rest)
	case len(e.opts.Spill) > 0:
		var errs []error
		l.spilled, errs = writeSpill(rest, &e.opts)
		for _, err := range errs {
			l.trouble += "; " + err.Error()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.atClose = &l
}

// maxSpills is the most files that Close writes in one place. The process may have a limit on the size of each.
const maxSpills = 1000

// writeSpill writes entries as envelopes that [Engine.Read] takes back. When a file takes no more it starts a new
// one; when a place takes no more it goes on with the next. There is one error for each place that did not take all, and
// one for events that no line can hold.
func writeSpill(entries []*delivery.Entry, opts *Options) (*spilled, []error) {
	s := &spilled{seal: opts.Seal}
	var errs []error
	tooLong := func(entry *delivery.Entry) bool { return len(s.envelopeOf(entry)) > event.MaxLine } // nobody could read it
	all := len(entries)
	entries = slices.DeleteFunc(entries, tooLong)
	if n := int64(all - len(entries)); n > 0 {
		errs = append(errs, fmt.Errorf("cannot write %s, with the names of its webhooks over %d MiB", count(n, "event"), event.MaxLine>>20))
	}
	for _, place := range opts.Spill {
		for range maxSpills {
			n, err := s.write(place, entries)
			if entries = entries[n:]; len(entries) == 0 {
				return s, errs
			}
			if n == 0 {
				errs = append(errs, fmt.Errorf("cannot write to %s: %w", place, err))
				break
			}
		}
	}
	return s, errs
}

// write writes entries to a place until the place takes no more, and returns how many it wrote.
func (s *spilled) write(place string, entries []*delivery.Entry) (n int, err error) {
	f, err := openSpill(place)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	begin, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	end := begin
	for _, entry := range entries {
		line := append(s.envelopeOf(entry), '\n')
		if _, err = f.Write(line); err != nil {
			break
		}
		end += int64(len(line))
		n++
	}
	if err != nil { // remove the line that was cut
		err = errors.Join(err, f.Truncate(end))
	}
	if syncErr := f.Sync(); syncErr != nil {
		_ = f.Truncate(begin)
		return 0, errors.Join(err, syncErr)
	}
	switch {
	case n > 0:
		s.files = append(s.files, f.Name())
	case begin == 0:
		_ = os.Remove(f.Name()) // an empty file says nothing
	}
	s.count(entries[:n])
	return n, err
}

// count counts the deliveries in the files.
func (s *spilled) count(entries []*delivery.Entry) {
	for _, entry := range entries {
		for i := range entry.Wants {
			if entry.Wants[i].Past.State == delivery.IsDead {
				s.letters++
			} else {
				s.waiting++
			}
		}
	}
}

// openSpill opens a file of events to append to it, or makes one in a folder. Only its owner may read it.
func openSpill(place string) (*os.File, error) {
	if strings.HasSuffix(place, "/") {
		if err := os.MkdirAll(place, 0o700); err != nil {
			return nil, err
		}
		return os.CreateTemp(place, "awf-hook-*.ndjson")
	}
	f, err := file.Append(place, 0o600)
	if err != nil {
		return nil, err
	}
	if err := endLine(f, place); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// endLine ends the last line of a file, which a killed process may have cut. It returns an error if the file does not begin
// like events: it may be a queue, for example.
func endLine(f *os.File, path string) error {
	in, err := file.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var first, last [1]byte
	_, err = in.ReadAt(first[:], 0)
	if err == nil {
		_, err = in.ReadAt(last[:], info.Size()-1)
	}
	switch {
	case err != nil:
		return err
	case first[0] != '{':
		return errors.New("it holds something other than events")
	case last[0] != '\n':
		_, err = f.WriteString("\n")
	}
	return err
}

// envelopeOf returns an entry's event as an envelope addressed to the entry's webhooks alone.
func (s *spilled) envelopeOf(entry *delivery.Entry) []byte {
	ev := *entry.Event
	ev.Webhooks = nil
	for i := range entry.Wants {
		ev.Webhooks = append(ev.Webhooks, entry.Wants[i].Webhook)
	}
	return ev.Sealed(s.seal.sign)
}
