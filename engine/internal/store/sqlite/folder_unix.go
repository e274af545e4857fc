//go:build linux || darwin

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// folder holds what stands beside the database's file: the turnstile, which each transaction passes, and a lock for each process
// that has the file open.
type folder struct {
	turnstile *os.File
	owners    string // the folder of the processes' locks
	lock      *os.File
	owner     int64
}

// openFolder makes what is missing.
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

const (
	turnPatience = 10 * time.Second // how long a process waits for its turn
	turnPoll     = 500 * time.Microsecond
)

// enter waits for this process's turn at the file. It polls, since a process that was stopped inside must not stop the others for ever.
func (f *folder) enter(ctx context.Context) error {
	for begun := time.Now(); ; {
		err := unix.Flock(int(f.turnstile.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return err
		case time.Since(begun) > turnPatience:
			return fmt.Errorf("%s: another process has held the lock for %v", f.turnstile.Name(), turnPatience)
		case ctx.Err() != nil:
			return ctx.Err()
		}
		time.Sleep(turnPoll)
	}
}

func (f *folder) leave() { _ = unix.Flock(int(f.turnstile.Fd()), unix.LOCK_UN) }

// register takes this process's lock, which its death releases. Inside the turnstile.
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

// forget removes the lock of a dead process whose leases were ended.
func (f *folder) forget(owner int64) { _ = os.Remove(f.ownerFile(owner)) }

// close releases the locks. A process that still has leases leaves its lock's file behind, so that it counts as dead.
func (f *folder) close(released bool) error {
	var errs []error
	if f.lock != nil {
		if released {
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
