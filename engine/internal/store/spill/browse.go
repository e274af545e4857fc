package spill

import (
	"context"
	"errors"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// browser returns the store that people see and change: the file, or the memory of a queue without one.
func (s *Store) browser() (store.Browser, error) {
	file, err := s.inUse()
	if errors.Is(err, errInMemory) {
		return s.memory, nil
	}
	return file, err
}

// ask calls f with the browser.
func ask[T any](s *Store, f func(store.Browser) (T, error)) (answer T, err error) {
	b, err := s.browser()
	if err != nil {
		return answer, err
	}
	return f(b)
}

// List implements [store.Browser].
func (s *Store) List(ctx context.Context, f delivery.Filter) ([]delivery.Item, error) {
	return ask(s, func(b store.Browser) ([]delivery.Item, error) { return b.List(ctx, f) })
}

// Count implements [store.Browser].
func (s *Store) Count(ctx context.Context, f delivery.Filter) (delivery.Tally, error) {
	return ask(s, func(b store.Browser) (delivery.Tally, error) { return b.Count(ctx, f) })
}

// Groups implements [store.Browser].
func (s *Store) Groups(ctx context.Context, f delivery.Filter, n int) ([]delivery.Group, error) {
	return ask(s, func(b store.Browser) ([]delivery.Group, error) { return b.Groups(ctx, f, n) })
}

// Oldest implements [store.Browser]. It includes what is in memory alone.
func (s *Store) Oldest(ctx context.Context) (map[string]time.Time, error) {
	oldest, err := ask(s, func(b store.Browser) (map[string]time.Time, error) { return b.Oldest(ctx) })
	if err != nil || s.openFile == nil {
		return oldest, err
	}
	inMemory, err := s.memory.Oldest(ctx)
	for webhook, at := range inMemory {
		if known, is := oldest[webhook]; !is || at.Before(known) {
			oldest[webhook] = at
		}
	}
	return oldest, err
}

// Show implements [store.Browser].
func (s *Store) Show(ctx context.Context, id string) (*delivery.Detail, error) {
	return ask(s, func(b store.Browser) (*delivery.Detail, error) { return b.Show(ctx, id) })
}

// Replay implements [store.Browser].
func (s *Store) Replay(ctx context.Context, f delivery.Filter, c delivery.Change) (int, error) {
	return ask(s, func(b store.Browser) (int, error) { return b.Replay(ctx, f, c) })
}

// Delete implements [store.Browser].
func (s *Store) Delete(ctx context.Context, f delivery.Filter) (int, error) {
	return ask(s, func(b store.Browser) (int, error) { return b.Delete(ctx, f) })
}

// Move implements [store.Browser].
func (s *Store) Move(ctx context.Context, from, to string) (int, error) {
	return ask(s, func(b store.Browser) (int, error) { return b.Move(ctx, from, to) })
}

// ChangeLanes implements [store.Browser]. It also changes this process's own lanes.
func (s *Store) ChangeLanes(ctx context.Context, webhook string, change store.LaneChange) (int, error) {
	n, err := ask(s, func(b store.Browser) (int, error) { return b.ChangeLanes(ctx, webhook, change) })
	if err == nil && s.openFile != nil {
		_, err = s.memory.ChangeLanes(ctx, webhook, change)
	}
	return n, err
}

// Operations implements [store.Browser].
func (s *Store) Operations(ctx context.Context, before int64, n int) ([]delivery.Operation, error) {
	return ask(s, func(b store.Browser) ([]delivery.Operation, error) { return b.Operations(ctx, before, n) })
}

// Record implements [store.Browser].
func (s *Store) Record(ctx context.Context, op delivery.Operation) error {
	b, err := s.browser()
	if err != nil {
		return err
	}
	return b.Record(ctx, op)
}

// Backup copies the file while it is in use. The copy lacks what is in memory alone.
func (s *Store) Backup(ctx context.Context, path string) error {
	file, err := s.inUse()
	if err != nil && !errors.Is(err, errInMemory) {
		return err
	}
	copier, can := file.(interface {
		Backup(ctx context.Context, path string) error
	})
	if !can {
		return errors.New("only a queue in a file can be copied: use the database's own tools, such as pg_dump")
	}
	return copier.Backup(ctx, path)
}
