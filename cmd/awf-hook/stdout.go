package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"
)

// stdout is the standard output. It keeps the first error of a write, so that no command ends as if all had been printed.
type stdout struct {
	to  io.Writer
	mu  sync.Mutex
	err error
}

func (o *stdout) Write(text []byte) (int, error) {
	n, err := o.to.Write(text)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
		return n, o.err
	}
	return n, nil
}

// Stat and Fd are those of a file or a pane.

func (o *stdout) Stat() (fs.FileInfo, error) {
	if f, ok := o.to.(interface{ Stat() (fs.FileInfo, error) }); ok {
		return f.Stat()
	}
	return nil, errors.ErrUnsupported
}

func (o *stdout) Fd() uintptr {
	if f, ok := o.to.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// failed is the first error of a write.
func (o *stdout) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// judge returns a command's error, given that writes may have failed. A reader that went away has read all it wants; else an output
// that is not whole is a failure, unless the command failed for another reason.
func (o *stdout) judge(err error) error {
	lost := o.failed()
	switch {
	case lost == nil || err != nil && !errors.Is(err, lost):
		return err
	case errors.Is(lost, syscall.EPIPE):
		return nil
	}
	return failure(fmt.Errorf("stdout: %w", cause(lost)))
}

// cause is an error without the name of the file, where that says nothing.
func cause(err error) error {
	if on := (*fs.PathError)(nil); errors.As(err, &on) {
		return on.Err
	}
	return err
}
