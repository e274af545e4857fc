package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// wazero validates a module's code even if its cache has the native code, which takes most of a cold start. So the cache keeps a large
// module as a skeleton: without its code, and with its native code in the place where wazero looks for the skeleton's. If the native
// code were missing, wazero would compile the skeleton, whose functions all trap. So the skeleton's file names the file of native code,
// and a skeleton is used only if that file is the only one in its folder and has its size, before and after wazero reads it.

// skeletonFile holds the skeleton of a rewritten module: a line with the SHA-256 of the rest, in hex, which detects damage on disk; a line
// of JSON; and the skeleton.
const skeletonFile = "skeleton"

// description is the line of JSON.
type description struct {
	Version string // the meter's
	Module  meter.Module
	Native  native
}

// nativeFolder is the cache that wazero gets for a skeleton. Other processes may compile the whole module beside it.
const nativeFolder = "native"

// leastCode is the number of bytes of code from which on a module is kept as a skeleton. Its native code is then larger than the
// skeleton's, so the size tells them apart.
const leastCode = 128 << 10

var errNoSkeleton = errors.New("the native code of the skeleton is missing")

// native names a file of native code in wazero's cache.
type native struct {
	Name string // in the folder
	Size int64
}

// nativeIn returns the only file of native code below a folder.
func nativeIn(dir string) (file native, info os.FileInfo, err error) {
	names, err := fs.Glob(os.DirFS(dir), "wazero-*/*")
	if err != nil || len(names) != 1 {
		return native{}, nil, errNoSkeleton
	}
	if info, err = os.Stat(filepath.Join(dir, names[0])); err != nil || !info.Mode().IsRegular() {
		return native{}, nil, errNoSkeleton
	}
	return native{names[0], info.Size()}, info, nil
}

// readSkeleton reads a skeleton and the name of its native code from a folder. It returns nil if there is none of this version.
func readSkeleton(dir string) (*meter.Module, native) {
	text, err := os.ReadFile(filepath.Join(dir, skeletonFile))
	sum, rest, _ := bytes.Cut(text, []byte("\n"))
	line, wasm, _ := bytes.Cut(rest, []byte("\n"))
	var kept description
	if err != nil || string(sum) != sumOf(rest) || json.Unmarshal(line, &kept) != nil || kept.Version != meter.Version() {
		return nil, native{}
	}
	kept.Module.Wasm = wasm
	return &kept.Module, kept.Native
}

// writeSkeleton keeps the skeleton of a module and the name of its native code in a folder. A failure does no harm.
func writeSkeleton(dir string, m meter.Module, skeleton []byte, code native) {
	m.Wasm = nil
	line, err := json.Marshal(description{meter.Version(), m, code})
	if err != nil {
		return
	}
	f, err := os.CreateTemp(dir, skeletonFile+"-*")
	if err != nil {
		return
	}
	text := append(append(line, '\n'), skeleton...)
	_, err = f.Write(append([]byte(sumOf(text)+"\n"), text...))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, skeletonFile))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

// compileSkeleton reads the module's native code from the directory by its skeleton. It removes the directory if that fails.
func (c *code) compileSkeleton(dir string) (err error) {
	if _, err := os.Stat(filepath.Join(dir, skeletonFile)); err != nil {
		return errNoSkeleton
	}
	defer func() {
		if err != nil {
			c.close()
			_ = os.RemoveAll(dir)
		}
	}()
	m, want := readSkeleton(dir)
	if m == nil {
		return errNoSkeleton
	}
	cache := filepath.Join(dir, nativeFolder)
	before, first, err := nativeIn(cache)
	if err != nil {
		return err
	}
	if err = c.describe(m); err != nil {
		return err
	}
	if err = c.compile(cache); err != nil {
		return err
	}
	after, last, err := nativeIn(cache)
	if err == nil && (before != want || after != want || !os.SameFile(first, last) || !first.ModTime().Equal(last.ModTime())) {
		err = errNoSkeleton
	}
	return err
}

// keepSkeleton replaces a module that was rewritten and compiled into the directory by its skeleton, if the module has much code and
// no other process did so. A failure does no harm.
func (c *code) keepSkeleton(dir string, wasm []byte) {
	skeleton, size := meter.Skeleton(wasm)
	compiled, _, err := nativeIn(dir)
	if size < leastCode || err != nil {
		return
	}
	place, err := c.placeOf(dir, skeleton)
	if err != nil {
		return
	}
	to := filepath.Join(dir, nativeFolder, place)
	if os.MkdirAll(filepath.Dir(to), 0o700) != nil || os.Link(filepath.Join(dir, compiled.Name), to) != nil {
		return
	}
	writeSkeleton(dir, *c.Module, skeleton, native{place, compiled.Size})
	_ = os.Remove(filepath.Join(dir, compiled.Name))
}

// placeOf returns where in a cache wazero looks for the native code of a module. It compiles the module in a folder of the directory.
func (c *code) placeOf(dir string, module []byte) (place string, err error) {
	elsewhere, err := os.MkdirTemp(dir, skeletonFile+"-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(elsewhere)
	other := &code{Module: &meter.Module{Imports: c.Imports, Wasm: module}, refills: c.refills}
	if err := other.compile(elsewhere); err != nil {
		return "", err
	}
	other.close()
	file, _, err := nativeIn(elsewhere)
	return file.Name, err
}
