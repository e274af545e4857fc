package source

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve keeps room on the disk for n bytes of a file behind the offset, without making it longer. Where that cannot be done, nobody knows
// whether they will find room.
func reserve(f *os.File, offset, n int64) {
	_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, offset, n)
}

// unreserve gives back the room behind a file's end, unless somebody else has the file open and may write there at any moment: that is what
// a write lease is refused for. An open of the file waits until the lease is given up.
func unreserve(f *os.File) {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return
	}
	defer func() { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) }()
	if info, err := f.Stat(); err == nil && f.Truncate(info.Size()+1) == nil { // some file systems look only at a new length
		_ = f.Truncate(info.Size())
	}
}
