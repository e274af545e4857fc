package engine

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// counts are the engine's running totals.
type counts struct {
	events, deliveries, known, refused, passed, badLines atomic.Int64
	own, earlier                                         ends
	outcomes
}

// ends counts the final outcomes that this process committed.
type ends struct{ delivered, dead, dropped atomic.Int64 }

func (e *ends) add(o delivery.Outcome) {
	switch o {
	case delivery.Delivered:
		e.delivered.Add(1)
	case delivery.Dead:
		e.dead.Add(1)
	case delivery.Dropped:
		e.dropped.Add(1)
	}
}

// Report says what happened to all events and deliveries so far. Its fields hold everything that [Report.String] and the
// command's text say.
//
// Each delivery that this process accepted is in one field from Delivered to Taken; Deliveries is their sum. Each waiting
// delivery is in one place: Waiting + Retrying = Kept + Spilled + Lost, unless Unread says that this is not known.
type Report struct {
	Events     int64 `json:"events"`     // accepted
	Deliveries int64 `json:"deliveries"` // made from these events
	Delivered  int64 `json:"delivered"`
	Waiting    int64 `json:"waiting"`   // not tried yet
	Retrying   int64 `json:"retrying"`  // tried, and due again later
	Dead       int64 `json:"dead"`      // given up
	Dropped    int64 `json:"dropped"`   // by a transform
	InFlight   int64 `json:"in_flight"` // another process is sending them
	Taken      int64 `json:"taken"`     // another process ended them, or somebody deleted them

	Queue       string   `json:"queue,omitempty"`    // the file, or the database without user and password; "" for one in memory
	Kept        int64    `json:"kept"`               // those of Waiting and Retrying in the queue
	Spilled     int64    `json:"spilled"`            // those of Waiting and Retrying that Close wrote to Spill
	Lost        int64    `json:"lost"`               // those of Waiting and Retrying in memory alone, which end with the process
	DeadSpilled int64    `json:"dead_spilled"`       // those of Dead that Close wrote to Spill
	DeadLost    int64    `json:"dead_lost"`          // those of Dead in memory alone
	Again       int64    `json:"again"`              // delivered, but the queue's file does not know: they are sent again
	Spill       []string `json:"spill,omitempty"`    // files that Engine.Read takes back, with the same ids
	Journaled   bool     `json:"journaled,omitzero"` // the next process on this machine takes up Spill by itself
	Trouble     string   `json:"trouble,omitempty"`  // why something is in memory alone, or in Spill

	Earlier        Earlier `json:"earlier"`
	EarlierUnknown bool    `json:"earlier_unknown,omitempty"` // the queue's file could not be opened: see Trouble

	Known    int64 `json:"known"`   // deliveries, and starts and ends of runs, that existed before
	Refused  int64 `json:"refused"` // events that found no room in the queue, or that name a webhook which does not exist
	Passed   int64 `json:"passed"`  // lines of AWF's own output
	BadLines int64 `json:"bad_lines"`

	Next     time.Time       `json:"next,omitzero"`      // when the next attempt of a waiting delivery may be made; zero if there will be none
	Closed   bool            `json:"closed,omitzero"`    // all waiting deliveries belong to closed webhooks: no run delivers them
	Webhooks []WebhookReport `json:"webhooks,omitempty"` // those with undelivered deliveries, by name
	Orphans  []Orphan        `json:"orphans,omitempty"`  // webhooks that nobody delivers for and that have deliveries in the queue
	Unread   string          `json:"unread,omitempty"`   // why the queue cannot be read at the end; "" if it can
}

// Earlier says what happened to deliveries that other processes accepted: earlier ones, and those that run beside
// this one.
type Earlier struct {
	Delivered int64 `json:"delivered"` // by this process
	Waiting   int64 `json:"waiting"`
	Retrying  int64 `json:"retrying"`
	Dead      int64 `json:"dead"`    // given up by this process
	Dropped   int64 `json:"dropped"` // by this process
	InFlight  int64 `json:"in_flight"`
}

// Left returns how many deliveries wait in all, those of other processes included.
func (r Report) Left() int64 { return r.Waiting + r.Retrying + r.Earlier.Waiting + r.Earlier.Retrying }

// Report returns the totals so far.
func (e *Engine) Report() Report {
	c := &e.counts
	left := e.left()
	r := Report{
		Events:     c.events.Load(),
		Deliveries: c.deliveries.Load(),
		Delivered:  c.own.delivered.Load(),
		Dead:       c.own.dead.Load() - left.undone.own.dead,
		Dropped:    c.own.dropped.Load() - left.undone.own.dropped,
		Waiting:    left.own.waiting,
		Retrying:   left.own.retrying,
		InFlight:   left.own.inFlight,
		DeadLost:   left.letters,
		Earlier: Earlier{
			Delivered: c.earlier.delivered.Load(), Dead: c.earlier.dead.Load() - left.undone.earlier.dead,
			Dropped: c.earlier.dropped.Load() - left.undone.earlier.dropped,
			Waiting: left.earlier.waiting, Retrying: left.earlier.retrying, InFlight: left.earlier.inFlight,
		},
		EarlierUnknown: !e.queue.IsOpen(),
		Known:          c.known.Load(),
		Refused:        c.refused.Load(),
		Passed:         c.passed.Load(),
		BadLines:       c.badLines.Load(),
		Next:           left.next,
		Closed:         left.closed,
		Unread:         left.unread,
		Orphans:        left.orphans,
		Trouble:        left.trouble,
	}
	if e.opts.Queue != Memory {
		r.Queue = QueueName(e.opts.Queue)
	}
	r.Webhooks = c.outcomes.report(maps.Clone(left.webhooks), left.undone.letters, e.lanes.Name)
	r.Taken = max(0, r.Deliveries-r.Delivered-r.Dead-r.Dropped-r.Waiting-r.Retrying-r.InFlight)
	r.Lost, r.Again = left.unstored, left.undone.delivered
	if left.unread == "" {
		r.Kept = r.Waiting + r.Retrying - r.Lost
	}
	if s := left.spilled; s != nil {
		r.Spill, r.Spilled, r.DeadSpilled, r.Journaled = s.files, s.waiting, s.letters, s.journaled
		r.Lost, r.DeadLost = r.Lost-s.waiting, r.DeadLost-s.letters
	}
	return r
}

// String returns the report in a line: "12 events, 8 deliveries: 7 delivered, 1 to retry (next in 42s), 0 dead". It
// omits what earlier runs left.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %d delivered, %s, %d dead", count(r.Events, "event"), count(r.Deliveries, "delivery"), r.Delivered,
		r.waitText(r.Waiting, r.Retrying), r.Dead)
	writeMore(&b, []counted{
		{r.Dropped, "dropped"}, {r.InFlight, "in flight in another process"}, {r.Taken, "taken over by another process"},
		{r.Known, "known"}, {r.Refused, "refused"},
	})
	if r.BadLines > 0 {
		fmt.Fprintf(&b, ", %s", count(r.BadLines, "bad line"))
	}
	return b.String()
}

// OfEarlier returns a line about deliveries that other processes accepted: "3 delivered, 2 waiting, 1 to retry, 0
// dead"; "" if there are none.
func (r Report) OfEarlier() string {
	e := r.Earlier
	if e == (Earlier{}) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d delivered, %s, %d dead", e.Delivered, r.waitText(e.Waiting, e.Retrying), e.Dead)
	writeMore(&b, []counted{{e.Dropped, "dropped"}, {e.InFlight, "in flight in another process"}})
	return b.String()
}

// waitText separates deliveries that were not tried from those that were: "2 waiting, 1 to retry (next in 42s)".
func (r Report) waitText(waiting, retrying int64) string {
	when := r.when(waiting + retrying)
	if waiting == 0 {
		return fmt.Sprintf("%d to retry%s", retrying, when)
	}
	if retrying == 0 {
		return fmt.Sprintf("%d waiting%s, 0 to retry", waiting, when)
	}
	return fmt.Sprintf("%d waiting, %d to retry%s", waiting, retrying, when)
}

// when says when the next attempt of n deliveries may be made: " (next in 42s)".
func (r Report) when(n int64) string {
	switch {
	case n == 0:
		return ""
	case r.Closed:
		return " (when their webhook is enabled)"
	case r.Next.IsZero():
		return ""
	}
	return fmt.Sprintf(" (next in %v)", max(0, time.Until(r.Next)).Round(time.Second))
}

type counted struct {
	n    int64
	what string
}

func writeMore(b *strings.Builder, list []counted) {
	for _, more := range list {
		if more.n > 0 {
			fmt.Fprintf(b, ", %d %s", more.n, more.what)
		}
	}
}

func count(n int64, what string) string {
	if n != 1 {
		if stem, isY := strings.CutSuffix(what, "y"); isY {
			what = stem + "ies"
		} else {
			what += "s"
		}
	}
	return fmt.Sprintf("%d %s", n, what)
}

// settled counts a committed outcome and tells whoever asked for it.
func (e *Engine) settled(st *delivery.Settlement) {
	e.counts.settled(st)
	e.observeSettled(st)
	e.noticeSettled(st)
	if e.opts.OnOutcome != nil && !st.GivenBack {
		c := st.Claim
		e.opts.OnOutcome(Outcome{c.Delivery.ID, c.Delivery.Webhook, c.Event, st.Outcome, st.Attempt, st.Reason})
	}
}

func (c *counts) settled(st *delivery.Settlement) {
	c.outcomes.add(st)
	if st.Claim.Own {
		c.own.add(st.Outcome)
	} else {
		c.earlier.add(st.Outcome)
	}
}

// isStored reports whether nothing is in memory alone. Sources ask after every commit.
func (e *Engine) isStored() bool { return e.queue.Unstored() == 0 }
