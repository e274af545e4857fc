package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A move that was interrupted after the other queue accepted, and is continued when that queue has passed the delivery on, makes no
// second one.
func TestInterruptedMoveMakesNoDouble(t *testing.T) {
	ctx := t.Context()
	open := func(name string) *Store {
		s, err := Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), name)})
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	a, b, c := open("a"), open("b"), open("c")
	waits := func(s *Store) int {
		t.Helper()
		lanes, err := s.Lanes(ctx)
		must(t, err)
		n := 0
		for i := range lanes {
			n += lanes[i].Waiting
		}
		return n
	}
	carry := func(from, to *Store, want delivery.Carried) {
		t.Helper()
		carried, err := store.Carry(ctx, from, to, func(webhook string) string { return webhook })
		if err != nil || carried != want {
			t.Errorf("%+v carried, %v, want %+v", carried, err, want)
		}
	}
	must(t, a.Accept(ctx, entries("one")))
	left, _, err := a.Leave(ctx, store.Cursor{}, 10)
	if err != nil || len(left) != 1 {
		t.Fatalf("%d left, %v", len(left), err)
	}
	left[0].Wants[0].Past.Carried = true
	must(t, b.Accept(ctx, left))
	carry(b, c, delivery.Carried{Moved: 1})
	carry(a, b, delivery.Carried{Gone: 1})
	if waits(b) != 0 || waits(c) != 1 {
		t.Errorf("%d wait in b and %d in c, want one in c", waits(b), waits(c))
	}
	// What was interrupted on its way back comes back.
	_, _, err = c.Leave(ctx, store.Cursor{}, 10)
	must(t, err)
	carry(c, b, delivery.Carried{Moved: 1, Resumed: 1})
	if waits(b) != 1 || waits(c) != 0 {
		t.Errorf("%d wait in b and %d in c, want one in b", waits(b), waits(c))
	}
}
