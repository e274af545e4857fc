package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A move that ends halfway, wherever that is, leaves each key with its head in either lane, and goes on when it is made again.
func TestMoveEndsHalfway(t *testing.T) {
	const events = 4*store.Slice + 4
	for at := 1; at <= events; at += store.Slice/3 + 1 {
		s, err := Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db")})
		if err != nil {
			t.Fatal(err)
		}
		var entries []*delivery.Entry
		for n := range events {
			ev := &event.Event{ID: fmt.Sprint(n), Type: "workflow_end", Timestamp: time.Now()}
			want := delivery.Want{Webhook: "a#one", OrderKey: []string{"", "k", "l", "m"}[n%4]}
			entries = append(entries, &delivery.Entry{Event: ev, Wants: []delivery.Want{want}})
		}
		if err := s.Accept(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		change := func(query string, args ...any) {
			t.Helper()
			if err := s.write(t.Context(), func(tx *tx) { tx.run(query, args...) }); err != nil {
				t.Fatal(err)
			}
		}
		change(fmt.Sprintf(`CREATE TRIGGER halfway BEFORE UPDATE OF lane ON deliveries WHEN old.seq = %d
  BEGIN SELECT raise(ABORT, 'halfway'); END`, at))
		some, err := s.Move(t.Context(), "a#one", "a#two")
		if err == nil {
			t.Errorf("halfway at %d: %d moved and no error", at, some)
		}
		if wrong, err := s.Check(t.Context()); err != nil || len(wrong) > 0 {
			t.Errorf("halfway at %d, after %d: Check = %q, %v", at, some, wrong, err)
		}
		change(`DROP TRIGGER halfway`)
		rest, err := s.Move(t.Context(), "a#one", "a#two")
		if wrong, checkErr := s.Check(t.Context()); err != nil || some+rest != events || checkErr != nil || len(wrong) > 0 {
			t.Errorf("halfway at %d: %d and %d moved, %v, want %d; Check = %q, %v", at, some, rest, err, events, wrong, checkErr)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
