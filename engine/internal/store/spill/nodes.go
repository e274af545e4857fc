package spill

import (
	"context"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// shared is a queue that machines share.
type shared interface {
	Keeps() bool
	Nodes(ctx context.Context) ([]delivery.Node, error)
	Blockers(ctx context.Context) ([]string, error)
}

// Keeps reports whether this process keeps house in the queue. With a file, each process that calls Keep does.
func (s *Store) Keeps() bool {
	file, err := s.inUse()
	if of, is := file.(shared); is {
		return of.Keeps()
	}
	return err == nil
}

// Nodes lists the processes that use a shared queue. It returns none for a file.
func (s *Store) Nodes(ctx context.Context) ([]delivery.Node, error) {
	file, err := s.usable()
	if of, is := file.(shared); is {
		return of.Nodes(ctx)
	}
	return nil, err
}

// Blockers names what slows down a shared queue. It returns none for a file.
func (s *Store) Blockers(ctx context.Context) ([]string, error) {
	file, err := s.usable()
	if of, is := file.(shared); is {
		return of.Blockers(ctx)
	}
	return nil, err
}
