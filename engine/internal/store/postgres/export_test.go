package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Skewed opens a store on a machine whose clock is wrong.
func Skewed(tb testing.TB, url string, skew time.Duration) *Store {
	tb.Helper()
	s, err := Open(context.Background(), store.Options{Path: url})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	s.opts.Now = func() time.Time { return time.Now().Add(skew) }
	s.skew.Add(-int64(skew))
	return s
}

// Unfit says why a server may not hold a queue.
var Unfit = unfit

// OpenWithin is Open with another limit for each of its steps that change no schema.
var OpenWithin = openWithin

// Tries returns how often a store tries what a change refuses, and a query whose rows cannot be read.
func Tries(tb testing.TB, s *Store, refusal error) (refused, unread int) {
	tb.Helper()
	if err := s.read(tb.Context(), func(tx *tx) { refused++; tx.refuse(refusal) }); !errors.Is(err, refusal) {
		tb.Errorf("read = %v, want %v", err, refusal)
	}
	if err := s.read(tb.Context(), func(tx *tx) { unread++; tx.each(func(r *row) { r.Int() }, `SELECT 'x'::text`) }); err == nil {
		tb.Error("a text was read as a number")
	}
	return refused, unread
}

// SetClock sets the clock of a store's machine.
func SetClock(s *Store, by time.Duration) {
	s.opts.Now = func() time.Time { return time.Now().Add(by) }
}
