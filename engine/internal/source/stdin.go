// Package source reads events: [Pipe] from stdin, [Command] from a wrapped command, and [Follow] from AWF's files.
package source

import (
	"context"
	"io"

	"github.com/awf-project/awf-hook/engine/event"
)

// Pipe reads AWF's output, events among other lines, to its end or until ctx ends. It returns the reader's counts.
//
// A blocked read cannot be interrupted: when ctx ends, Pipe abandons the goroutine that reads, which then passes on nothing.
func Pipe(ctx context.Context, in io.Reader, reader *event.Reader) (event.Counts, error) {
	reader.Event, reader.Pass, reader.Broken = until(ctx, reader.Event), until(ctx, reader.Pass), until(ctx, reader.Broken)
	if open := reader.Open; open != nil {
		reader.Open = func(workflow, run string) {
			if ctx.Err() == nil {
				open(workflow, run)
			}
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := reader.ReadFrom(in)
		done <- err
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // what came after its end was not passed on, although the reading may be done
		err = context.Cause(ctx)
	}
	return reader.Counts(), err
}

// until returns a function that calls f until ctx ends. A nil f stays nil.
func until[T any](ctx context.Context, f func(T)) func(T) {
	if f == nil {
		return nil
	}
	return func(value T) {
		if ctx.Err() == nil {
			f(value)
		}
	}
}
