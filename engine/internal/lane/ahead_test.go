package lane

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Ahead forgets a lane that caught up or ended: a reload replaces lanes while a file is read.
func TestAheadForgets(t *testing.T) {
	for name, end := range map[string]func(s *Set){
		"a lane that caught up":   func(s *Set) { s.of("slow").ready.Store(0) },
		"a lane with little left": func(s *Set) { s.of("slow").ready.Store(maxAhead) },
		"a lane that was removed": func(s *Set) { s.Remove("slow") },
		"a lane that was replaced": func(s *Set) {
			s.Add(Options{Lane: delivery.Lane{Webhook: "slow"}, MaxInFlight: 4, Close: func() {}})
		},
	} {
		s := NewSet(nil, nil, nil)
		a := NewAhead(s)
		s.Add(Options{Lane: delivery.Lane{Webhook: "slow"}, MaxInFlight: 4, Close: func() {}})
		s.of("slow").ready.Store(2 * maxAhead)
		if must := a.mustWait(map[*lane]int64{}, time.Second); must || len(a.slow) != 1 {
			t.Fatalf("%s: mustWait = %v with %d slow lanes, want false with one that began nothing", name, must, len(a.slow))
		}
		end(s)
		if must := a.mustWait(map[*lane]int64{}, 0); must || len(a.slow) != 0 {
			t.Errorf("%s: mustWait = %v with %d slow lanes, want false with none", name, must, len(a.slow))
		}
	}
}
