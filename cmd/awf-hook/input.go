package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/file"
)

// readInput reads the named file, or stdin if the name is "" or "-". More than max bytes, which must be whole MiB, are an error.
func (c *command) readInput(file string, max int64) ([]byte, error) {
	if file != "" && file != "-" {
		return readFile(file, max)
	}
	c.sayTyping()
	text, err := io.ReadAll(io.LimitReader(c.in, max+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("stdin: %w", err)
	case int64(len(text)) > max:
		return nil, fmt.Errorf("stdin: over %d MiB", max>>20)
	}
	return text, nil
}

// sayTyping says on a terminal that a command waits for input, and how to end it.
func (c *command) sayTyping() {
	if isTerminal(c.in) {
		c.sayf("reading what you type here; Ctrl-D ends it")
	}
}

// readFile reads a regular file of at most max bytes.
func readFile(name string, max int64) ([]byte, error) {
	text, err := file.Read(name, max)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}

// ask asks a question on the terminal. Only yes means yes.
func (c *command) ask(question string) bool {
	fmt.Fprintf(c.err, "awf-hook: %s [y/N] ", question)
	answer, _ := bufio.NewReader(c.in).ReadString('\n') // no answer means no
	c.screen.newLine()
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// passThrough copies what is not an event from stdin to stdout until stdin ends. It runs if nothing can be delivered: our
// failure must not break the program that writes to us. It does nothing if stdin is a terminal.
func (c *command) passThrough() {
	if isTerminal(c.in) {
		return
	}
	_ = engine.Stream{In: c.in, Out: c.out}.Begin(context.Background()).Drop()
}

// fileOf returns the file of a stream, also through panes and stdout; nil if it has none.
func fileOf(stream any) *os.File {
	switch s := stream.(type) {
	case *os.File:
		return s
	case *pane:
		return s.file
	case *stdout:
		return fileOf(s.to)
	}
	return nil
}

// isTerminal reports whether a stream is a terminal, or any character device except the null device.
func isTerminal(stream any) bool {
	info, err := fileOf(stream).Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// isFile reports whether a stream is a regular file: whoever wrote it does not wait for its reader.
func isFile(stream any) bool {
	info, err := fileOf(stream).Stat()
	return err == nil && info.Mode().IsRegular()
}
