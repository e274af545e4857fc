package lane

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Bounds of what a file is read ahead of its deliveries. docs/config.md names them.
const (
	maxAhead     = 1024                   // deliveries that a lane has ready
	maxTaken     = 2 * maxAhead           // deliveries of the events that are accepted next
	maxEvents    = 4 * maxAhead           // these events
	maxAheadSize = 3 << 20                // bytes that all lanes have ready
	aheadGrace   = 300 * time.Millisecond // a lane may begin nothing for this long
	aheadPace    = time.Millisecond       // lanes that then take longer for a delivery, together, are slow
	aheadWait    = time.Second            // the longest wait
)

// Ahead slows a stream down to the pace of the lanes, if nobody waits for the stream's reader. What the lanes have ready
// then stays small, and they need not claim anything from the store. Ahead never waits for a slow lane or one that stands
// still, nor while another lane runs out of deliveries. One goroutine uses it.
type Ahead struct {
	lanes *Set
	took  map[*lane]int  // deliveries of the last batch
	next  int            // events of the next batch
	slow  map[*lane]bool // nobody waits for these until they have little ready
}

// NewAhead makes an Ahead for the lanes of a set.
func NewAhead(s *Set) *Ahead {
	return &Ahead{lanes: s, took: map[*lane]int{}, next: maxAhead}
}

// Took notes which lanes were given the deliveries of an accepted batch.
func (a *Ahead) Took(batch []*delivery.Entry) {
	clear(a.took)
	all := 0
	for _, entry := range batch {
		all += len(entry.Claims)
		for _, claim := range entry.Claims {
			if l := a.lanes.of(claim.Delivery.Webhook); l != nil {
				a.took[l]++
			}
		}
	}
	a.next = min(maxEvents, max(1, len(batch)*maxTaken/max(all, 1)))
}

// Wait waits until no lane has much ready, as long as may is true. It returns how many events to accept next: large
// transactions cost less for each event, but what comes of them waits in memory.
func (a *Ahead) Wait(may func() bool) int {
	begun, had := time.Now(), map[*lane]int64{}
	for may() && time.Since(begun) < aheadWait {
		changed := a.lanes.Changed()
		if !a.mustWait(had, time.Since(begun)) {
			break
		}
		timer := time.NewTimer(10 * time.Millisecond)
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
	return a.next
}

// mustWait reports whether a lane has much ready and is quick enough to be worth waiting for. had is how many attempts
// each lane had begun before the wait.
func (a *Ahead) mustWait(had map[*lane]int64, waited time.Duration) bool {
	var full []*lane
	crowded, all := a.lanes.held.Load() > maxAheadSize, 0
	for _, n := range a.took {
		all += n
	}
	runsOut, must := false, false
	for _, l := range a.lanes.all() {
		switch ready := l.ready.Load(); {
		case ready < int64(l.MaxInFlight):
			n := a.took[l]
			runsOut = runsOut || n > 0 && n >= all/8 // its next deliveries are probably not far
		case ready > maxAhead || crowded:
			full = append(full, l)
		}
	}
	slow := map[*lane]bool{}
	for _, l := range full {
		if _, known := had[l]; !known {
			had[l] = l.begun.Load()
		}
		begun := l.begun.Load() - had[l]
		slow[l] = a.slow[l] || begun < int64((waited-aheadGrace)/aheadPace)/int64(len(full))
		must = must || !slow[l]
	}
	a.slow = slow
	return must && !runsOut
}
