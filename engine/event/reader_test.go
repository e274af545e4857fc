package event_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const recordings = "../../testdata/events"

// result is the output of a Reader for a stream.
type result struct {
	events []event.Event
	passed string
	broken []string
	counts event.Counts
}

func read(t testing.TB, src io.Reader) result {
	t.Helper()
	var res result
	var passed bytes.Buffer
	r := &event.Reader{
		Name:   "<stdin>",
		Event:  func(e event.Event) { res.events = append(res.events, e) },
		Pass:   func(b []byte) { passed.Write(b) },
		Broken: func(err *event.LineError) { res.broken = append(res.broken, err.Error()) },
	}
	if _, err := r.ReadFrom(src); err != nil {
		t.Fatal(err)
	}
	res.passed = passed.String()
	res.counts = r.Counts()
	return res
}

func bodies(events []event.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s\n", e.Body())
	}
	return b.String()
}

// golden compares got with the file, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

var (
	receipt  = regexp.MustCompile(`"timestamp":"2[^"]*"`)
	duration = regexp.MustCompile(`,"duration":[0-9.]+`)
)

// The recordings of the real AWF make the events in testdata/events/want.
func TestRecordings(t *testing.T) {
	files, err := filepath.Glob(recordings + "/*.*")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			res := read(t, bytes.NewReader(text))
			if len(res.broken) > 0 {
				t.Errorf("broken lines: %q", res.broken)
			}
			got := bodies(res.events)
			if strings.HasPrefix(name, "sse-") { // these lines have no time, so the event has that of its receipt
				got = receipt.ReplaceAllString(got, `"timestamp":"RECEIPT"`)
				got = duration.ReplaceAllString(got, "") // between receipts
			}
			golden(t, filepath.Join(recordings, "want", name+".bodies"), got)

			var foreign []string
			for line := range strings.Lines(string(text)) {
				if !strings.Contains(line, "execution_id") && !strings.Contains(line, "run_id") {
					foreign = append(foreign, line)
				}
			}
			if diff := cmp.Diff(strings.Join(foreign, ""), res.passed); diff != "" {
				t.Errorf("AWF's own lines (-want +got):\n%s", diff)
			}
			slow := read(t, iotest.OneByteReader(bytes.NewReader(text)))
			if slow.passed != res.passed || len(slow.events) != len(res.events) || slow.counts != res.counts {
				t.Errorf("read byte by byte: %+v, want %+v", slow.counts, res.counts)
			}
		})
	}
}
