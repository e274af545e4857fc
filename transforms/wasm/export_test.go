package wasm

import (
	"context"
	"log/slog"
	"time"
)

// SetClock replaces the clock of the threads that guests run on.
func (s *Sandbox) SetClock(clock func() time.Duration) { s.clock = clock }

// CompileForLongEvents compiles the code of a module that looks at the clock, which takes longer than without.
func (s *Sandbox) CompileForLongEvents(ctx context.Context, module []byte) error {
	c, err := s.share(ctx, slog.Default(), module, reactor, true)
	if err == nil {
		c.release()
	}
	return err
}
