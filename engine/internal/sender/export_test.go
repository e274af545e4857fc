package sender

import "time"

// WithoutProxy exports withoutProxy for a test table.
var WithoutProxy = withoutProxy

// IdleWatches returns how many watches are kept for the next attempts.
func (s *Sender) IdleWatches() int {
	s.watches.mu.Lock()
	defer s.watches.mu.Unlock()
	return len(s.watches.idle)
}

// KeepIdle sets how long an idle connection without TLS is kept.
func (s *Sender) KeepIdle(d time.Duration) { s.transport.(*direct).idleFor = d }

// UseNetHTTP makes attempts without TLS use net/http's transport, as attempts with TLS do.
func (s *Sender) UseNetHTTP() { s.transport = s.network }
