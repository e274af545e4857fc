package engine

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"
)

// counts are the engine's running totals.
type counts struct {
	events, deliveries, delivered, dead, dropped, known, refused, passed, badLines atomic.Int64
	outcomes
}

// Report says what became of everything so far.
type Report struct {
	Events     int64 `json:"events"`     // accepted
	Deliveries int64 `json:"deliveries"` // that they made
	Delivered  int64 `json:"delivered"`
	Retrying   int64 `json:"retrying"` // not delivered yet
	Dead       int64 `json:"dead"`     // given up
	Dropped    int64 `json:"dropped"`  // by a transform
	Known      int64 `json:"known"`    // deliveries, and starts and ends of runs, that were there before
	Refused    int64 `json:"refused"`  // events for which the queue had no room
	Passed     int64 `json:"passed"`   // lines of AWF's own output
	BadLines   int64 `json:"bad_lines"`

	Webhooks []WebhookReport `json:"webhooks,omitempty"` // of which something is not delivered, by name
	Unread   string          `json:"unread,omitempty"`   // why the queue cannot be read at the end; "" if it can

	next   time.Duration // until the next attempt of what is not delivered yet
	closed bool          // there is none: the webhooks are closed
	lost   int64
}

// Lost is how many of the deliveries to retry are in memory alone: they end with the process.
func (r Report) Lost() int64 { return r.lost }

// Closed says that what is not delivered yet waits for webhooks that are closed: no run delivers it.
func (r Report) Closed() bool { return r.closed }

// Report returns the totals as they are now.
func (e *Engine) Report() Report {
	r := Report{
		Events:     e.counts.events.Load(),
		Deliveries: e.counts.deliveries.Load(),
		Delivered:  e.counts.delivered.Load(),
		Dead:       e.counts.dead.Load(),
		Dropped:    e.counts.dropped.Load(),
		Known:      e.counts.known.Load(),
		Refused:    e.counts.refused.Load(),
		Passed:     e.counts.passed.Load(),
		BadLines:   e.counts.badLines.Load(),
	}
	left := e.left()
	r.Webhooks, r.Unread = e.counts.outcomes.report(maps.Clone(left.webhooks), e.lanes.Name), left.unread
	r.Retrying, r.lost = left.waiting, left.unstored
	if r.closed = left.next.IsZero(); !r.closed {
		r.next = max(0, time.Until(left.next)).Round(time.Second)
	}
	return r
}

// remains is what waits for the webhooks that have a lane, and why.
type remains struct {
	waiting  int64
	unstored int64                    // of waiting, those in memory alone
	next     time.Time                // when the first of them may be claimed; zero if none may
	webhooks map[string]WebhookReport // by identity
	unread   string                   // why the queue cannot be read
}

// remains asks the queue.
func (e *Engine) remains(ctx context.Context) (remains, error) {
	r := remains{webhooks: map[string]WebhookReport{}}
	lanes, err := e.queue.Lanes(ctx)
	for i := range lanes {
		l := &lanes[i]
		name, ours := e.lanes.Name(l.Webhook)
		if !ours || l.Waiting == 0 {
			continue
		}
		r.waiting += int64(l.Waiting)
		r.unstored += int64(l.Unstored)
		if !l.Due.IsZero() && (r.next.IsZero() || l.Due.Before(r.next)) {
			r.next = l.Due
		}
		w := WebhookReport{Webhook: name, Waiting: int64(l.Waiting), Closed: l.Closed}
		if l.Failures+l.Broken > 0 {
			w.Reason = l.LastError
		}
		r.webhooks[l.Webhook] = w
	}
	return r, err
}

// left is what waits now; after Close what waited then.
func (e *Engine) left() remains {
	r, err := e.remains(context.Background())
	if err == nil {
		return r
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.atClose != nil {
		return *e.atClose
	}
	e.trouble.Say("what is left in the queue cannot be read", err)
	return e.unread(err)
}

// unread is what is known of what is left where the queue cannot be read: what this process accepted and did not see the end of.
func (e *Engine) unread(err error) remains {
	c := &e.counts
	waiting := c.deliveries.Load() - c.delivered.Load() - c.dead.Load() - c.dropped.Load()
	return remains{waiting: max(0, waiting), next: time.Now(), webhooks: map[string]WebhookReport{}, unread: err.Error()}
}

// isStored reports whether nothing is in memory alone. Sources ask it after every commit.
func (e *Engine) isStored() bool { return e.queue.Unstored() == 0 }

// String is the report in a line: "12 events, 8 deliveries: 7 delivered, 1 to retry (next in 42s), 0 dead".
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %d delivered, %d to retry", count(r.Events, "event"), count(r.Deliveries, "delivery"), r.Delivered, r.Retrying)
	switch {
	case r.Retrying > 0 && r.closed:
		b.WriteString(" (when their webhook is enabled)")
	case r.Retrying > 0:
		fmt.Fprintf(&b, " (next in %v)", r.next)
	}
	fmt.Fprintf(&b, ", %d dead", r.Dead)
	for _, more := range []struct {
		n    int64
		what string
	}{
		{r.Dropped, "dropped"}, {r.Known, "known"}, {r.Refused, "refused"},
	} {
		if more.n > 0 {
			fmt.Fprintf(&b, ", %d %s", more.n, more.what)
		}
	}
	if r.BadLines > 0 {
		fmt.Fprintf(&b, ", %s", count(r.BadLines, "bad line"))
	}
	return b.String()
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
