package main

import (
	"slices"
	"testing"

	"github.com/awf-project/awf-hook/filters"
)

// Each known type of event has an example, and a row that says when it comes.
func TestEveryTypeHasAnExample(t *testing.T) {
	for _, typ := range filters.Types() {
		if when, _ := eventRow(typ); when == "" || !slices.Contains(eventTypes(), typ) {
			t.Errorf("%s has no example, or no row in docs/delivery.md (%q)", typ, when)
		}
	}
}
