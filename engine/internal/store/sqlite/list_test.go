package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Whatever people search for, the statements that a connection keeps stay few.
func TestFiltersDoNotPileUpStatements(t *testing.T) {
	s, err := Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 1 << 9 {
		f := delivery.Filter{State: delivery.IsDead, Limit: 5}
		for bit, set := range []func(){
			func() { f.ID = "x" }, func() { f.Webhook = "x" }, func() { f.Event = "x" }, func() { f.Run = "x" }, func() { f.Workflow = "x" },
			func() { f.Text = "x" }, func() { f.Reason = "x" }, func() { f.Since = time.Unix(1, 0) }, func() { f.Until = time.Unix(2, 0) },
		} {
			if i>>bit&1 == 1 {
				set()
			}
		}
		if _, err := s.List(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Delete(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range append(s.readers, s.conn) {
		if len(c.prepared) > maxPrepared {
			t.Errorf("a connection keeps %d statements, want at most %d", len(c.prepared), maxPrepared)
		}
	}
}
