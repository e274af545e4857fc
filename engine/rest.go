package engine

import (
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/queue"
)

// wasPutOff says whether a look was put off, and forgets it.
func (l *lane) wasPutOff() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.putOff
	l.putOff = false
	return was
}

// learn notes how long an attempt took and how it ended. A lane that is to rest gives back what it has not begun.
func (l *lane) learn(a *delivery.Attempt) {
	l.mu.Lock()
	l.pace += (a.Took - l.pace) / 8
	l.broken = 0
	if a.Outcome == delivery.Delivered {
		l.failures, l.resting = 0, a.RetryAfter > 0
	} else {
		l.failures++
		l.resting = l.resting || l.failures >= queue.BreakerFailures || a.RetryAfter > 0 || a.Gone
	}
	rests := l.resting
	l.mu.Unlock()
	if rests {
		l.release()
	}
}

// learnUnsent notes that a delivery was dropped, or that the user's own code failed. A lane that is to rest gives back what it has not begun.
func (l *lane) learnUnsent(outcome delivery.Outcome) {
	l.mu.Lock()
	switch outcome {
	case delivery.Dropped:
		l.broken = 0
		l.resting = l.resting && l.failures > 0
	case delivery.Dead:
		l.broken++
		l.resting = l.resting || l.broken >= queue.BreakerFailures
	}
	rests := l.resting
	l.mu.Unlock()
	if rests {
		l.release()
	}
}
