//go:build linux || darwin

package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Only a process that has the file open can hold its lock: one that locks a file of another file system with the same number does not.
func TestHolderHasTheFileOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // holder has nothing to read
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const header = "1: POSIX  ADVISORY  READ 1 08:01:1 0 EOF\n2: FLOCK  ADVISORY  WRITE 1 08:01:1 0 EOF\n"
	inode, pid := info.Sys().(*syscall.Stat_t).Ino, os.Getpid()
	locked := func(kind string, pid int) string {
		return header + fmt.Sprintf("3: %s  ADVISORY  WRITE %d 00:7f:%d 0 EOF\n", kind, pid, inode)
	}
	for what, tt := range map[string]struct{ locks, want string }{
		"this process":                   {locked("FLOCK", pid), fmt.Sprint("process ", pid)},
		"another one's file":             {locked("FLOCK", os.Getppid()), unknownHolder},
		"another one's file, then ours":  {locked("FLOCK", os.Getppid()) + locked("FLOCK", pid), fmt.Sprint("process ", pid)},
		"a process that has ended":       {locked("FLOCK", 1<<22+1), unknownHolder},
		"a process of another container": {locked("FLOCK", 0), unknownHolder},
		"a lock of another kind":         {locked("POSIX", pid), unknownHolder},
		"a waiting one":                  {header + fmt.Sprintf("3: -> FLOCK ADVISORY WRITE %d 00:7f:%d 0 EOF\n", pid, inode), unknownHolder},
		"no lock":                        {header, unknownHolder},
		"what no awf-hook has ever read": {"3:\n\nFLOCK FLOCK FLOCK FLOCK FLOCK FLOCK", unknownHolder},
	} {
		if got := holderAmong(tt.locks, info); got != tt.want {
			t.Errorf("%s: %q, want %q", what, got, tt.want)
		}
	}
}

// An error of locking names the file: some file systems have no locks.
func TestLockErrorsNameTheFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "queue.db.lock"))
	must(t, err)
	must(t, f.Close())
	err = lock(t.Context(), f, time.Now(), turnPoll)
	if want := "lock " + f.Name() + ": bad file descriptor"; err == nil || err.Error() != want {
		t.Errorf("lock = %v, want %q", err, want)
	}
}
