package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// Commit keeps no event only in memory. If it cannot write the events to a file, it refuses the whole batch.
func TestCommitStoresOrRefuses(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.db")
	if err := os.WriteFile(broken, []byte("this is not a database, and no room for one either"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, queue := range map[string]string{"memory": "", "broken": broken} {
		e, err := engine.Open(parse(t, oneHook()), engine.Options{Transport: roundTripper(hang), Queue: queue})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Commit(t.Context(), []event.Event{newEvent("a")}); !errors.Is(err, engine.ErrUnstored) {
			t.Errorf("%s: Commit = %v, want ErrUnstored", name, err)
		}
		if r := e.Report(); r.Retrying != 0 || r.Refused != 0 {
			t.Errorf("%s: report %+v, want nothing kept and nothing refused, as the caller still has the event", name, r)
		}
		_ = e.Close()
	}
}

func TestCommitTellsFates(t *testing.T) {
	e, err := engine.Open(parse(t, oneHook("events: [workflow_end]")), engine.Options{
		Transport: roundTripper(hang), Queue: filepath.Join(t.TempDir(), "queue.db"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	other := newEvent("other")
	other.Type = "step_start"
	fates, err := e.Commit(t.Context(), []event.Event{newEvent("a"), other, newEvent("b"), newEvent("a")})
	want := []engine.Fate{engine.EventAccepted, engine.EventUnwanted, engine.EventAccepted, engine.EventKnown}
	if err != nil || len(fates) != len(want) {
		t.Fatalf("Commit = %v, %v, want %v", fates, err, want)
	}
	for i := range want {
		if fates[i] != want[i] {
			t.Errorf("event %d: %s, want %s", i, fates[i], want[i])
		}
	}
	bad := newEvent("bad")
	bad.Type = ""
	if _, err := e.Commit(t.Context(), []event.Event{newEvent("c"), bad}); err == nil {
		t.Error("Commit accepts an event without a type")
	}
	if fates, err = e.Commit(t.Context(), []event.Event{newEvent("c")}); err != nil || fates[0] != engine.EventAccepted {
		t.Errorf("Commit = %v, %v, want the event accepted: it was in a batch that was refused", fates, err)
	}
}
