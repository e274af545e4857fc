package spill

import (
	"context"
	"errors"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Durable returns the queue in the file or database, without what is in memory.
func (s *Store) Durable() (store.Durable, error) {
	file, err := s.usable()
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, errors.Join(errInMemory, s.Broken())
	}
	durable, is := file.(store.Durable)
	if !is {
		return nil, errInMemory
	}
	return durable, nil
}

// Ready implements [store.Store]. The error says why deliveries are kept in memory.
func (s *Store) Ready(ctx context.Context) error {
	file, err := s.usable()
	switch {
	case err != nil:
		return err
	case s.openFile == nil:
		return s.memory.Ready(ctx)
	case file == nil && s.journal.keepsAll() && s.memory.HasRoom():
		return nil
	case file == nil:
		return s.Broken()
	}
	return file.Ready(ctx)
}
