package postgres_test

import (
	"errors"
	"testing"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
)

// The store does not repeat what would fail again: an unknown id, a newer schema, a row that cannot be read.
func TestRefusalsAreNotRepeated(t *testing.T) {
	s := open(t, store.Options{Path: database(t)})
	if refused, unread := postgres.Tries(t, s, errors.New("refused")); refused != 1 || unread != 1 {
		t.Errorf("tried %d times what is refused, %d times what cannot be read, want once", refused, unread)
	}
}
