package spill

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A lane that is closed or paused in the file or in memory must be so in both: deliveries move between them.

// lanesPatience is how long an event waits for a file that others cannot write, so that memory knows which lanes are closed.
const lanesPatience = time.Second

// lanesOf returns the file's lanes. Those in memory follow them.
func (s *Store) lanesOf(ctx context.Context, file store.Queue) ([]delivery.LaneStatus, error) {
	version := s.memory.Version()
	lanes, err := file.Lanes(ctx)
	if err == nil {
		s.memory.Follow(lanes, version)
	}
	return lanes, err
}

// followLanes makes the lanes in memory follow those in the file, if it can be read.
func (s *Store) followLanes(ctx context.Context) {
	s.mu.Lock()
	file := s.file
	s.mu.Unlock()
	if file != nil {
		ctx, cancel := context.WithTimeout(ctx, lanesPatience)
		defer cancel()
		_, _ = s.lanesOf(ctx, file) // else memory knows what it knew before
	}
}

// shareLanes closes and pauses lanes in the file that were closed and paused in memory, and opens their breakers.
func (s *Store) shareLanes(ctx context.Context, file store.Queue) {
	for _, l := range s.memory.Unshared() {
		lanes, err := 1, error(nil)
		if l.Closed != "" {
			lanes, err = file.ChangeLanes(ctx, l.Webhook, store.Disable(l.Closed))
		}
		if length := l.PausedUntil.Sub(s.opts.Now()); err == nil && length > 0 {
			lanes, err = file.ChangeLanes(ctx, l.Webhook, func(in *store.Lane, now time.Time) {
				store.Pause(length)(in, now)
				in.Failures, in.TransformFailures = max(in.Failures, l.Failures), max(in.TransformFailures, l.TransformFailures)
			})
		}
		switch {
		case err != nil:
			if ctx.Err() == nil {
				s.fails(err)
			}
			return
		case lanes > 0:
			s.memory.Shared(l.Webhook)
		}
	}
}
