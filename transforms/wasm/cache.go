package wasm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// What the cache on disk may hold. A folder for each module, named by its digest; the ones that were not used for the
// longest time go first.
const (
	maxCacheBytes   = 512 << 20
	maxCacheModules = 256
)

// prepareCache makes the directory. One that others could write into is refused: its files are run.
func prepareCache(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to others: want mode 0700, got %#o", dir, info.Mode().Perm())
	case !ownedByUs(info):
		return fmt.Errorf("%s belongs to another user", dir)
	}
	return nil
}

// markUsed notes that a module's folder was used now. That it cannot be noted harms nothing.
func markUsed(dir string) {
	now := time.Now()
	_ = os.Chtimes(dir, now, now)
}

// pruneCache removes what has not been used for the longest time until the rest is within bounds. Another process may use
// what is removed: it has the code in memory.
func pruneCache(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	type folder struct {
		path string
		size int64
		used time.Time
	}
	var folders []folder
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.IsDir() {
			path := filepath.Join(dir, e.Name())
			folders = append(folders, folder{path, sizeOf(path), info.ModTime()})
		}
	}
	slices.SortFunc(folders, func(a, b folder) int { return cmp.Compare(b.used.UnixNano(), a.used.UnixNano()) })
	var total int64
	for i, f := range folders {
		if total += f.size; i > 0 && total > maxCacheBytes || i >= maxCacheModules {
			_ = os.RemoveAll(f.path)
		}
	}
}

// sizeOf adds up the files of a folder, in bytes.
func sizeOf(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}
