package engine

import "time"

// waitForRoom waits until there is room: a stream that can wait without a bound, any other one for stuckWait at most. The
// caller holds mu.
func (in *intake) waitForRoom() {
	after := func(wait time.Duration, change func()) *time.Timer {
		return time.AfterFunc(wait, func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			change()
			in.changed.Broadcast()
		})
	}
	if in.waits == nil {
		taken := in.taken
		stuck := after(stuckAfter, func() { in.stuck = in.stuck || in.taken == taken })
		defer stuck.Stop()
		patience := after(stuckWait, func() { in.patient = false })
		defer patience.Stop()
	}
	for in.isFull() && in.patient {
		in.changed.Wait()
	}
}

// isFull reports whether no more may be added. The caller holds mu.
func (in *intake) isFull() bool {
	switch {
	case in.dropped:
		return false
	case in.stuck:
		return in.bytes >= maxStuckBytes
	}
	return in.number >= in.most || in.bytes >= maxIntakeBytes
}

// pause waits for the lanes if the stream can wait.
func (in *intake) pause() {
	if in.ahead == nil {
		return
	}
	most := in.ahead.Wait(in.waits)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.most = most
	in.changed.Broadcast()
}
