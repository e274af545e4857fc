package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"
)

// stdout is the standard output. It keeps the first error of a write, so that a command whose output is cut fails.
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

// failed returns the first error of a write.
func (o *stdout) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// judge returns the error of a command whose writes may have failed. It is not an error if the reader went away, since it has read what it
// wanted. An error of the command itself comes first.
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

// cause returns an error without the operation and the file's name.
func cause(err error) error {
	if failed, is := errors.AsType[*fs.PathError](err); is {
		return failed.Err
	}
	return err
}
