package postgres

import (
	"context"
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
	s.skew -= skew
	return s
}

// Unfit says why a server may not hold a queue.
var Unfit = unfit

// OpenWithin is Open with another limit for each of its steps that change no schema.
var OpenWithin = openWithin
