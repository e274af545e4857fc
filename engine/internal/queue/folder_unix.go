//go:build linux || darwin

package queue

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// folder is what the database's file stands in: the turnstile, and a lock for each process that has it open.
type folder struct {
	turnstile *os.File
	owners    string // a folder
	lock      *os.File
	owner     int64
}

// openFolder makes what is missing and takes this process's lock. The caller passes the turnstile first.
func openFolder(path string) (*folder, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	network, err := isNetwork(dir)
	if err != nil {
		return nil, err
	}
	if network { // the write-ahead log is shared memory, which ends at the host
		return nil, errors.New("the folder is on a network file system: the queue needs a local one")
	}
	turnstile, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &folder{turnstile: turnstile, owners: path + ".owners"}, nil
}

// enter waits for this process's turn at the file. SQLite's own waiting polls, and starves some.
func (f *folder) enter() error {
	for {
		err := unix.Flock(int(f.turnstile.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (f *folder) leave() { _ = unix.Flock(int(f.turnstile.Fd()), unix.LOCK_UN) }

// register takes this process's lock, which its death gives back. Inside the turnstile.
func (f *folder) register() error {
	if err := os.MkdirAll(f.owners, 0o700); err != nil {
		return err
	}
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

// dead lists the processes that ended without closing the queue. Inside the turnstile.
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
		lock, err := os.OpenFile(f.ownerFile(owner), os.O_RDWR, 0)
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

// bury forgets a dead process. Inside the turnstile, after its leases were ended.
func (f *folder) bury(owner int64) { _ = os.Remove(f.ownerFile(owner)) }

// close gives the locks back. A process that still has leases leaves its lock's file, so that it counts as dead.
func (f *folder) close(forget bool) error {
	var errs []error
	if f.lock != nil {
		if forget {
			errs = append(errs, os.Remove(f.lock.Name()))
		}
		errs = append(errs, f.lock.Close())
	}
	return errors.Join(append(errs, f.turnstile.Close())...)
}

// createFile makes the database's file readable by its owner alone; SQLite gives its log the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(0o600)
	}
	return errors.Join(err, f.Close())
}
