package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-cmp/cmp"
)

// waits lists the waits of a delivery that never gets through, without jitter.
func waits(r config.Retry) []time.Duration {
	var list []time.Duration
	var d delivery.Delivery
	for {
		wait, dead := waitAfter(r, &d, &delivery.Attempt{}, 0.5)
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

// 50 doublings overflow a duration.
func TestWaitsNeverShrinkAndAreTheSameEachTime(t *testing.T) {
	for _, delay := range []time.Duration{0, 1, 3, 10 * time.Millisecond, time.Second, 7 * time.Minute, 24*time.Hour - 1, 24 * time.Hour} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			r := config.Retry{MaxAttempts: 50, Delay: delay}
			first := waits(r)
			if len(first) != 49 {
				t.Errorf("%d waits, want 49", len(first))
			}
			for i, wait := range first {
				if wait <= 0 || wait > maxWait || i > 0 && wait < first[i-1] {
					t.Errorf("wait %d is %v, behind %v", i+1, wait, first[max(0, i-1)])
				}
			}
			if diff := cmp.Diff(first, waits(r)); diff != "" {
				t.Errorf("another time (-first +second):\n%s", diff)
			}
		})
	}
}

// A wait stays within its jitter and below the longest, whatever chance says; what a receiver asks for is obeyed exactly.
func TestWaitsWithinTheirBounds(t *testing.T) {
	for range 100_000 {
		r := config.Retry{
			MaxAttempts: 1 + rand.IntN(50), Delay: time.Duration(1 + rand.Int64N(int64(24*time.Hour))), Jitter: float64(rand.IntN(101)) / 100,
			Backoff: config.Backoffs[rand.IntN(len(config.Backoffs))], MaxDelay: time.Duration(1 + rand.Int64N(int64(24*time.Hour))),
			MaxAge: []time.Duration{0, time.Duration(1 + rand.Int64N(int64(100*time.Hour)))}[rand.IntN(2)],
		}
		since := time.Unix(1_800_000_000, 0)
		d := delivery.Delivery{Spent: rand.IntN(50), Since: since}
		a := delivery.Attempt{At: since.Add(time.Duration(rand.Int64N(int64(50 * time.Hour)))), Took: time.Second, Free: rand.IntN(4) == 0}
		plain := r
		plain.MaxAge = 0
		middle, _ := waitAfter(plain, &d, &a, 0.5)
		wait, dead := waitAfter(r, &d, &a, rand.Float64())
		switch {
		case dead == attemptsUsedUp:
			if a.Free || d.Spent+1 < r.MaxAttempts {
				t.Fatalf("%+v after %d spent: %s, want another attempt", r, d.Spent, dead)
			}
		case dead == tooOld:
			if r.MaxAge == 0 {
				t.Fatalf("%+v: %s, want no bound", r, dead)
			}
		case !a.Free && d.Spent+1 >= r.MaxAttempts:
			t.Fatalf("%+v after %d spent: another attempt in %v, want none", r, d.Spent, wait)
		case r.MaxAge > 0 && a.At.Add(a.Took+wait).After(since.Add(r.MaxAge)):
			t.Fatalf("%+v: the next attempt comes after max_age", r)
		case wait > longest(r) && !(a.Free && wait == minFreeWait):
			t.Fatalf("%+v: wait %v, want at most %v", r, wait, longest(r))
		case !a.Free && math.Abs(float64(wait-middle)) > float64(middle)*r.Jitter+1 && middle < longest(r):
			t.Fatalf("%+v: wait %v, want %v and %v of it more or less", r, wait, middle, r.Jitter)
		}
		a.RetryAfter = time.Duration(1 + rand.Int64N(int64(24*time.Hour)))
		if wait, dead := waitAfter(plain, &d, &a, rand.Float64()); dead == "" && wait != a.RetryAfter {
			t.Fatalf("wait %v, want exactly what the receiver asked for: %v", wait, a.RetryAfter)
		}
	}
}
