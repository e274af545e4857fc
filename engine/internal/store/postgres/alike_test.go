package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
)

// All stores answer alike, whatever is done to them in whatever order.
func TestStoresAreAlike(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	clock := func() time.Time { return time.Unix(now.Load(), 0).UTC() }
	url := ""
	if server != nil {
		url = database(t)
	}
	for seed := range uint64(rounds) {
		now.Store(1_800_000_000)
		ctx := context.Background()
		opts := store.Options{Now: clock}
		file, err := sqlite.Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), "queue.db"), Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		stores := []*player{
			{name: "sqlite", Queue: file}, {name: "memory", Queue: memory.Open(opts)},
			{name: "spill", Queue: spill.Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), "queue.db"), Now: clock})},
		}
		if server != nil {
			empty(t, url)
			stores = append(stores, &player{name: "postgres", Queue: open(t, store.Options{Path: url, Now: clock})})
		}
		r := rand.New(rand.NewPCG(seed, 1))
		var did []string
		for _, s := range stores {
			s.clock = clock
		}
		for step := range 60 {
			now.Add(r.Int64N(40))
			do, what := move(r, step)
			did = append(did, what)
			var want string
			for i, s := range stores {
				got := do(ctx, s) + "\n" + s.shows(ctx)
				if i == 0 {
					want = got
				} else if got != want {
					t.Fatalf("seed %d: %s differs from %s after\n%s\n-- %[3]s\n%[5]s\n-- %[2]s\n%[6]s", seed, s.name, stores[0].name,
						strings.Join(did, "\n"), want, got)
				}
			}
		}
		for _, s := range stores {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

const rounds = 6

// player is a store with the claims that were made of it.
type player struct {
	store.Queue
	name   string
	clock  func() time.Time
	claims []*delivery.Claim
}

var webhooks = []string{"/f.yaml#one", "/f.yaml#two", "/g.yaml#one"}

// pick returns an element of a list.
func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func choose(r *rand.Rand) delivery.Filter {
	f := delivery.Filter{Limit: r.IntN(4)}
	for range r.IntN(3) {
		switch r.IntN(7) {
		case 0:
			f.Webhook = pick(r, "one", "two", webhooks[2])
		case 1:
			f.Event = pick(r, "workflow_end", "step_start")
		case 2:
			f.Workflow = pick(r, "w0", "w1")
		case 3:
			f.Text = pick(r, "BROKE", "e1", "_", "")
		case 4:
			f.Reason = pick(r, "broke 0", "broke 1")
		case 5:
			f.Since = time.Unix(1_800_000_000+r.Int64N(1000), 0)
		case 6:
			f.Run = pick(r, "r0", "r1", "r2")
		}
	}
	return f
}

// move returns a random call and its name.
func move(r *rand.Rand, step int) (do func(context.Context, *player) string, what string) {
	count := func(n int, err error) string { return fmt.Sprint(n, " ", err) }
	switch n := r.IntN(14); n {
	default:
		typ, run, key := pick(r, "workflow_end", "step_start"), pick(r, "r0", "r1", "r2"), pick(r, "", "", "k", "l")
		hooks, dead, take := webhooks[:1+r.IntN(3)], r.IntN(8) == 0, r.IntN(3) == 0
		id := fmt.Sprint("e", step-step%2)
		return func(ctx context.Context, p *player) string {
			ev := &event.Event{ID: id, Type: typ, WorkflowID: run, WorkflowName: "w" + run[1:], Timestamp: time.Unix(1_800_000_000, 0).UTC(),
				Payload: []byte(`{}`)}
			entry := &delivery.Entry{Event: ev}
			for i, hook := range hooks {
				want := delivery.Want{Webhook: hook, OrderKey: key}
				if key != "" { // where keys of several webhooks meet in one, their order is open
					want.OrderKey += hook
				}
				if take {
					want.Take = time.Minute
				}
				if dead && i == 1 {
					want.Dead, want.OrderKey, want.Take = "broke filter", "", 0
				}
				entry.Wants = append(entry.Wants, want)
			}
			if err := p.Accept(ctx, []*delivery.Entry{entry}); err != nil {
				return err.Error()
			}
			var fates []any
			for _, want := range entry.Wants {
				fates = append(fates, want.Fate)
			}
			p.claims = append(p.claims, entry.Claims...)
			return fmt.Sprint(fates, len(entry.Claims))
		}, fmt.Sprint("accept ", id, " key ", key, " for ", len(hooks), ", dead ", dead, ", take ", take)
	case 3, 4:
		hook, most := pick(r, webhooks...), 1+r.IntN(3)
		return func(ctx context.Context, p *player) string {
			var claims []*delivery.Claim
			var next time.Duration
			var err error
			for len(claims) < most && next == 0 && err == nil { // a call may return fewer if there may be more now
				var some []*delivery.Claim
				some, next, err = p.Claim(ctx, delivery.Lane{Webhook: hook, Lease: time.Minute}, most-len(claims))
				claims = append(claims, some...)
			}
			p.claims = append(p.claims, claims...)
			var ids []string
			for _, c := range claims {
				ids = append(ids, fmt.Sprint(c.Delivery.EventID, c.OrderKey, c.Delivery.Attempts, c.Delivery.Spent, c.Probe, c.Unrouted))
			}
			return fmt.Sprint(ids, err)
		}, fmt.Sprint("claim ", most, " of ", hook)
	case 5, 6, 7:
		outcome, reason := pick(r, delivery.Delivered, delivery.Retry, delivery.Dead), fmt.Sprint("broke ", r.IntN(2))
		which, kind := r.IntN(100), r.IntN(8)
		wait, patience := time.Duration(r.IntN(100))*time.Second, pick(r, 0, time.Minute)
		return func(ctx context.Context, p *player) string {
			p.claims = slices.DeleteFunc(p.claims, func(c *delivery.Claim) bool { return !p.clock().Before(c.Until) })
			if len(p.claims) == 0 {
				return ""
			}
			which := which % len(p.claims)
			c := p.claims[which]
			p.claims = slices.Delete(p.claims, which, which+1)
			a := &delivery.Attempt{Number: c.Delivery.Attempts + 1, At: time.Unix(1_800_000_000, 0), Outcome: outcome, Reason: reason}
			st := delivery.Settlement{Claim: c, Outcome: outcome, Attempt: a, After: wait, OrderMaxWait: patience}
			switch kind {
			case 0:
				a.RetryAfter = 30 * time.Second
			case 1:
				st.Attempt, st.Reason = nil, reason
			case 2:
				a.Free = true
			case 3:
				st.Attempt, st.Outcome, st.GivenBack = nil, delivery.Retry, true
			}
			lost, err := p.Settle(ctx, []delivery.Settlement{st})
			return fmt.Sprint(c.Delivery.EventID, len(lost), err)
		}, fmt.Sprint("settle ", outcome, reason, which, kind, wait, patience)
	case 8:
		f := choose(r)
		f.State = pick(r, delivery.State(""), delivery.IsDead, delivery.IsDelivered, delivery.Due)
		return func(ctx context.Context, p *player) string { return count(p.Replay(ctx, f, delivery.Change{})) }, fmt.Sprintf("replay %+v", f)
	case 9:
		f := choose(r)
		f.State = pick(r, delivery.IsDead, delivery.IsDelivered, delivery.Due, delivery.IsDropped)
		return func(ctx context.Context, p *player) string { return count(p.Delete(ctx, f)) }, fmt.Sprintf("delete %+v", f)
	case 10:
		from, to := pick(r, webhooks...), pick(r, webhooks...)
		return func(ctx context.Context, p *player) string { return count(p.Move(ctx, from, to)) }, fmt.Sprint("move ", from, to)
	case 11:
		hook := pick(r, "one", webhooks[1])
		return func(ctx context.Context, p *player) string { return count(p.ChangeLanes(ctx, hook, store.Enable)) }, fmt.Sprint("enable ", hook)
	case 12:
		hook, disable := pick(r, "one", webhooks[1]), r.IntN(3) == 0
		return func(ctx context.Context, p *player) string {
			if disable {
				return count(p.ChangeLanes(ctx, hook, store.Disable("by hand")))
			}
			return count(p.ChangeLanes(ctx, hook, store.Pause(20*time.Second)))
		}, fmt.Sprint("disable ", disable, hook)
	case 13:
		return func(ctx context.Context, p *player) string { return fmt.Sprint(p.Keep(ctx)) }, "keep"
	}
}

// shows returns everything that the store says.
func (p *player) shows(ctx context.Context) string {
	var b strings.Builder
	items, err := p.List(ctx, delivery.Filter{})
	fmt.Fprintln(&b, err)
	for _, it := range items {
		fmt.Fprintln(&b, it.Event.ID, it.Delivery.Webhook, it.State, it.Reason, it.Held, it.Delivery.Attempts, it.Delivery.Spent,
			it.Accepted.Unix(),
			max(it.Done.Unix(), 0), it.Delivery.Since.Unix())
	}
	lanes, err := p.Lanes(ctx)
	fmt.Fprintln(&b, err)
	for _, l := range lanes {
		if l.Waiting+l.Dead+int(l.Delivered+l.Dropped) == 0 && l.Closed == "" && l.PausedUntil.IsZero() {
			continue // a lane without deliveries may exist or not
		}
		fmt.Fprintln(&b, l.Webhook, l.Waiting, l.Dead, l.Delivered, l.Dropped, max(0, l.Due.Unix()), l.Failures, l.TransformFailures,
			max(0, l.PausedUntil.Unix()), l.Closed, l.LastError)
	}
	standing, err := p.Standing(ctx)
	fmt.Fprintln(&b, standing, err)
	left, err := p.Left(ctx)
	fmt.Fprintln(&b, err)
	for _, l := range left {
		if l.Own.Sum()+l.Earlier.Sum() == 0 {
			continue // dead letters in memory
		}
		// A database forgets who accepted a delivered one.
		fmt.Fprintln(&b, l.Webhook, l.Own.Waiting+l.Earlier.Waiting, l.Own.Retrying+l.Earlier.Retrying)
	}
	return b.String()
}
