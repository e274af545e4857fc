package sqlite

import "golang.org/x/sys/unix"

// isNetwork reports whether other hosts may share the folder's file system.
func isNetwork(dir string) (bool, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return false, err
	}
	const ceph, lustre, afs = 0x00c36400, 0x0bd00bd0, 0x5346414f
	switch uint32(fs.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC, ceph, lustre, afs:
		return true, nil
	}
	return false, nil
}
