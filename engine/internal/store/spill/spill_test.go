package spill_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
)

func TestStore(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, now func() time.Time) store.Queue{
		"sqlite": func(t *testing.T, now func() time.Time) store.Queue {
			return spill.Open(store.Options{Path: filepath.Join(t.TempDir(), "queue.db"), Now: now})
		},
		"memory": func(_ *testing.T, now func() time.Time) store.Queue {
			opts := store.Options{Now: now}
			return spill.New(opts, func(context.Context) (store.Queue, error) { return memory.Open(opts), nil })
		},
		"memory alone": func(_ *testing.T, now func() time.Time) store.Queue {
			return spill.Open(store.Options{Path: spill.Memory, Now: now})
		},
	} {
		t.Run(name, func(t *testing.T) { storetest.Run(t, open) })
	}
}

func openSQLite(opts store.Options) (store.Queue, error) {
	return sqlite.Open(context.Background(), opts)
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
