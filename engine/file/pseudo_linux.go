package file

import (
	"os"
	"slices"
	"syscall"
)

// pseudo lists the file systems of Linux whose files are views into the system. Their files claim to be regular, but
// reading one may block for ever (/proc/kmsg, trace_pipe) or never end: proc, sysfs, debugfs, tracefs, securityfs,
// configfs, cgroup, cgroup2, bpf.
var pseudo = []int64{0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x62656570, 0x27e0eb, 0x63677270, 0xcafe4a11}

// isPseudo reports whether a file is on a pseudo file system.
func isPseudo(f *os.File) bool {
	var fs syscall.Statfs_t
	raw, err := f.SyscallConn() // Fd would make the file blocking
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) { err = syscall.Fstatfs(int(fd), &fs) })
	return err == nil && slices.Contains(pseudo, int64(fs.Type))
}
