package engine

import "time"

// waitForRoom waits until there is room, for stuckWait at most: longer while the engine is not open or the lanes are
// waited for, if the stream can wait. The caller holds mu.
func (in *intake) waitForRoom() {
	waiting := true
	defer func() { waiting = false }()
	after := func(wait time.Duration, change func()) (timer *time.Timer) {
		timer = time.AfterFunc(wait, func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			switch {
			case !waiting:
			case in.waits != nil && (in.engine == nil || in.pausing): // the queue is not to blame
				timer.Reset(wait)
			default:
				change()
				in.changed.Broadcast()
			}
		})
		return timer
	}
	if in.waits == nil {
		taken := in.taken
		stuck := after(stuckAfter, func() { in.stuck = in.stuck || in.taken == taken })
		defer stuck.Stop()
	}
	patience := after(stuckWait, func() { in.patient = false })
	defer patience.Stop()
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
	in.mu.Lock()
	in.pausing = true
	in.mu.Unlock()
	most := in.ahead.Wait(in.waits)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.pausing, in.most = false, most
	in.changed.Broadcast()
}
