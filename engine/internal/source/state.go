package source

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxPositions is how many positions in transcripts are saved. Transcripts that were quiet longest are left out, and read
// from the start if they grow.
const maxPositions = 1000

// state is the file that says how far a path was read. One process holds its lock.
type state struct {
	Path        string          `json:"path"`
	Seen        time.Time       `json:"seen"`              // when everything that existed had been read
	Current     *position       `json:"current,omitempty"` // of an audit file
	Old         []position      `json:"old,omitempty"`     // of files that had the path before and may grow
	Transcripts []position      `json:"transcripts,omitempty"`
	Runs        json.RawMessage `json:"runs,omitempty"`

	audit   *rotated // what is at the path; nil for a folder
	folder  *folder
	file    string
	lock    *os.File
	existed bool // there was a state; if it is unreadable, all files are read from their beginnings, and the queue refuses what it knows
}

// openState locks a path's state and reads it, if there is one.
func openState(folder, path string) (*state, error) {
	if err := (place{folder: folder}).make(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(path))
	name := filepath.Join(folder, hex.EncodeToString(sum[:12]))
	s := &state{file: name + ".json"}
	var err error
	if s.lock, err = os.OpenFile(name+".lock", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := lock(s.lock); err != nil {
		s.close()
		return nil, fmt.Errorf("%s is followed by another process", path)
	}
	text, err := os.ReadFile(s.file)
	if s.existed = err == nil; s.existed && json.Unmarshal(text, s) != nil {
		*s = state{file: s.file, lock: s.lock, existed: true}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.close()
		return nil, err
	}
	s.Path = path
	return s, nil
}

func (s *state) close() { _ = s.lock.Close() }

// write replaces the state's file atomically.
func (s *state) write() error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

// save writes how far each path was read. Nothing may be waiting, and everything must be committed.
func (r *follower) save(now time.Time) error {
	r.saved = now
	runs, err := r.feed.joiner.Save()
	if err != nil {
		return err
	}
	for _, s := range r.states {
		s.Runs = runs
		if d := s.folder; d != nil {
			s.Seen, s.Transcripts = d.seen, d.positions()
		} else {
			current := s.audit.current.position()
			s.Seen, s.Current, s.Old = s.audit.seen, &current, slices.Clone(s.audit.done)
			for _, o := range s.audit.old {
				s.Old = append(s.Old, o.position())
			}
		}
		if err := s.write(); err != nil {
			return err
		}
	}
	r.changed = time.Time{}
	return nil
}

// trySave saves. After a failure Follow goes on and tries again later: what it reads until then is only read again.
func (r *follower) trySave(now time.Time) {
	r.feed.sink.trouble("the position in followed files cannot be saved", r.save(now))
}

// positions returns the positions of transcripts whose lines were passed on, the most recent ones first.
func (d *folder) positions() []position {
	var moved []*tail
	for _, t := range d.order {
		if t.moved {
			moved = append(moved, t)
		}
	}
	slices.SortStableFunc(moved, func(a, b *tail) int { return a.idle - b.idle })
	var all []position
	for _, t := range moved[:min(len(moved), maxPositions)] {
		all = append(all, t.position())
	}
	return all
}
