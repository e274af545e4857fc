package spill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
)

func TestStore(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, now func() time.Time) store.Queue{
		"sqlite": func(t *testing.T, now func() time.Time) store.Queue {
			return spill.Open(context.Background(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db"), Now: now})
		},
		"memory": func(_ *testing.T, now func() time.Time) store.Queue {
			opts := store.Options{Now: now}
			return spill.New(context.Background(), opts, func(context.Context) (store.Queue, error) { return memory.Open(opts), nil })
		},
		"memory alone": func(_ *testing.T, now func() time.Time) store.Queue {
			return spill.Open(context.Background(), store.Options{Path: spill.Memory, Now: now})
		},
	} {
		t.Run(name, func(t *testing.T) { storetest.Run(t, open) })
	}
}

func openSQLite(opts store.Options) (store.Queue, error) {
	return sqlite.Open(context.Background(), opts)
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// A queue in memory alone holds no more than its max_size.
func TestMemoryHoldsMaxSize(t *testing.T) {
	fits := func(maxSize int64) (n int) {
		q := spill.Open(context.Background(), store.Options{Path: spill.Memory, MaxSize: maxSize})
		defer q.Close()
		payload := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), 1<<20)...), `"}`...)
		for ; n < 100; n++ {
			ev := &event.Event{ID: strconv.Itoa(n), Type: event.WorkflowEnd, Timestamp: time.Now(), Payload: payload}
			err := q.Accept(t.Context(), []*delivery.Entry{{Event: ev, Wants: []delivery.Want{{Webhook: "hook"}}}})
			if errors.Is(err, store.ErrFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	for maxSize, want := range map[int64]int{2 << 20: 2, 8 << 20: 8, 32 << 20: 32, 1 << 30: 32, 0: 32} {
		if got := fits(maxSize); got != want {
			t.Errorf("max_size %d MiB: %d events of 1 MiB fit, want %d", maxSize>>20, got, want)
		}
	}
}
