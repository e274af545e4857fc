//go:build linux || darwin

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"golang.org/x/sys/unix"
)

// A process that is stopped while it holds the turnstile delays others as long as they allow, and for ten seconds at
// most.
func TestTurnIsAwaitedWithABound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "queue.db")
	s := open(t, store.Options{Path: path})
	accept := func(ctx context.Context, id string) error {
		ev := &event.Event{ID: id, Type: "workflow_end", Timestamp: time.Now()}
		return s.Accept(ctx, []*delivery.Entry{{Event: ev, Wants: []delivery.Want{{Webhook: "a"}}}})
	}
	stopped, err := os.OpenFile(path+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stopped.Close()
	if err := unix.Flock(int(stopped.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	patient := make(chan error, 1)
	go func() { patient <- accept(t.Context(), "patient") }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := accept(ctx, "impatient"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
		t.Errorf("Accept with a deadline of 50 ms: %v after %v", err, time.Since(begun))
	}
	select {
	case err := <-patient:
		if err == nil || !strings.Contains(err.Error(), "queue.db.lock") {
			t.Errorf("Accept without a deadline: %v, want an error that names the lock", err)
		}
		if holder := fmt.Sprintf("process %d has held", os.Getpid()); runtime.GOOS == "linux" && !strings.Contains(err.Error(), holder) {
			t.Errorf("%v, want %q in it", err, holder)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Accept without a deadline waits for ever")
	}
	if err := unix.Flock(int(stopped.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := accept(t.Context(), "after"); err != nil {
		t.Error(err)
	}
	if items, err := s.List(t.Context(), delivery.Filter{}); err != nil || len(items) != 1 || items[0].Event.ID != "after" {
		t.Errorf("%+v, %v, want what was accepted alone", items, err)
	}
}
