package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Places are the folders for private audit files. A new file goes into the first that can be used; Adopt looks through all of them.
type Places []place

type place struct {
	folder string
	shared bool // the folder above is everybody's
}

// NewPlaces returns the folder exec in the state folder, if there is one, and a folder of this user's in each temporary folder.
func NewPlaces(state string, temporary []string) (places Places) {
	if state != "" {
		places = append(places, place{folder: filepath.Join(state, "exec")})
	}
	for _, folder := range temporary {
		places = append(places, place{filepath.Join(folder, "awf-hook-"+strconv.Itoa(os.Geteuid())), true})
	}
	return places
}

// newTrail makes a trail in the first place that can be used. The error says what is wrong with the places before it, and may come
// with a trail.
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
		return nil, errors.New("there is no state folder: neither XDG_STATE_HOME nor HOME is set")
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

// check refuses a folder in which others could put files, since a trail's state names a file to write to.
// As with the queue, root may use another user's state folder.
func (p place) check() error {
	info, err := os.Lstat(p.folder)
	if err != nil {
		return err
	}
	const group, others = 0o020, 0o002
	st, mode := info.Sys().(*syscall.Stat_t), info.Mode()
	switch {
	case mode&os.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link: want a folder", p.folder)
	case !mode.IsDir():
		return fmt.Errorf("%s is not a folder", p.folder)
	case int(st.Uid) != os.Geteuid() && (p.shared || os.Geteuid() != 0):
		return fmt.Errorf("%s belongs to another user", p.folder)
	case mode&others != 0 || mode&group != 0 && int(st.Gid) != os.Getegid():
		return fmt.Errorf("others can write to %s: want mode 0700, got %#o", p.folder, mode.Perm())
	}
	return nil
}

// minRoom is the room that a place must have, and that is reserved in it: lines that the disk of AWF's own audit file would take must not
// be lost on ours, not even to our own queue.
const minRoom = 32 << 20

func hasRoom(folder string) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return nil // it can be tried
	}
	if room := uint64(disk.Bavail) * uint64(disk.Bsize); room < minRoom {
		return fmt.Errorf("%s: only %d MiB left", folder, room>>20)
	}
	return nil
}
