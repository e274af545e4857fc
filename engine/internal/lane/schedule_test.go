package lane

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-cmp/cmp"
)

// waits lists the waits of a delivery that never succeeds, without jitter.
func waits(r config.Retry) []time.Duration {
	var list []time.Duration
	var d delivery.Delivery
	for {
		wait, dead := Wait(r, &d, &delivery.Attempt{}, 0.5)
		if dead != "" {
			return list
		}
		list = append(list, wait)
		d.Spent++
	}
}

func TestWaits(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	tests := []struct {
		name  string
		retry config.Retry
		want  []time.Duration
	}{
		{"standard", config.Retry{MaxAttempts: 10}, []time.Duration{5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h}},
		{"standard, short", config.Retry{MaxAttempts: 3}, []time.Duration{5 * s, 5 * m}},
		{"standard, its last wait repeats", config.Retry{MaxAttempts: 12},
			[]time.Duration{5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h, 24 * h, 24 * h}},
		{"no second attempt", config.Retry{MaxAttempts: 1}, nil},
		{"no second attempt with a delay", config.Retry{MaxAttempts: 1, Delay: s}, nil},
		{"doubling", config.Retry{MaxAttempts: 6, Delay: 10 * s}, []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s}},
		{"doubling to the longest wait", config.Retry{MaxAttempts: 6, Delay: 5 * h}, []time.Duration{5 * h, 10 * h, 20 * h, 24 * h, 24 * h}},
		{"constant", config.Retry{MaxAttempts: 4, Delay: m, Backoff: config.Constant}, []time.Duration{m, m, m}},
		{"fibonacci", config.Retry{MaxAttempts: 6, Delay: s, Backoff: config.Fibonacci}, []time.Duration{s, 2 * s, 3 * s, 5 * s, 8 * s}},
		{"capped", config.Retry{MaxAttempts: 5, Delay: s, MaxDelay: 3 * s}, []time.Duration{s, 2 * s, 3 * s, 3 * s}},
		{"schedule, its last wait repeats", config.Retry{MaxAttempts: 5, Schedule: []time.Duration{m, s}}, []time.Duration{m, s, s, s}},
		{"schedule, capped", config.Retry{MaxAttempts: 3, Schedule: []time.Duration{h, m}, MaxDelay: m}, []time.Duration{m, m}},
		{"longest wait at once", config.Retry{MaxAttempts: 3, Delay: 24 * h}, []time.Duration{24 * h, 24 * h}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, waits(tt.retry)); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

// With every backoff, waits grow to the longest and stay there. 50 doublings overflow a duration.
func TestWaitsNeverShrinkAndAreTheSameEachTime(t *testing.T) {
	for _, backoff := range config.Backoffs {
		for _, delay := range []time.Duration{0, 1, 3, 10 * time.Millisecond, time.Second, 7 * time.Minute, 24*time.Hour - 1, 24 * time.Hour} {
			for _, most := range []time.Duration{0, 10 * time.Millisecond, time.Minute, 24 * time.Hour} {
				t.Run(fmt.Sprint(backoff, delay, most), func(t *testing.T) {
					r := config.Retry{MaxAttempts: 50, Backoff: backoff, Delay: delay, MaxDelay: most}
					first := waits(r)
					if len(first) != 49 {
						t.Errorf("%d waits, want 49", len(first))
					}
					for i, wait := range first {
						if wait <= 0 || wait > longest(r) || i > 0 && wait < first[i-1] {
							t.Errorf("wait %d is %v, behind %v", i+1, wait, first[max(0, i-1)])
						}
					}
					if last := first[len(first)-1]; last != longest(r) && grows(r) {
						t.Errorf("the last wait is %v, want the longest: %v", last, longest(r))
					}
					if diff := cmp.Diff(first, waits(r)); diff != "" {
						t.Errorf("another time (-first +second):\n%s", diff)
					}
				})
			}
		}
	}
}

// grows reports whether 49 waits reach the longest.
func grows(r config.Retry) bool {
	return r.Delay == 0 || r.Delay >= 10*time.Millisecond && r.Backoff != config.Constant
}

// anyRetry returns a random policy, and an attempt after which to ask for a wait.
func anyRetry() (config.Retry, delivery.Delivery, delivery.Attempt) {
	long := func(most time.Duration) time.Duration { return time.Duration(1 + rand.Int64N(int64(most))) }
	since := time.Unix(1_800_000_000, 0)
	r := config.Retry{
		MaxAttempts: 1 + rand.IntN(50), Delay: long(24 * time.Hour), Jitter: float64(rand.IntN(101)) / 100,
		Backoff: config.Backoffs[rand.IntN(len(config.Backoffs))], MaxDelay: long(24 * time.Hour),
	}
	switch rand.IntN(4) {
	case 0:
		r.Delay = 0
	case 1:
		r.Schedule = []time.Duration{long(time.Hour), long(24 * time.Hour)}
	}
	return r, delivery.Delivery{Spent: rand.IntN(50), Since: since},
		delivery.Attempt{At: since.Add(long(50 * time.Hour)), Took: long(time.Minute), Free: rand.IntN(4) == 0}
}

// A wait stays within its jitter and below the longest, whatever the random number is, and both ends of the jitter are
// reachable. A delivery is given up when its attempts are used up, and not before.
func TestWaitsWithinTheirBounds(t *testing.T) {
	for range 30_000 {
		r, d, a := anyRetry()
		middle, dead := Wait(r, &d, &a, 0.5)
		if usedUp := !a.Free && d.Spent+1 >= r.MaxAttempts; usedUp != (dead == attemptsUsedUp) {
			t.Fatalf("%+v after %d spent, free: %v: %q", r, d.Spent, a.Free, dead)
		}
		if dead != "" {
			continue
		}
		least, most := float64(middle)*(1-r.Jitter), min(float64(middle)*(1+r.Jitter), float64(longest(r)))
		if a.Free {
			least, most = max(least, float64(minFreeWait)), max(most, float64(minFreeWait))
		}
		const slack = 2 // ns, of floating-point error
		for _, random := range []float64{0, rand.Float64(), 1} {
			wait, dead := Wait(r, &d, &a, random)
			at := float64(wait)
			if dead != "" || at < least-slack && !a.Free || at > most+slack || a.Free && wait < minFreeWait {
				t.Fatalf("%+v: wait %v, %q, want from %v to %v", r, wait, dead, time.Duration(least), time.Duration(most))
			}
			if !a.Free && (random == 0 && at > least+slack || random == 1 && at < most-slack) {
				t.Fatalf("%+v: wait %v by chance %v, want the end of what jitter allows: from %v to %v", r, wait, random, time.Duration(least),
					time.Duration(most))
			}
		}
	}
}

// A delivery is too old if its next attempt would come after max_age, to the nanosecond. Until then the receiver's
// Retry-After is obeyed exactly.
func TestMaxAgeAndRetryAfterAreExact(t *testing.T) {
	for range 30_000 {
		r, d, a := anyRetry()
		d.Spent = rand.IntN(r.MaxAttempts)
		if a.Free || d.Spent+1 < r.MaxAttempts {
			if rand.IntN(2) == 0 {
				a.RetryAfter = time.Duration(1 + rand.Int64N(int64(maxWait)))
			}
			random := rand.Float64()
			wait, dead := Wait(r, &d, &a, random)
			if dead != "" || a.RetryAfter > 0 && wait != a.RetryAfter {
				t.Fatalf("wait %v, %q, want exactly what the receiver asked for: %v", wait, dead, a.RetryAfter)
			}
			next := a.At.Add(a.Took + wait).Sub(d.Since)
			r.MaxAge = next
			if got, dead := Wait(r, &d, &a, random); dead != "" || got != wait {
				t.Fatalf("%+v: wait %v, %q, want %v: it is not too old yet", r, got, dead, wait)
			}
			r.MaxAge = next - 1
			if got, dead := Wait(r, &d, &a, random); dead != tooOld {
				t.Fatalf("%+v: wait %v, %q, want it to be too old", r, got, dead)
			}
		}
	}
}
