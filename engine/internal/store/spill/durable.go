package spill

import (
	"errors"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Durable is the queue in the file or in the database, without what is in memory.
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
