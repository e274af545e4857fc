package event_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// pipeWriter writes lines to a reader.
type pipeWriter struct{ *io.PipeWriter }

func pipe() (io.Reader, pipeWriter) {
	in, out := io.Pipe()
	return in, pipeWriter{out}
}

func (w pipeWriter) line(s string) { _, _ = io.WriteString(w, s+"\n") }

// FuzzReader reads any input without a panic. Each line counts as an event, broken, known or passed, or as several of these. Text that is
// passed on is unchanged, and every body is a JSON object in UTF-8. The result does not depend on how the input is cut into reads.
func FuzzReader(f *testing.F) {
	files, _ := filepath.Glob(recordings + "/*.*")
	for _, file := range append(files, brokenLines+".jsonl") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		if lines := bytes.SplitAfter(text, []byte("\n")); len(lines) > 1 {
			f.Add(lines[0])
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		res := read(t, bytes.NewReader(in))
		lines := bytes.Count(in, []byte("\n"))
		if len(in) > 0 && in[len(in)-1] != '\n' {
			lines++
		}
		c := res.counts
		if got := c.Events + c.Known + c.Passed + c.Broken; got < lines || c.Passed > lines || c.Broken > lines {
			t.Errorf("%+v: %d lines, want %d", c, got, lines)
		}
		for _, e := range res.events {
			body := e.Body()
			if !json.Valid(body) || !utf8.Valid(body) || body[0] != '{' {
				t.Errorf("body %q, want a JSON object in UTF-8", body)
			}
			if e.ID == "" {
				t.Error("event without an id")
			}
		}
		halves := read(t, iotest.HalfReader(bytes.NewReader(in)))
		if halves.passed != res.passed || halves.counts != c || len(halves.events) != len(res.events) {
			t.Errorf("cut into pieces: %+v, want %+v", halves.counts, c)
		}
		if c.Broken+c.Events+c.Known == 0 && res.passed != string(in) {
			t.Errorf("passed %q of %q, want all of it, as it has no event", res.passed, in)
		}
	})
}
