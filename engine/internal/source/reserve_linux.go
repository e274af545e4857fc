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
