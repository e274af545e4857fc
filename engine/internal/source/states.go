package source

import (
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/file"
)

// Bounds of reading AWF's state files. docs/config.md names them.
const (
	maxStateFile = 4 << 20
	maxStates    = 256 // states that are remembered, so that none is decoded twice
	// stateTick is the coarsest resolution of a file's time. AWF may write a file twice within it, and the size may stay the same.
	stateTick = 2 * time.Second
)

// states reads AWF's states/ID.json, which AWF rewrites during the run.
type states struct {
	folders []string
	live    bool                 // AWF is running and makes the folder, if it does not exist, for the first state
	read    map[string]readState // by path
	seed    maphash.Seed
}

type readState struct {
	size    int64
	changed time.Time
	isOld   bool   // it was read more than stateTick after its change, so that another change shows in its size or time
	sum     uint64 // of its text
	state   *event.RunState
}

// newStates returns the states in AWF's data folders; the first folder that has a run's file wins.
func newStates(folders ...string) *states {
	s := &states{read: map[string]readState{}, seed: maphash.MakeSeed()}
	for _, folder := range folders {
		if folder != "" {
			s.folders = append(s.folders, filepath.Join(folder, "states"))
		}
	}
	return s
}

// States returns a function that reads the states of runs from AWF's data folder; nil without a folder.
func States(folder string) func(run string) *event.RunState {
	if folder == "" {
		return nil
	}
	return newStates(folder).of
}

// of returns the state of a run; nil if there is no readable file and AWF will write none.
func (s *states) of(run string) *event.RunState {
	if run == "" || strings.ContainsAny(run, "/\x00") {
		return nil
	}
	unwritten := s.live
	for _, folder := range s.folders {
		path := filepath.Join(folder, run+".json")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return s.load(path, run, info)
		}
		if !unwritten {
			_, err := os.Stat(folder)
			unwritten = err == nil
		}
	}
	if unwritten {
		return event.Unwritten
	}
	return nil
}

func (s *states) load(path, run string, info fs.FileInfo) *event.RunState {
	r, known := s.read[path]
	if known && r.isOld && r.size == info.Size() && r.changed.Equal(info.ModTime()) {
		return r.state
	}
	text, err := file.Read(path, maxStateFile)
	if err != nil {
		return nil
	}
	if sum := maphash.Bytes(s.seed, text); !known || sum != r.sum { // decoding takes much longer than reading
		r.sum, r.state = sum, event.DecodeRunState(text, run)
	}
	r.size, r.changed, r.isOld = info.Size(), info.ModTime(), time.Since(info.ModTime()) > stateTick
	if len(s.read) == maxStates {
		clear(s.read)
	}
	s.read[path] = r
	return r.state
}
