package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// Close appends events to a file of events, even if its last line was cut off. It does not change any other file.
func TestSpillIsAppendedToEventsAlone(t *testing.T) {
	for before, appends := range map[string]bool{
		"":                              true,
		"{\"event\":\"x\"}\n":           true,
		"{\"event\":\"workf":            true,
		"SQLite format 3\x00\x10\x00{}": false,
		"a log\n":                       false,
		"\n":                            false,
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		seal := engine.NewSeal(filepath.Join(t.TempDir(), "key"))
		e, err := engine.Open(parse(t, oneHook("secret: s")), engine.Options{Spill: []string{file}, Seal: seal})
		if err != nil {
			t.Fatal(err)
		}
		submit(t, e, newEvent("a"))
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := e.Report()
		if !appends {
			want := "cannot write to " + file + ": it holds something other than events"
			if string(after) != before || r.Lost != 1 || !strings.HasSuffix(r.Trouble, want) {
				t.Errorf("%q: the file is now %q, the report says %+v, want %q", before, after, r, want)
			}
			continue
		}
		var ids []string
		in := strings.NewReader(string(after))
		err = engine.Events(context.Background(), engine.Stream{In: in, Seal: seal}, func(ev event.Event) { ids = append(ids, ev.ID) })
		if !strings.HasPrefix(string(after), before) || r.Spilled != 1 || err != nil || len(ids) != 1 || ids[0] != "a" {
			t.Errorf("%q: the file is now %q, with the events %v, %v, and the report says %+v", before, after, ids, err, r)
		}
	}
}

// An event that fits in a line, but not with the names of its webhooks, is lost, and the report says why.
func TestSpillSaysWhichEventsAreTooLong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	e, err := engine.Open(parse(t, oneHook()), engine.Options{Spill: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	long := newEvent("a")
	long.Payload = []byte(`{"n":"` + strings.Repeat("x", event.MaxLine-8) + `"}`)
	submit(t, e, long, newEvent("b"))
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	want := "cannot write 1 event, with the names of its webhooks over 1 MiB"
	if r := e.Report(); r.Lost != 1 || r.Spilled != 1 || !strings.HasSuffix(r.Trouble, "; "+want) {
		t.Errorf("%d lost, %d spilled: %q, want 1, 1 and %q", r.Lost, r.Spilled, r.Trouble, want)
	}
}
