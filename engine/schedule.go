package engine

import (
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/sethvargo/go-retry"
)

// maxWait is the longest wait between two attempts.
const maxWait = 24 * time.Hour

// standardWaits are Standard Webhooks' waits; the last one repeats.
var standardWaits = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// waitAfter says how long a delivery waits after an attempt that failed, false if it was the last one.
// What the receiver asked for beats the schedule; a fault of our own side spends nothing.
func waitAfter(r config.Retry, d *delivery.Delivery, a *delivery.Attempt) (time.Duration, bool) {
	spent := d.Spent + 1
	if a.Free {
		spent = max(1, min(d.Spent, r.MaxAttempts-1))
	}
	wait, more := nextWait(r, spent)
	if a.Free {
		wait, more = max(wait, minFreeWait), true
	}
	if more && a.RetryAfter > 0 {
		wait = a.RetryAfter
	}
	return wait, more
}

// minFreeWait is the shortest wait after a fault of our own side.
const minFreeWait = 5 * time.Second

// nextWait says how long to wait after the given number of failed attempts, false if they were the last ones.
// The wait is a function of its arguments: the n-th is the n-th step of a fresh backoff.
func nextWait(r config.Retry, attempts int) (time.Duration, bool) {
	b := retry.WithMaxRetries(uint64(r.MaxAttempts-1), backoff(r))
	var wait time.Duration
	for range attempts {
		next, stop := b.Next()
		if stop {
			return 0, false
		}
		wait = next
	}
	return wait, true
}

func backoff(r config.Retry) retry.Backoff {
	if r.Delay > 0 {
		return retry.WithCappedDuration(maxWait, retry.NewExponential(r.Delay))
	}
	n := 0
	return retry.BackoffFunc(func() (time.Duration, bool) {
		wait := standardWaits[min(n, len(standardWaits)-1)]
		n++
		return wait, false
	})
}
