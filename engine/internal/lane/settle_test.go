package lane

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Outcomes wait for others, but not long if something waits for them.
func TestOutcomesWaitForOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		key     string
		probe   bool
		total   int
		outcome delivery.Outcome
		before  int // outcomes that wait already
		busy    int64
		want    time.Duration
	}{
		"others are under way":          {outcome: delivery.Delivered, busy: 5, want: settleDelay},
		"there is a next one of a key":  {outcome: delivery.Delivered, busy: 5, key: "k", want: leastSettleTime},
		"the breaker's probe":           {outcome: delivery.Delivered, busy: 5, probe: true, want: leastSettleTime},
		"a limit for all processes":     {outcome: delivery.Delivered, busy: 5, total: 4, want: leastSettleTime},
		"the lane may have to pause":    {outcome: delivery.Retry, busy: 5, want: leastSettleTime},
		"many wait":                     {outcome: delivery.Delivered, busy: 2 * maxUnsettled, before: maxUnsettled / 2, want: leastSettleTime},
		"nothing else is under way":     {outcome: delivery.Delivered, busy: 1},
		"all others are waiting, too":   {outcome: delivery.Delivered, busy: 4, before: 3},
		"the last failed, and is alone": {outcome: delivery.Dead, busy: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSettler(&shared{}, nil, nil)
				s.last = time.Now()
				s.busy.Store(tt.busy)
				l := &lane{Options: Options{Lane: delivery.Lane{Total: tt.total}}}
				o := outcome{l, delivery.Settlement{Claim: &delivery.Claim{OrderKey: tt.key, Probe: tt.probe}, Outcome: tt.outcome}}
				for range tt.before {
					s.outcomes <- outcome{}
				}
				s.add(o)
				<-s.outcomes
				begun := time.Now()
				if s.wait(); time.Since(begun) != tt.want {
					t.Errorf("waited %v, want %v", time.Since(begun), tt.want)
				}
			})
		})
	}
}

// The last attempt's outcome ends a wait.
func TestLastOutcomeEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSettler(&shared{}, nil, nil)
		s.last = time.Now()
		s.busy.Store(2)
		o := outcome{&lane{}, delivery.Settlement{Claim: &delivery.Claim{}, Outcome: delivery.Delivered}}
		begun := time.Now()
		go func() {
			time.Sleep(10 * time.Millisecond)
			s.add(o)
		}()
		if s.wait(); time.Since(begun) != 10*time.Millisecond {
			t.Errorf("waited %v, want until the outcome came", time.Since(begun))
		}
	})
}
