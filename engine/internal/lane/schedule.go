package lane

import (
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/sethvargo/go-retry"
)

const (
	maxWait     = store.MaxWait   // the longest wait between two attempts, whatever is configured
	minFreeWait = 5 * time.Second // the shortest wait after a fault on our side
)

// standardWaits are the waits of Standard Webhooks; the last one repeats.
var standardWaits = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Reasons why a delivery is dead although the receiver might still take it.
const (
	attemptsUsedUp = "attempts used up"
	tooOld         = "max_age reached"
)

// Wait returns how long a delivery waits after a failed attempt, or why it is dead. What the receiver asked for comes
// before the schedule. A fault on our side does not count against the budget. random is from 0 to 1 and chooses within
// the jitter.
func Wait(r config.Retry, d *delivery.Delivery, a *delivery.Attempt, random float64) (wait time.Duration, dead string) {
	spent := d.Spent + 1
	if a.Free {
		spent = max(1, d.Spent)
	}
	if !a.Free && spent >= r.MaxAttempts {
		return 0, attemptsUsedUp
	}
	wait = nextWait(r, spent)
	wait += time.Duration(float64(wait) * r.Jitter * (2*random - 1))
	wait = min(wait, longest(r))
	if a.Free {
		wait = max(wait, minFreeWait)
	}
	if a.RetryAfter > 0 {
		wait = a.RetryAfter
	}
	if r.MaxAge > 0 && a.At.Add(a.Took+wait).Sub(d.Since) > r.MaxAge {
		return 0, tooOld
	}
	return wait, ""
}

func longest(r config.Retry) time.Duration {
	if r.MaxDelay > 0 {
		return min(r.MaxDelay, maxWait)
	}
	return maxWait
}

// nextWait returns the wait after the given number of failed attempts, without jitter: the n-th step of a fresh backoff.
func nextWait(r config.Retry, attempts int) (wait time.Duration) {
	b := backoff(r)
	for range attempts {
		wait, _ = b.Next()
	}
	return wait
}

func backoff(r config.Retry) retry.Backoff {
	var b retry.Backoff
	switch {
	case len(r.Schedule) > 0:
		b = list(r.Schedule)
	case r.Delay == 0:
		b = list(standardWaits)
	case r.Backoff == config.Constant:
		b = retry.NewConstant(r.Delay)
	case r.Backoff == config.Fibonacci:
		b = retry.NewFibonacci(r.Delay)
	default:
		b = retry.NewExponential(r.Delay)
	}
	return retry.WithCappedDuration(longest(r), b)
}

// list returns a backoff of the given waits. The last one repeats.
func list(waits []time.Duration) retry.Backoff {
	n := 0
	return retry.BackoffFunc(func() (time.Duration, bool) {
		wait := waits[min(n, len(waits)-1)]
		n++
		return wait, false
	})
}
