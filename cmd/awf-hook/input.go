package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/awf-project/awf-hook/engine"
)

// readInput reads the named file, or stdin if there is none. More than max bytes, which is in MiB, are an error.
func (c *command) readInput(files []string, max int64) ([]byte, error) {
	in, name := c.in, "stdin"
	if len(files) > 0 {
		f, err := os.Open(files[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in, name = f, files[0]
	}
	text, err := io.ReadAll(io.LimitReader(in, max+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case int64(len(text)) > max:
		return nil, fmt.Errorf("%s: over %d MiB", name, max>>20)
	}
	return text, nil
}

// passThrough copies what is not an event from stdin to stdout until stdin ends. It runs where nothing can be delivered:
// a mistake of ours must not break the program that writes to us. A terminal is not such a program.
func (c *command) passThrough(ctx context.Context) {
	if isTerminal(c.in) {
		return
	}
	_ = engine.PassThrough(ctx, engine.Stream{In: c.in, Out: c.out})
}

// isTerminal says whether a stream is a terminal, or any character device but the null device.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
