package source

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// reserve reserves space on the disk for the first n bytes of a file, without making the file longer. The error says that there is no
// space for them. On a file system that cannot reserve space, it does nothing, and writes may find the disk full.
func reserve(f *os.File, n int64) error {
	err := error(unix.EINTR)
	for err == unix.EINTR {
		err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, n)
	}
	if err == unix.ENOSPC || err == unix.EDQUOT {
		return &os.PathError{Op: "reserve room in", Path: f.Name(), Err: err}
	}
	return nil
}

// unreserve releases the space after a file's end and keeps the file's time. It does nothing if somebody else has the
// file open, who may write at any moment: the system then refuses a write lease. Opening the file waits until the lease
// is released.
func unreserve(f *os.File) {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return
	}
	defer func() { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) }()
	if info, err := f.Stat(); err == nil && f.Truncate(info.Size()+1) == nil { // some file systems act only if the length changes
		_ = f.Truncate(info.Size())
		_ = os.Chtimes(f.Name(), time.Time{}, info.ModTime())
	}
}
