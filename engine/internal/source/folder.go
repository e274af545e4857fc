package source

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// clockSlack is how much older than the program one of its files may appear.
	clockSlack = 2 * time.Second
	// coarseTime is the resolution of a folder's modification time: a second change within it may not show.
	coarseTime = time.Second
	// A transcript that was quiet for a minute is looked at every second, one that was quiet for an hour every 10 s.
	coolAfter = int(time.Minute / maxPace)
	coolEvery = int(time.Second / maxPace)
	coldAfter = int(time.Hour / maxPace)
	coldEvery = int(10 * time.Second / maxPace)
)

// folder is AWF's transcripts folder. File names say nothing about runs: the first line of a file names its run.
type folder struct {
	path  string
	since time.Time // files last written before this time are left out; zero for none

	changed, listed time.Time          // the folder's modification time when it was listed, and when it was listed
	seen            time.Time          // when everything that existed was last read
	known           map[string]bool    // the names that were seen
	unread          []*tail            // without a complete first line yet
	byRun           map[string][]*tail // runs that nobody has asked for yet; in exec only
	wanted          map[string]bool    // runs that were asked for; nil wants all
	found           map[string]bool    // those of wanted that have a transcript
	tails           map[string]*tail   // by path
	order           []*tail            // the same, in the order in which they were found
	rounds          int
}

func newFolder(path string, since time.Time, all bool) *folder {
	d := &folder{
		path: path, since: since,
		known: map[string]bool{}, found: map[string]bool{}, byRun: map[string][]*tail{}, tails: map[string]*tail{},
	}
	if !all {
		d.wanted = map[string]bool{}
	}
	return d
}

// want asks for the transcripts of a run. If one with the run's name is older than the program, only what is appended to it is read.
func (d *folder) want(run string) {
	if d.wanted[run] {
		return
	}
	d.wanted[run] = true
	for _, t := range d.byRun[run] {
		d.add(t)
		d.found[run] = true
	}
	delete(d.byRun, run)
	path := filepath.Join(d.path, run+".jsonl")
	if !strings.ContainsRune(run, filepath.Separator) && d.tails[path] == nil {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			t := &tail{path: path}
			if d.known[run+".jsonl"] && d.isOld(info) {
				t.offset = info.Size()
			}
			d.add(t)
			d.found[run] = true
		}
	}
}

// isOld reports whether a file was last written before the program began. It can be wrong about a file that came later, if the clock was
// set back.
func (d *folder) isOld(info fs.FileInfo) bool {
	return !d.since.IsZero() && info.ModTime().Before(d.since.Add(-clockSlack))
}

func (d *folder) add(t *tail) {
	if d.tails[t.path] == nil {
		d.tails[t.path] = t
		d.order = append(d.order, t)
	}
}

// list returns the paths of new files, the oldest first if their names say so. If the folder is unchanged it costs one
// system call.
func (d *folder) list() ([]string, error) {
	info, err := os.Stat(d.path)
	if err != nil || info.ModTime().Equal(d.changed) && d.listed.Sub(d.changed) > coarseTime {
		return nil, err
	}
	now := time.Now()
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	d.changed, d.listed = info.ModTime(), now
	known := make(map[string]bool, len(entries))
	var found []string
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".jsonl") || entry.IsDir() {
			continue
		}
		known[name] = true
		if !d.known[name] {
			found = append(found, filepath.Join(d.path, name))
		}
	}
	d.known = known
	d.forget()
	return found, nil
}

// forget drops the tails of removed files.
func (d *folder) forget() {
	d.order = slices.DeleteFunc(d.order, func(t *tail) bool {
		gone := !d.known[filepath.Base(t.path)] && len(t.ahead) == 0
		if gone {
			t.close()
			delete(d.tails, t.path)
		}
		return gone
	})
}

// discover finds the transcripts of wanted runs.
func (d *folder) discover() error {
	first := d.rounds == 0
	found, err := d.list()
	for _, path := range found {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() || d.tails[path] != nil || first && d.isOld(info) {
			continue
		}
		if t := (&tail{path: path}); d.wanted == nil {
			d.add(t)
		} else {
			d.unread = append(d.unread, t)
		}
	}
	unread := d.unread
	d.unread = nil
	for _, t := range unread {
		run, told := firstRun(t)
		switch {
		case !told:
			d.unread = append(d.unread, t)
		case d.wanted[run]:
			d.add(t)
			d.found[run] = true
		default:
			d.byRun[run] = append(d.byRun[run], t)
		}
	}
	return err
}

// firstRun returns the run that the first line of a file names; false while that line is incomplete.
func firstRun(t *tail) (run string, told bool) {
	if !t.grown() || t.open() != nil {
		return "", false
	}
	defer t.close()
	if t.load(1, false) != nil || len(t.ahead) == 0 {
		return "", false
	}
	for _, p := range t.ahead { // lines that a crash left may come first
		if p.rec != nil {
			run = p.rec.WorkflowID
		}
	}
	return run, true
}

// due returns the transcripts to look at in this round. It skips quiet ones in most rounds.
func (d *folder) due(all bool) []*tail {
	d.rounds++
	var due []*tail
	for i, t := range d.order {
		every := 1
		switch {
		case t.idle >= coldAfter:
			every = coldEvery
		case t.idle >= coolAfter:
			every = coolEvery
		}
		if all || (d.rounds+i)%every == 0 {
			t.idle += every - 1
			due = append(due, t)
		}
	}
	return due
}
