package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/awf-project/awf-hook/engine/file"
	"golang.org/x/sys/unix"
)

// Places are the folders for private audit files. A new file goes into the first usable one; Adopt looks through all of
// them.
type Places []place

type place struct {
	folder string
	shared bool // the parent folder is shared by all users
}

// NewPlaces returns the folder exec in the state folder, if there is one, and a folder of this user in each temporary
// folder.
func NewPlaces(state string, temporary []string) (places Places) {
	if state != "" {
		places = append(places, place{folder: filepath.Join(state, "exec")})
	}
	for _, folder := range temporary {
		places = append(places, place{filepath.Join(folder, "awf-hook-"+strconv.Itoa(os.Geteuid())), true})
	}
	return places
}

var errNoState = errors.New("there is no state folder: neither XDG_STATE_HOME nor HOME is set")

// newTrail makes a trail in the first usable place. The error says what is wrong with the places before it; there may be
// both a trail and an error.
func (p Places) newTrail(info trailInfo) (*trail, error) {
	var errs []error
	for _, place := range p {
		t, err := newTrail(place, info)
		if err == nil {
			return t, errors.Join(errs...)
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, errNoState
	}
	return nil, errors.Join(errs...)
}

// make makes the folder if it is missing.
func (p place) make() error {
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		return err
	}
	return p.check()
}

// check refuses a folder in which other users could put files, since a trail's state names a file to write to. As with
// the queue, root may use another user's state folder.
func (p place) check() error {
	info, err := os.Lstat(p.folder)
	if err != nil {
		return err
	}
	return file.CheckFolder(p.folder, info, func(uid int) bool { return uid == os.Geteuid() || os.Geteuid() == 0 && !p.shared })
}

// minRoom is the free space that a place must have, and that is reserved in it. A line that AWF's own audit file could
// take must not be lost because our disk, or our own queue, is full.
const minRoom = 32 << 20

func hasRoom(folder string) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return nil // try it
	}
	if room := uint64(disk.Bavail) * uint64(disk.Bsize); room < minRoom {
		return fmt.Errorf("%s: only %d MiB left", folder, room>>20)
	}
	return nil
}
