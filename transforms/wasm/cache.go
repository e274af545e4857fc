package wasm

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// What the cache on disk may hold. Each module has a folder, named by its digest. The folders that were unused for longest
// are removed first.
const (
	maxCacheBytes   = 512 << 20
	maxCacheModules = 256
)

// prepareCache makes the directory. It refuses one that others could write to, since the files in it are run.
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

// meteredFile holds the rewritten module: a line with the SHA-256 of the rest, in hex, which detects damage on disk; a line of
// JSON; and the module.
const meteredFile = "metered"

// metered is the line of JSON.
type metered struct {
	Version string // the meter's
	Module  meter.Module
	Native  native // of a skeleton
}

// readMetered reads a rewritten module, or the skeleton of one, from a file of a folder. It returns nil if there is none of this version.
func readMetered(dir, file string) (*meter.Module, native) {
	if dir == "" {
		return nil, native{}
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	sum, rest, _ := bytes.Cut(text, []byte("\n"))
	line, wasm, _ := bytes.Cut(rest, []byte("\n"))
	var kept metered
	if err != nil || string(sum) != sumOf(rest) || json.Unmarshal(line, &kept) != nil || kept.Version != meter.Version() {
		return nil, native{}
	}
	kept.Module.Wasm = wasm
	return &kept.Module, kept.Native
}

// writeMetered keeps a rewritten module, or the skeleton of one with its native code, in a file. A failure does no harm.
func writeMetered(dir, file string, m *meter.Module, code native) {
	if dir == "" || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	kept := metered{Version: meter.Version(), Module: *m, Native: code}
	kept.Module.Wasm = nil
	line, err := json.Marshal(kept)
	if err != nil {
		return
	}
	f, err := os.CreateTemp(dir, file+"-*")
	if err != nil {
		return
	}
	text := append(append(line, '\n'), m.Wasm...)
	_, err = f.Write(append([]byte(sumOf(text)+"\n"), text...))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, file))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// markUsed notes that a module's folder was used now. A failure does no harm.
func markUsed(dir string) {
	now := time.Now()
	_ = os.Chtimes(dir, now, now)
}

// pruneCache removes the folders that were unused for longest, until the rest is within bounds. Another process may still use
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

// sizeOf is the total size of a folder's files in bytes.
func sizeOf(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // another process may have removed it
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}
