package spill

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
)

// flaky is a queue that breaks each time it has healed.
type flaky struct{ store.Queue }

func (flaky) Keep(context.Context) error { return errors.New("broken again") }

// A call that finds the queue broken says why or keeps what it was given, even if the queue heals at that moment.
func TestQueueHealsWithinACall(t *testing.T) {
	s := New(t.Context(), store.Options{}, func(context.Context) (store.Queue, error) {
		return flaky{memory.Open(store.Options{})}, nil
	})
	defer s.Close()
	end := time.Now().Add(300 * time.Millisecond)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for time.Now().Before(end) {
				_ = s.Keep(t.Context())
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(end) {
				if b, err := s.browser(); b == nil && err == nil {
					t.Error("neither a queue nor why there is none")
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
}

// A queue that cannot be used says why, in one line, and not that it is of another kind.
func TestUnusableQueueSaysWhy(t *testing.T) {
	s := New(t.Context(), store.Options{}, func(context.Context) (store.Queue, error) { return nil, errors.New("permission denied") })
	defer s.Close()
	_, durable := s.Durable()
	_, list := s.List(t.Context(), delivery.Filter{})
	for call, err := range map[string]error{
		"Durable": durable, "List": list, "Backup": s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")), "Ready": s.Ready(t.Context()),
	} {
		if err == nil || err.Error() != "permission denied" {
			t.Errorf("%s = %v, want permission denied", call, err)
		}
	}
}

// Once everything in memory has moved into the database, what went wrong with the spill file before is over.
func TestSpillFolderThatIsMended(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spill")
	if err := os.WriteFile(folder, nil, 0o600); err != nil { // a file in the folder's place
		t.Fatal(err)
	}
	away := true
	s := New(t.Context(), store.Options{SpillFolder: folder}, func(context.Context) (store.Queue, error) {
		if away {
			return nil, errors.New("away")
		}
		return memory.Open(store.Options{}), nil
	})
	defer s.Close()
	e := &delivery.Entry{Event: &event.Event{ID: "a", Type: "workflow_end"}, Wants: []delivery.Want{{Webhook: "hook"}}}
	if err := s.Accept(t.Context(), []*delivery.Entry{e}); err != nil || s.Unstored() != 1 {
		t.Fatalf("Accept = %v, %d unstored, want one in memory alone", err, s.Unstored())
	}
	away = false
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !s.journal.keepsAll() {
		t.Error("the spill file still counts as one that cannot be written, although nothing had to be in it")
	}
}
