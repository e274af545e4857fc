package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) store.Queue {
		return open(t, store.Options{Path: filepath.Join(t.TempDir(), "state", "queue.db"), Now: now})
	})
}

func open(t *testing.T, opts store.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
