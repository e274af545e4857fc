// Package file opens files that a user or a checkout names, and is safe whatever is at their paths.
//
// Use [Read] to read a whole file and [Open] to read one in parts. Neither blocks: a pipe, a socket, a device or a folder
// is an error at once, and so is a file over the given size. [In] does the same for files that must stay within a folder.
// Errors omit the path, since the caller knows it as it was written.
//
// Other programs should not import it: it serves only this module and may change at any time.
package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Errors that the system does not have.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrOutside    = errors.New("leads outside the project")
	ErrLink       = errors.New("a symbolic link: it is not followed for writing")
)

// Open opens a regular file for reading. It follows links.
func Open(path string) (*os.File, error) {
	return regular(os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)) // opening a pipe does not wait for its writer
}

// Read reads a regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) { return In("").Read(path, limit) }

// In is a folder that its files must stay in: neither .. nor a link may lead out. The empty folder allows all paths.
type In string

// Open opens a regular file. A relative path starts at the process's folder.
func (folder In) Open(path string) (*os.File, error) {
	if folder == "" {
		return Open(path)
	}
	top, err := filepath.Abs(string(folder))
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	inside, err := filepath.Rel(top, path)
	if err != nil || !filepath.IsLocal(inside) {
		return nil, ErrOutside
	}
	root, err := os.OpenRoot(top + "/.") // the suffix makes the system refuse a pipe, whose opening would block
	if err != nil {
		return nil, cause(err)
	}
	defer root.Close()
	f, err := root.OpenFile(inside, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if _, isSystem := errors.AsType[syscall.Errno](err); err != nil && !isSystem { // os says "path escapes from parent" in an error of its own
		return nil, ErrOutside
	}
	return regular(f, err)
}

// Read reads a regular file of at most limit bytes.
func (folder In) Read(path string, limit int64) ([]byte, error) {
	f, err := folder.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, cause(err)
	}
	if info.Size() > limit {
		return nil, &TooLarge{limit}
	}
	text := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead)) // of the full size, so that it is not copied as it grows
	switch n, err := text.ReadFrom(io.LimitReader(f, limit+1)); {
	case err != nil:
		return nil, cause(err)
	case n > limit: // it has grown
		return nil, &TooLarge{limit}
	}
	return text.Bytes(), nil
}

// Write writes a regular file. It creates a missing file with the mode, and does not write through a symbolic link.
func Write(path string, text []byte, mode os.FileMode) error {
	f, err := create(path, 0, mode)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.Write(text)
	}
	return cause(errors.Join(err, f.Close()))
}

// WriteBeside writes a text to a new file in path's folder, which only the user may read, and syncs it. The caller renames or links the
// file to path, so that readers never see a part of the text, and removes it.
func WriteBeside(path string, text []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// Append opens a regular file to write at its end. It creates a missing file with the mode, and does not write through a
// symbolic link.
func Append(path string, mode os.FileMode) (*os.File, error) {
	return create(path, os.O_APPEND, mode)
}

func create(path string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|flag, mode)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) {
		return nil, ErrLink
	}
	return regular(f, err)
}

// regular closes f and returns an error if it is not a regular file.
func regular(f *os.File, err error) (*os.File, error) {
	if errors.Is(err, syscall.ENXIO) { // a socket, or a pipe without a reader
		return nil, ErrNotRegular
	}
	if err != nil {
		return nil, cause(err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = cause(err)
	case info.IsDir():
		err = syscall.EISDIR
	case !info.Mode().IsRegular(), isPseudo(f):
		err = ErrNotRegular
	default:
		return f, nil
	}
	f.Close()
	return nil, err
}

// CheckFolder refuses a folder in which other users could put or replace files. mayOwn reports whether a user may own it. If info is that
// of a symbolic link, that is refused, too.
func CheckFolder(path string, info os.FileInfo, mayOwn func(uid int) bool) error {
	const group, others = 0o020, 0o002
	st, mode := info.Sys().(*syscall.Stat_t), info.Mode()
	switch {
	case mode&os.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link: want a folder", path)
	case !mode.IsDir():
		return fmt.Errorf("%s is not a folder", path)
	case !mayOwn(int(st.Uid)):
		return fmt.Errorf("%s belongs to another user", path)
	case mode&others != 0 || mode&group != 0 && int(st.Gid) != os.Getegid():
		return fmt.Errorf("others can write to %s: want mode 0700, got %#o", path, mode.Perm())
	}
	return nil
}

// TooLarge is the error of Read for a file over its limit.
type TooLarge struct{ Limit int64 } // bytes

func (e *TooLarge) Error() string {
	if e.Limit >= 1<<20 {
		return fmt.Sprintf("over %d MiB", e.Limit>>20)
	}
	return fmt.Sprintf("over %d KiB", e.Limit>>10)
}

// cause strips what os repeats: the call and the path.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
