package spill

import (
	"context"
	"errors"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Durable returns the queue in the file or database, without what is in memory.
func (s *Store) Durable() (store.Durable, error) {
	file, err := s.inUse()
	if err != nil {
		return nil, err
	}
	durable, is := file.(store.Durable)
	if !is {
		return nil, errInMemory
	}
	return durable, nil
}

// Ready implements [store.Store]. The error says why deliveries are kept in memory.
func (s *Store) Ready(ctx context.Context) error {
	file, err := s.inUse()
	switch {
	case err == nil:
		return file.Ready(ctx)
	case errors.Is(err, errInMemory):
		return s.memory.Ready(ctx)
	case !errors.Is(err, store.ErrClosed) && s.journal.keepsAll() && s.memory.HasRoom():
		return nil
	}
	return err
}
