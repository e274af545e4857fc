package engine

import (
	"context"
	"errors"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// remains says what waits for the webhooks that have a lane.
type remains struct {
	waiting int64     // all of them, those in flight included
	next    time.Time // when the first of them may be claimed; zero if none may be
	closed  bool      // all of them wait for closed webhooks
	others  []string  // webhooks without a lane that have something due, by identity
}

// remains asks the queue what is left. It is cheap.
func (e *Engine) remains(ctx context.Context) (remains, error) {
	lanes, err := e.queue.Lanes(ctx)
	return e.remainsIn(lanes), err
}

func (e *Engine) remainsIn(lanes []delivery.LaneStatus) (r remains) {
	open := false
	for i := range lanes {
		l := &lanes[i]
		if l.Waiting == 0 {
			continue
		}
		if _, ours := e.lanes.Name(l.Webhook); !ours {
			if !l.Due.IsZero() {
				r.others = append(r.others, l.Webhook)
			}
			continue
		}
		r.waiting += int64(l.Waiting)
		open = open || l.Closed == ""
		if l.Due.IsZero() {
			continue
		}
		next := l.Due
		if allowed := l.Allowed(e.lanes.Rate(l.Webhook)); allowed.After(next) {
			next = allowed
		}
		if r.next.IsZero() || next.Before(r.next) {
			r.next = next
		}
	}
	r.closed = r.waiting > 0 && !open
	return r
}

// waits counts deliveries without a final outcome.
type waits struct{ waiting, retrying, inFlight int64 }

func (w *waits) add(c delivery.Counts) {
	w.waiting, w.retrying, w.inFlight = w.waiting+int64(c.Waiting), w.retrying+int64(c.Retrying), w.inFlight+int64(c.InFlight)
}

// left is the part of a report about waiting deliveries, and why they wait.
type left struct {
	remains
	own, earlier waits
	unstored     int64                    // those of own that are in memory alone
	letters      int64                    // dead letters in memory alone
	undone       undone                   // outcomes that the queue's file lacks
	webhooks     map[string]WebhookReport // by identity
	orphans      []Orphan
	unread       string   // why the queue cannot be read
	trouble      string   // why something is in memory alone
	spilled      *spilled // what Close wrote; nil before Close
}

// undone counts outcomes that the queue's file lacks: the file still says that their deliveries wait.
type undone struct {
	delivered    int64
	own, earlier struct{ dead, dropped int64 }
	letters      map[string]int64 // dead letters by webhook
}

func newUndone(settlements []delivery.Settlement) undone {
	u := undone{letters: map[string]int64{}}
	for i := range settlements {
		of := &u.earlier
		if settlements[i].Claim.Own {
			of = &u.own
		}
		switch settlements[i].Outcome {
		case delivery.Delivered:
			u.delivered++
		case delivery.Dead:
			of.dead++
			u.letters[settlements[i].Claim.Delivery.Webhook]++
		case delivery.Dropped:
			of.dropped++
		}
	}
	return u
}

// left returns what waits now; after Close, what waited then.
func (e *Engine) left() left {
	e.mu.Lock()
	atClose := e.atClose
	e.mu.Unlock()
	if atClose != nil {
		return *atClose
	}
	l, err := e.countLeft(context.Background())
	if err != nil {
		e.trouble.Say("what is left in the queue cannot be read", err)
		return e.unread(err)
	}
	return l
}

// countLeft asks the queue for everything that a report says.
func (e *Engine) countLeft(ctx context.Context) (left, error) {
	lanes, err := e.queue.Lanes(ctx)
	if err != nil {
		return left{}, err
	}
	counted, err := e.queue.Left(ctx)
	if err != nil {
		return left{}, err
	}
	l := left{remains: e.remainsIn(lanes), undone: newUndone(e.queue.Unsettled()), webhooks: map[string]WebhookReport{}}
	own := e.unended(&l.undone)
	for _, c := range counted {
		own = disown(&c, own)
		name, ours := e.lanes.Name(c.Webhook)
		if !ours {
			name, c.Earlier = nameOf(c.Webhook), delivery.Counts{} // the webhook of another configuration; our own deliveries count all the same
		}
		l.own.add(c.Own)
		l.earlier.add(c.Earlier)
		l.unstored += int64(c.Unstored.Sum())
		l.letters += int64(c.Letters)
		l.webhooks[c.Webhook] = WebhookReport{
			Webhook: name, Waiting: int64(c.Own.Waiting + c.Earlier.Waiting), Retrying: int64(c.Own.Retrying + c.Earlier.Retrying),
			Earlier: int64(c.Earlier.Sum()),
		}
	}
	for i := range lanes {
		w, waits := l.webhooks[lanes[i].Webhook]
		if name, ours := e.lanes.Name(lanes[i].Webhook); !waits && ours && lanes[i].Closed != "" {
			w.Webhook, waits = name, true
		}
		if waits {
			if w.Closed = lanes[i].Closed; lanes[i].Failures+lanes[i].TransformFailures > 0 {
				w.Reason = lanes[i].LastError
			}
			l.webhooks[lanes[i].Webhook] = w
		}
	}
	l.orphans = Orphans(lanes, e.Config())
	if why := e.queue.Broken(); why != nil {
		l.trouble = why.Error()
	}
	return l, nil
}

// nameOf returns the name in a webhook's identity.
func nameOf(identity string) string {
	_, name := config.SplitIdentity(identity)
	return name
}

// reason returns why the queue did not answer in time, if that is the error and the reason is known. Otherwise it returns the error.
func (e *Engine) reason(err error) error {
	if why := e.queue.Broken(); why != nil && errors.Is(err, context.DeadlineExceeded) {
		return why
	}
	return err
}

// unread returns what is known when the queue cannot be read: the deliveries in memory, and how many others this
// process accepted without seeing their end.
func (e *Engine) unread(err error) left {
	err = e.reason(err)
	l := left{
		remains: remains{next: time.Now()}, webhooks: map[string]WebhookReport{}, unread: err.Error(), trouble: err.Error(),
		undone: newUndone(e.queue.Unsettled()),
	}
	inMemory, _ := e.queue.LeftInMemory(context.Background()) // fails only when closed: then nothing is in it
	for _, c := range inMemory {
		l.own.add(c.Own)
		l.unstored += int64(c.Unstored.Sum())
		l.letters += int64(c.Letters)
	}
	l.own.retrying += max(0, e.unended(&l.undone)-l.unstored)
	return l
}

// unended returns how many deliveries this process accepted without seeing their end.
func (e *Engine) unended(u *undone) int64 {
	ends := &e.counts.own
	return e.counts.deliveries.Load() - ends.delivered.Load() - ends.dead.Load() - ends.dropped.Load() + u.own.dead + u.own.dropped
}

// disown counts deliveries of a lane beyond the first n as others', and returns what is left of n. These are stored
// by commits whose answers were lost: their senders were told that they were not accepted.
func disown(l *delivery.Left, n int64) int64 {
	own := func() int64 { return int64(l.Own.Sum() + l.Own.InFlight) }
	over := max(0, own()-max(0, n))
	for _, c := range []struct{ own, earlier *int }{
		{&l.Own.Waiting, &l.Earlier.Waiting}, {&l.Own.Retrying, &l.Earlier.Retrying}, {&l.Own.InFlight, &l.Earlier.InFlight},
	} {
		some := min(int(over), *c.own)
		*c.own, *c.earlier, over = *c.own-some, *c.earlier+some, over-int64(some)
	}
	return n - own()
}
