package postgres_test

import (
	"fmt"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// The bound of a claim in bytes leaves small events alone: a lane claims as many as it may hold at once.
func TestClaimsOfSmallEventsAreWhole(t *testing.T) {
	const events = 8192
	s := open(t, store.Options{Path: database(t)})
	var entries []*delivery.Entry
	for n := range events {
		entries = append(entries, entry(fmt.Sprint(n), ""))
	}
	accept(t, s, entries...)
	if got := len(claim(t, s, events)); got != events {
		t.Errorf("%d claimed at once, want %d", got, events)
	}
}
