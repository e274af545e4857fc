package sqlite

import "golang.org/x/sys/unix"

// isNetwork reports whether other hosts may share the folder's file system.
func isNetwork(dir string) (bool, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return false, err
	}
	return fs.Flags&unix.MNT_LOCAL == 0, nil
}
