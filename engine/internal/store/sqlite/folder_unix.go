//go:build linux || darwin

package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine/file"
	"golang.org/x/sys/unix"
)

// folder holds the files beside the database: the turnstile, which each transaction passes, and a lock for each process
// that has the database open.
type folder struct {
	turnstile *os.File
	next      *os.File // held by the process that is next in line
	owners    string   // the folder of the processes' locks
	lock      *os.File
	owner     int64
}

// openFolder makes missing files.
func openFolder(path string) (*folder, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	network, err := isNetwork(dir)
	if err != nil {
		return nil, err
	}
	if network { // the write-ahead log is shared memory, which does not reach other hosts
		return nil, errors.New("the folder is on a network file system: the queue needs a local one")
	}
	if err := checkFile(path); err != nil {
		return nil, err
	}
	turnstile, err := openOwn(path + ".lock")
	if err != nil {
		return nil, err
	}
	next, err := openOwn(path + ".next")
	if err != nil {
		return nil, errors.Join(err, turnstile.Close())
	}
	return &folder{turnstile: turnstile, next: next, owners: path + ".owners"}, nil
}

// checkFile refuses a file that cannot be a queue before other files are made beside it.
func checkFile(path string) error {
	if _, err := os.Lstat(path); err == nil { // else it is made later
		f, err := openOwn(path)
		if err != nil {
			return err
		}
		f.Close()
	}
	return checkAlone(path)
}

// checkFolder refuses a folder in which others could replace the queue's files.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return file.CheckFolder(dir, info, mayOwn)
}

// mayOwn reports whether a file's owner is this process's user or root. For root, everybody may own it.
func mayOwn(uid int) bool { return uid == 0 || os.Geteuid() == 0 || uid == os.Geteuid() }

// openOwn opens or makes a file. It refuses a symbolic link, another user's file, and anything that is not a regular file.
func openOwn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) {
		return nil, fmt.Errorf("%s is a symbolic link: want a file", path)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file", path)
	case !mayOwn(int(info.Sys().(*syscall.Stat_t).Uid)):
		err = fmt.Errorf("%s belongs to another user", path)
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

const (
	turnPatience = 10 * time.Second // how long a process waits for its turn
	turnPoll     = 100 * time.Microsecond
	turnPollMost = 5 * time.Millisecond
)

// enter waits for this process's turn. It polls, since a process that is stopped inside must not stop the others for
// ever. A process must be next in line before it enters, so that one that returns at once does not overtake those that
// poll.
func (f *folder) enter(ctx context.Context) error {
	deadline := time.Now().Add(turnPatience)
	err := lock(ctx, f.next, deadline, turnPoll) // whoever polls less often would fall behind the others
	if err == nil {
		defer unlock(f.next)
		err = lock(ctx, f.turnstile, deadline, turnPollMost)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%s: %s has the lock: %w", f.turnstile.Name(), holder(f.turnstile), err)
	}
	if errors.Is(err, errHeld) {
		err = fmt.Errorf("%s: %s has held the lock for %v", f.turnstile.Name(), holder(f.turnstile), turnPatience)
	}
	return err
}

// errHeld means that another process held a lock until the deadline.
var errHeld = errors.New("held")

const unknownHolder = "another process"

// holder describes the process that holds the lock on a file, as far as the system tells.
func holder(f *os.File) string {
	locks, err := os.ReadFile("/proc/locks") // only Linux has it
	info, statErr := f.Stat()
	if err != nil || statErr != nil {
		return unknownHolder
	}
	return holderAmong(string(locks), info)
}

// holderAmong describes the process that holds the lock on a file according to the text of /proc/locks.
func holderAmong(locks string, file fs.FileInfo) string {
	inode := fmt.Sprintf(":%d", file.Sys().(*syscall.Stat_t).Ino)
	for line := range strings.Lines(locks) { // 1: FLOCK ADVISORY WRITE 4711 fe:01:1234 0 EOF
		of := strings.Fields(line)
		if len(of) < 6 || of[1] != "FLOCK" || of[4] == "0" || !strings.HasSuffix(of[5], inode) || !hasOpen(of[4], file) {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join("/proc", of[4], "stat")) // 4711 (name) T
		if state := string(stat[bytes.LastIndexByte(stat, ')')+1:]); strings.HasPrefix(state, " T") {
			return fmt.Sprintf("process %s, which is stopped (kill -CONT %s continues it),", of[4], of[4])
		}
		return "process " + of[4]
	}
	return unknownHolder
}

// hasOpen reports whether a process has a file open. Another file system may have a file of the same number, and the device that
// /proc/locks names is not always the one that stat returns.
func hasOpen(pid string, file fs.FileInfo) bool {
	dir := filepath.Join("/proc", pid, "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(entry fs.DirEntry) bool {
		info, err := os.Stat(filepath.Join(dir, entry.Name()))
		return err == nil && os.SameFile(info, file)
	})
}

// lock locks a file before the deadline. It polls after a sixteenth of the time that it has waited, within turnPoll and most.
func lock(ctx context.Context, f *os.File, deadline time.Time, most time.Duration) error {
	for begun := time.Now(); ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return &fs.PathError{Op: "lock", Path: f.Name(), Err: err} // a file system may have no locks
		case ctx.Err() != nil: // even if this process was stopped until after the deadline
			return ctx.Err()
		case time.Now().After(deadline):
			return errHeld
		}
		pause := unix.NsecToTimeval(int64(min(max(time.Since(begun)/16, turnPoll), most)))
		_, _ = unix.Select(0, nil, nil, nil, &pause) // precise, unlike time.Sleep below a millisecond
	}
}

func unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }

func (f *folder) leave() { unlock(f.turnstile) }

// makeOwners makes the folder of the processes' locks if it is missing.
func (f *folder) makeOwners() error {
	if err := os.Mkdir(f.owners, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := os.Lstat(f.owners); err != nil || !info.IsDir() {
		return errors.Join(err, fmt.Errorf("%s is not a folder", f.owners))
	}
	return checkFolder(f.owners)
}

// register takes this process's lock, which ends with the process. It runs inside the turnstile.
func (f *folder) register() error {
	owner := rand.Int64N(1<<62) + 1
	lock, err := os.OpenFile(f.ownerFile(owner), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(err, lock.Close())
	}
	f.lock, f.owner = lock, owner
	return nil
}

func (f *folder) ownerFile(owner int64) string {
	return filepath.Join(f.owners, strconv.FormatInt(owner, 10))
}

// dead lists the processes that ended without closing the queue. It runs inside the turnstile.
func (f *folder) dead() ([]int64, error) {
	entries, err := os.ReadDir(f.owners)
	if err != nil {
		return nil, err
	}
	var owners []int64
	for _, entry := range entries {
		owner, err := strconv.ParseInt(entry.Name(), 10, 64)
		if err != nil || owner == f.owner {
			continue
		}
		lock, err := os.OpenFile(f.ownerFile(owner), os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			continue // closed meanwhile
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			owners = append(owners, owner)
		}
		lock.Close()
	}
	return owners, nil
}

// forget removes the lock of a dead process whose leases have ended.
func (f *folder) forget(owner int64) { _ = os.Remove(f.ownerFile(owner)) }

// close releases the locks. If the process still has leases, it leaves its lock's file behind, so that it counts as dead.
func (f *folder) close(released bool) error {
	var errs []error
	if f.lock != nil {
		if released {
			errs = append(errs, os.Remove(f.lock.Name()))
		}
		errs = append(errs, f.lock.Close())
	}
	return errors.Join(append(errs, f.turnstile.Close(), f.next.Close())...)
}

// createFile makes a missing database file, readable by its owner alone.
func createFile(path string) error {
	f, err := openOwn(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Sys().(*syscall.Stat_t).Nlink > 1 { // each name has its own log, and either damages the file for the other
		err = fmt.Errorf("%s has other names (hard links), under which it has other logs: remove them, or use a copy", path)
	}
	return err
}

// hideFile makes the database's files readable by their owner alone. SQLite gives new files the same mode.
func hideFile(path string) error {
	for _, end := range ends {
		info, err := os.Lstat(path + end)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0) {
			continue
		}
		if err == nil {
			err = os.Chmod(path+end, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
