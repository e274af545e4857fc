package source

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/lazy"
)

const (
	// maxRotated is how many rotated files are searched for unread lines.
	maxRotated = 64
	// lingerFor is how long a rotated file is still read, since a writer may have it open.
	lingerFor = time.Minute
)

// rotated follows the file at one path through rotation, whether the file is renamed, removed, or copied and truncated.
// It recognizes a file by its beginning, under any name in the folder.
type rotated struct {
	path    string
	current *tail
	old     []*tail    // files that are no longer at the path, oldest first
	done    []position // of old files that are no longer looked at
	seen    time.Time  // when everything that existed was last read
}

func newRotated(path string) *rotated {
	return &rotated{path: path, current: &tail{path: path, held: true}}
}

// tails returns the files to read, oldest first. It notices when another file takes the path.
func (r *rotated) tails(now time.Time) []*tail {
	switch r.state() {
	case pathReplaced:
		r.rotate(now)
	case pathNew: // other files may have been at the path before
		r.old = append(r.old, r.between(now)...)
	}
	r.old = slices.DeleteFunc(r.old, func(o *tail) bool {
		gone := now.After(o.until) && len(o.ahead) == 0
		if gone {
			r.finish(o.position())
			o.close()
		}
		return gone
	})
	return append(slices.Clone(r.old), r.current)
}

// What is at the path now.
const (
	pathSame     = iota // the file that is being read, or none at the moment
	pathReplaced        // another one
	pathNew             // the first one
)

func (r *rotated) state() int {
	t := r.current
	info, err := os.Stat(r.path)
	if err != nil {
		return pathSame // between the rename and the new file; go on reading the open file
	}
	known := t.file != nil
	if known {
		open, err := t.file.Stat()
		if err != nil || !os.SameFile(open, info) {
			return pathReplaced
		}
	}
	if errors.Is(t.open(), errReplaced) {
		return pathReplaced
	}
	if !known {
		return pathNew
	}
	return pathSame
}

// rotate queues the file that was read, and files that came and went since, before the file that is at the path now.
func (r *rotated) rotate(now time.Time) {
	last := r.current
	r.current = &tail{path: r.path, held: true}
	if last.file != nil && last.check() == nil {
		last.until = now.Add(lingerFor)
		r.old = append(r.old, last)
	} else { // truncated, or not open yet: unread lines may be in a copy
		r.resume(last.position(), now)
		last.close()
	}
	r.old = append(r.old, r.between(now)...)
}

// finish remembers a file that is no longer looked at.
func (r *rotated) finish(at position) {
	if at.Head.Size > 0 {
		r.done = append(r.done, at)
		r.done = r.done[max(0, len(r.done)-maxRotated):]
	}
}

// resume continues at a position if its file has more, whatever the file's name is now.
func (r *rotated) resume(at position, now time.Time) {
	if path := r.find(at.Head, at.Offset); path != "" {
		old := at.tail(path)
		old.until = now.Add(lingerFor)
		r.old = append(r.old, old)
	} else {
		r.finish(at)
	}
}

// find returns the rotated file that has this beginning and more than was read.
func (r *rotated) find(begin head, read int64) string {
	if begin.Size == 0 {
		return ""
	}
	for _, path := range r.siblings() {
		f, err := file.Open(path)
		if err != nil {
			continue
		}
		info, err := f.Stat()
		found := err == nil && info.Size() > read && begin.of(f)
		_ = f.Close()
		if found {
			return path
		}
	}
	return ""
}

// between returns the rotated files that were written since everything was last read, oldest first, except for known
// ones. It may return a file that was read long ago: the queue knows its events.
func (r *rotated) between(now time.Time) []*tail {
	var files []*tail
	for _, path := range r.siblings() {
		info, err := os.Stat(path)
		if err == nil && !info.ModTime().Before(r.seen.Add(-clockSlack)) && !r.known(path) {
			files = append(files, &tail{path: path, held: true, until: now.Add(lingerFor)})
		}
	}
	return files
}

// known reports whether a file is being read or was read.
func (r *rotated) known(path string) bool {
	f, err := file.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	return slices.ContainsFunc(r.old, func(o *tail) bool { return o.head.Size > 0 && o.head.of(f) }) ||
		slices.ContainsFunc(r.done, func(at position) bool { return at.Head.of(f) })
}

// siblings lists the files that may have been at the path before, oldest first, without compressed ones: those whose names begin like
// the path's, and, if the path is a link, those that are named like its target except for numbers.
func (r *rotated) siblings() []string {
	type sibling struct {
		path string
		info os.FileInfo
	}
	compressed := []string{".gz", ".bz2", ".xz", ".zst"}
	var files []sibling
	look := func(path string, isLike func(name string) bool) {
		folder, base := filepath.Split(path)
		entries, _ := os.ReadDir(cmp.Or(folder, "."))
		for _, entry := range entries {
			name := entry.Name()
			if name == base || !isLike(name) || !entry.Type().IsRegular() || slices.Contains(compressed, filepath.Ext(name)) {
				continue
			}
			info, err := entry.Info()
			if err == nil && !slices.ContainsFunc(files, func(s sibling) bool { return os.SameFile(s.info, info) }) { // else it is gone, or known
				files = append(files, sibling{filepath.Join(folder, name), info})
			}
		}
	}
	base := filepath.Base(r.path)
	look(r.path, func(name string) bool { return strings.HasPrefix(name, strings.TrimSuffix(base, filepath.Ext(base))) })
	_, notLink := os.Readlink(r.path)
	if target, err := filepath.EvalSymlinks(r.path); notLink == nil && err == nil {
		shapeOf := func(name string) string { return numbers().ReplaceAllString(name, "0") }
		shape := shapeOf(filepath.Base(target))
		look(target, func(name string) bool { return shapeOf(name) == shape })
	}
	slices.SortFunc(files, func(a, b sibling) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	files = files[max(0, len(files)-maxRotated):]
	paths := make([]string, 0, len(files))
	for _, f := range files {
		paths = append(paths, f.path)
	}
	return paths
}

var numbers = lazy.Regexp("[0-9]+")

// restore continues where an earlier process stopped. Files may have been renamed, and others may have come and gone.
func (r *rotated) restore(current position, old []position, seen, now time.Time) {
	r.seen = seen
	for _, at := range old {
		r.resume(at, now)
	}
	r.current = current.tail(r.path)
}

// begin skips files that were rotated before.
func (r *rotated) begin(now time.Time) {
	r.seen = now
	for _, o := range r.between(now) {
		if o.open() != nil {
			continue
		}
		if info, err := o.file.Stat(); err == nil {
			begin, _ := headOf(o.file, info.Size())
			r.finish(position{Path: o.path, Offset: info.Size(), Head: begin})
		}
		o.close()
	}
}

// position says how far a file was read.
type position struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Line   int    `json:"line"`
	Head   head   `json:"head"`
}

func (t *tail) position() position { return position{t.path, t.offset, t.line, t.head} }

// tail continues at the position, in a file that stays open.
func (at position) tail(path string) *tail {
	return &tail{path: path, offset: at.Offset, read: at.Offset, line: at.Line, head: at.Head, held: true}
}
