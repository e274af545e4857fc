package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/google/go-cmp/cmp"
)

// waits lists the waits of a delivery that never gets through.
func waits(r config.Retry) []time.Duration {
	var list []time.Duration
	for attempts := 1; ; attempts++ {
		wait, more := nextWait(r, attempts)
		if !more {
			return list
		}
		list = append(list, wait)
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
