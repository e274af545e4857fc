package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/file"
	"golang.org/x/sys/unix"
)

// trail is the private audit file of one command, ID.jsonl, and the file of its state, ID.state. The holder of the lock
// of ID.jsonl owns both. AWF itself takes no lock.
//
// ID.state begins with numbers of 20 digits. One write overwrites each, so that a killed process leaves them whole: the
// bytes copied to AWF's own file, the bytes that are settled, and the program's process. The last seven digits of that
// number are the process id. The digits before them are the process's start time, since process ids are reused.
type trail struct {
	trailInfo
	path   string // of ID.jsonl
	file   *os.File
	state  *os.File
	target *os.File // AWF's own audit file, opened for the first line
	copied int64
	done   int64
	pid    int64
	born   int64 // when the program began, in the system's own unit; 0 if unknown
}

// trailInfo holds the data that the next owner of a trail needs, as JSON after the numbers.
type trailInfo struct {
	Target      string    `json:"target"`      // the file that AWF would have used; "" for none
	TargetSize  int64     `json:"target_size"` // when the program started
	Transcripts string    `json:"transcripts"`
	Storage     string    `json:"storage,omitempty"` // where AWF keeps the states of its runs
	Origin      string    `json:"origin"`            // names the configuration: processes with another one must not take the events
	Started     time.Time `json:"started"`
}

const (
	trailSuffix = ".jsonl"
	stateSuffix = ".state"
)

// Offsets of the numbers in a state.
const (
	atCopied = iota * 21
	atDone
	atPID
	atInfo
)

// newTrail makes a private audit file and locks it.
func newTrail(in place, info trailInfo) (*trail, error) {
	if err := in.make(); err != nil {
		return nil, err
	}
	if err := hasRoom(in.folder); err != nil {
		return nil, err
	}
	if target, err := os.Stat(info.Target); err == nil {
		info.TargetSize = target.Size()
	}
	text, err := json.Marshal(info)
	if err != nil {
		return nil, err
	}
	t := &trail{trailInfo: info, path: filepath.Join(in.folder, event.NewID(info.Started)+trailSuffix)}
	// Adopt finds trails by this file: if a kill leaves it alone, Adopt removes it.
	if t.file, err = os.OpenFile(t.path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if err = lockNew(t.file); err == nil {
		t.state, err = os.OpenFile(stateOf(t.path), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err == nil {
		_, err = fmt.Fprintf(t.state, "%020d\n%020d\n%020d\n%s\n", 0, -1, 0, text)
	}
	if err == nil {
		err = reserve(t.file, minRoom)
	}
	if err != nil {
		t.remove()
		return nil, err
	}
	t.done = -1
	return t, nil
}

// lock locks a file without waiting. The lock ends with the process.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// lockNew locks a new trail. Another process's Adopt may hold the lock until it sees that the trail has no state.
func lockNew(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }

// errTaken means that a running process owns the trail.
var errTaken = errors.New("taken")

// takeTrail opens and locks a trail that another process left.
func takeTrail(path string) (*trail, error) {
	const flags = os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK
	t := &trail{path: path}
	var err error
	if t.file, err = os.OpenFile(path, flags, 0); err != nil {
		return nil, err
	}
	if err := lock(t.file); err != nil {
		t.close()
		return nil, errTaken
	}
	if t.state, err = os.OpenFile(stateOf(path), flags, 0); err != nil {
		t.close()
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(t.state, 64<<10))
	if err == nil && len(text) < atInfo {
		err = io.ErrUnexpectedEOF
	}
	for at, n := range map[int]*int64{atCopied: &t.copied, atDone: &t.done, atPID: &t.pid} {
		if err == nil {
			*n, err = strconv.ParseInt(string(text[at:at+20]), 10, 64)
		}
	}
	t.born, t.pid = t.pid/pidRange, t.pid%pidRange
	if err == nil {
		err = json.Unmarshal(text[atInfo:], &t.trailInfo)
	}
	if err != nil {
		t.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func (t *trail) put(at int64, n int64) error {
	_, err := t.state.WriteAt(fmt.Appendf(nil, "%020d", n), at)
	return err
}

// pidRange is larger than every process id.
const pidRange = 10_000_000

// setPID notes the program's process.
func (t *trail) setPID(pid int) error {
	t.pid = int64(pid)
	t.born, _ = startOf(t.pid)
	return t.put(atPID, t.born*pidRange+t.pid)
}

// alive reports whether the program that writes the trail may still be running.
func (t *trail) alive() bool {
	if t.pid <= 0 {
		return false
	}
	if err := syscall.Kill(int(t.pid), 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	born, ended := startOf(t.pid)
	return !ended && (t.born == 0 || born == t.born)
}

// startOf returns when a process started, in ticks since the system's start, and whether it is a zombie. It returns 0 and
// false if the system does not tell.
func startOf(pid int64) (ticks int64, ended bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	const state, starttime = 0, 19 // among the fields after the name
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= starttime {
		return 0, false
	}
	ticks, _ = strconv.ParseInt(fields[starttime], 10, 64)
	return ticks, fields[state] == "Z" || fields[state] == "X"
}

// again opens the trail's file once more, also if the program has removed it. It returns nil if that fails.
func (t *trail) again() *os.File {
	fd, err := unix.FcntlInt(t.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), t.path)
}

// finish notes that the first size bytes of the file are settled.
func (t *trail) finish(size int64) error {
	t.done = size
	return t.put(atDone, size)
}

func (t *trail) close() {
	if t.file != nil {
		unreserve(t.file)
	}
	for _, f := range []*os.File{t.file, t.state, t.target} {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (t *trail) remove() {
	t.close()
	removeTrail(t.path)
}

// removeTrail removes the file that Adopt finds trails by last, so that a kill leaves nothing that stays.
func removeTrail(path string) {
	_ = os.Remove(stateOf(path))
	_ = os.Remove(path)
}

// stateOf returns the path of a trail's state.
func stateOf(path string) string { return strings.TrimSuffix(path, trailSuffix) + stateSuffix }

// copyLines appends lines to AWF's own file that are not there yet, each with one write. If last is set it copies an
// unfinished line too. After a failed write the next call continues there.
func (t *trail) copyLines(last bool) (something bool, err error) {
	if t.Target == "" {
		return false, nil
	}
	buf := make([]byte, tailBuffer)
	for {
		n, err := t.file.ReadAt(buf, t.copied)
		if err != nil && !errors.Is(err, io.EOF) {
			return something, err
		}
		text := buf[:n]
		for len(text) > 0 {
			size := bytes.IndexByte(text, '\n') + 1
			if size == 0 {
				if !last && n < len(buf) || n == len(buf) && len(text) < len(buf) {
					break // the line is incomplete
				}
				size = len(text)
			}
			if err := t.copyLine(text[:size]); err != nil {
				return something, err
			}
			text, something = text[size:], true
		}
		if n < len(buf) {
			return something, nil
		}
	}
}

// copyLine appends a line to AWF's own file. A pipe that has no reader or stays full is an error.
func (t *trail) copyLine(line []byte) error {
	if t.target == nil {
		if err := os.MkdirAll(filepath.Dir(t.Target), 0o750); err != nil { // as AWF does
			return err
		}
		f, err := os.OpenFile(t.Target, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o600)
		if errors.Is(err, syscall.ENXIO) {
			return fmt.Errorf("%s: a pipe that nobody reads", t.Target)
		}
		if err != nil {
			return err
		}
		t.target = f
	}
	_ = t.target.SetWriteDeadline(time.Now().Add(copyWait)) // a regular file needs none
	n, err := t.target.Write(line)
	t.copied += int64(n)
	if n > 0 {
		_ = t.put(atCopied, t.copied) // if this fails, a line may be there twice after a crash
	}
	return err
}

// outlives reports whether another process can write to AWF's own audit file: a regular or new file, but no pipe and no
// descriptor of the process that ended.
func (t *trail) outlives() bool {
	if strings.HasPrefix(t.Target, "/dev/") || strings.HasPrefix(t.Target, "/proc/") {
		return false
	}
	info, err := os.Stat(t.Target)
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular()
}

// targetBefore returns the end of AWF's own audit file as it was when the program started, at most maxBefore bytes.
func (t *trail) targetBefore() []byte {
	target, err := file.Open(t.Target)
	if err != nil {
		return nil // it does not exist yet: no run is known to be resumed
	}
	defer target.Close()
	from := max(0, t.TargetSize-maxBefore)
	text, _ := io.ReadAll(io.NewSectionReader(target, from, t.TargetSize-from))
	return text
}

// quiet returns how long ago the last line was written.
func (t *trail) quiet() time.Duration {
	info, err := t.file.Stat()
	if err != nil {
		return 0
	}
	return time.Since(info.ModTime())
}

// leftRun reports whether the trail has a run without an end, which a process that the program left behind may still write.
func (t *trail) leftRun() bool {
	text, err := io.ReadAll(io.NewSectionReader(t.file, 0, maxBefore))
	open := map[string]bool{}
	for rec := range records(text) {
		switch {
		case rec.Starts():
			open[rec.WorkflowID] = true
		case rec.Ends():
			delete(open, rec.WorkflowID)
		}
	}
	return err != nil || len(open) > 0
}

// recopied finds out whether the previous owner copied the next line and died before it could note that.
func (t *trail) recopied() error {
	if t.Target == "" {
		return nil
	}
	target, err := file.Open(t.Target)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	defer target.Close()
	info, err := target.Stat()
	if err != nil {
		return err
	}
	line := make([]byte, tailBuffer)
	n, _ := t.file.ReadAt(line, t.copied)
	size := bytes.IndexByte(line[:n], '\n') + 1
	if size == 0 {
		return nil
	}
	from := max(0, info.Size()-event.MaxLine)
	if info.Size() >= t.TargetSize {
		from = max(from, t.TargetSize)
	}
	text := make([]byte, info.Size()-from)
	n, _ = target.ReadAt(text, from)
	if bytes.HasPrefix(text[:n], line[:size]) || bytes.Contains(text[:n], append([]byte("\n"), line[:size]...)) {
		t.copied += int64(size)
		return t.put(atCopied, t.copied)
	}
	return nil
}
