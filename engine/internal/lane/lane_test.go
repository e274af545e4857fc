package lane

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Looks at a lane that does not run take no room, and the earliest one counts.
func TestLooksAreMerged(t *testing.T) {
	l := newLane(Options{MaxInFlight: 1}, &shared{}, nil)
	at := time.Now()
	for _, after := range []time.Duration{3, 2, 4} {
		l.post(lookAt(at.Add(after)))
	}
	l.post(given{&delivery.Claim{}})
	l.post(lookAt(at.Add(1)))
	l.post(lookAt(at.Add(5)))
	events := l.take(nil)
	if len(events) != 3 || !time.Time(events[0].(lookAt)).Equal(at.Add(2)) || !time.Time(events[2].(lookAt)).Equal(at.Add(1)) {
		t.Errorf("the inbox has %v, want a look at 2 ns, a claim and a look at 1 ns", events)
	}
}
