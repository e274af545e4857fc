package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
)

const hook = "prod#hook"

var lane = delivery.Lane{Webhook: hook, Lease: time.Minute}

func entry(id, key string) *delivery.Entry {
	ev := &event.Event{ID: id, Type: "workflow_end", WorkflowID: "run", Timestamp: time.Unix(1_700_000_000, 0), Payload: []byte(`{"a":1}`)}
	return &delivery.Entry{Event: ev, Wants: []delivery.Want{{Webhook: hook, OrderKey: key}}}
}

func accept(tb testing.TB, s *postgres.Store, entries ...*delivery.Entry) {
	tb.Helper()
	if err := s.Accept(tb.Context(), entries); err != nil {
		tb.Fatal(err)
	}
}

func claim(tb testing.TB, s *postgres.Store, n int) []*delivery.Claim {
	tb.Helper()
	claims, _, err := s.Claim(tb.Context(), lane, n)
	if err != nil {
		tb.Fatal(err)
	}
	return claims
}

func attempted(c *delivery.Claim, outcome delivery.Outcome) delivery.Settlement {
	a := &delivery.Attempt{Number: c.Delivery.Attempts + 1, At: time.Now(), Status: 200, Outcome: outcome, Reason: "200 OK"}
	return delivery.Settlement{Claim: c, Outcome: outcome, Attempt: a}
}

func status(tb testing.TB, s *postgres.Store) delivery.LaneStatus {
	tb.Helper()
	lanes, err := s.Lanes(tb.Context())
	if err != nil || len(lanes) != 1 {
		tb.Fatalf("%d lanes, %v, want 1", len(lanes), err)
	}
	return lanes[0]
}

// Nodes that work on everything at once deliver each event once, one per key at a time and in order, and never deadlock.
func TestNodesShareAQueue(t *testing.T) { shareQueue(t, database(t), 4, 800) }

func shareQueue(t *testing.T, url string, nodes, events int) {
	t.Helper()
	const keys = 20
	stores := make([]*postgres.Store, nodes)
	for i := range stores {
		stores[i] = open(t, store.Options{Path: url})
	}
	var mu sync.Mutex
	var delivered atomic.Int64
	times, busy, last := map[string]int{}, map[string]bool{}, map[string]int{}
	byNode := make([]int, nodes)
	begin := func(c *delivery.Claim) {
		mu.Lock()
		defer mu.Unlock()
		var n int
		_, _ = fmt.Sscanf(c.Delivery.EventID, "e%d", &n)
		if c.OrderKey != "" && (busy[c.OrderKey] || n < last[c.OrderKey]) {
			t.Errorf("%s of key %s is in flight beside another or behind %d", c.Delivery.EventID, c.OrderKey, last[c.OrderKey])
		}
		busy[c.OrderKey], last[c.OrderKey] = c.OrderKey != "", n
		times[c.Delivery.EventID]++
	}
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() { // each event comes to all nodes
			for n := 0; n < events; n += 10 {
				var batch []*delivery.Entry
				for k := n; k < n+10; k++ {
					key := ""
					if k%2 == 0 {
						key = fmt.Sprint("k", k%keys)
					}
					batch = append(batch, entry(fmt.Sprintf("e%d", k), key))
				}
				accept(t, s, batch...)
			}
		})
		wg.Go(func() {
			for delivered.Load() < int64(events) && !t.Failed() {
				claims := claim(t, s, 1+rand.IntN(10))
				if len(claims) == 0 {
					time.Sleep(5 * time.Millisecond)
				}
				var batch []delivery.Settlement
				for _, c := range claims {
					begin(c)
				}
				for _, c := range claims {
					mu.Lock()
					byNode[i]++
					busy[c.OrderKey] = false
					mu.Unlock()
					batch = append(batch, attempted(c, delivery.Delivered))
				}
				if lost, err := s.Settle(t.Context(), batch); err != nil || len(lost) > 0 {
					t.Errorf("Settle: %d lost, %v", len(lost), err)
				}
				delivered.Add(int64(len(batch)))
			}
		})
	}
	wg.Wait()
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
	if st := status(t, stores[0]); len(times) != events || st.Delivered != int64(events) || st.Waiting != 0 {
		t.Errorf("%d of %d events delivered; the lane says %+v", len(times), events, st)
	}
	if strings.Contains(server.Log(), "deadlock detected") {
		t.Errorf("the server saw a deadlock:\n%s", server.Log())
	}
	t.Logf("deliveries by node: %v", byNode)
}

// A node that hangs or loses its machine in the middle of a transaction does not keep a lane from the others.
func TestNodeHangsInATransaction(t *testing.T) {
	t.Parallel()
	url := database(t)
	p, behind := behindProxy(t, url)
	hung := open(t, store.Options{Path: behind + "&default_query_exec_mode=exec"})
	s := open(t, store.Options{Path: url})
	accept(t, s, entry("a", "k"))
	last := "SKIP LOCKED"
	p.mute.Store(&last)
	go func() { _, _, _ = hung.Claim(context.Background(), lane, 1) }()
	for ask[int](t, url, `SELECT count(*) FROM pg_stat_activity
  WHERE state = 'idle in transaction' AND datname = current_database()`) == 0 {
		time.Sleep(20 * time.Millisecond)
	}
	for begun := time.Now(); ; {
		claims, _, err := s.Claim(t.Context(), lane, 1)
		if len(claims) == 1 {
			break
		}
		if time.Since(begun) > 25*time.Second {
			t.Fatalf("a lane is locked for %v: %v", time.Since(begun), err)
		}
	}
}

// A dead node loses its claims, and a node that was only stopped settles nothing that another node has claimed.
func TestDeadNodesClaims(t *testing.T) {
	url := database(t)
	now := time.Now()
	clock := func() time.Time { return now }
	stopped := open(t, store.Options{Path: url, Now: clock})
	other := open(t, store.Options{Path: url, Now: clock})
	accept(t, stopped, entry("a", ""))
	late := claim(t, stopped, 1)
	if got := claim(t, other, 1); len(got) != 0 {
		t.Fatal("claimed what another node has in flight")
	}
	now = now.Add(31 * time.Second)
	if err := other.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	taken := claim(t, other, 1)
	if len(taken) != 1 {
		t.Fatal("a node that is dead for 31 s keeps its claim")
	}
	if lost, err := stopped.Settle(t.Context(), []delivery.Settlement{attempted(late[0], delivery.Delivered)}); err != nil || len(lost) != 1 {
		t.Errorf("%d lost, %v: a node that came back settled what another has in flight", len(lost), err)
	}
	if held, err := stopped.Renew(t.Context(), late[0], time.Minute); held || err != nil {
		t.Errorf("Renew = %v, %v, want false", held, err)
	}
	if lost, err := other.Settle(t.Context(), []delivery.Settlement{attempted(taken[0], delivery.Delivered)}); err != nil || len(lost) != 0 {
		t.Errorf("%d lost, %v", len(lost), err)
	}
	if err := stopped.Keep(t.Context()); err != nil { // it is a node again
		t.Fatal(err)
	}
	accept(t, stopped, entry("b", ""))
	if st := status(t, other); st.Waiting != 1 || st.Delivered != 1 {
		t.Errorf("the lane says %+v, want one that waits and one delivered", st)
	}
	execSQL(t, url, `UPDATE awf_hook.nodes SET seen = '2100-01-01'`) // by a clock that was wrong
	if err := other.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if nodes, err := other.Nodes(t.Context()); err != nil || len(nodes) != 1 {
		t.Errorf("nodes %+v, %v, want the one that reported since", nodes, err)
	}
}

// Close releases deliveries in flight at once, and tells the other nodes.
func TestCloseTellsTheOthers(t *testing.T) {
	url := database(t)
	first, second := open(t, store.Options{Path: url}), open(t, store.Options{Path: url})
	told := second.Watch(t.Context())
	_ = first.Watch(t.Context()) // which sends
	if told == nil {
		t.Fatal("Watch found no notifications")
	}
	accept(t, first, entry("a", ""))
	select {
	case webhooks := <-told:
		if len(webhooks) != 1 || webhooks[0] != hook {
			t.Errorf("told of %q, want %s", webhooks, hook)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("another node was not told of a delivery")
	}
	if len(claim(t, first, 1)) != 1 || len(claim(t, second, 1)) != 0 {
		t.Fatal("want one claim of the first node")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if len(claim(t, second, 1)) != 1 {
		t.Error("a node that was closed keeps its claim")
	}
}

// Both nodes of a rolling upgrade work. A schema that is newer by more than one version, or that somebody changed, is refused with an
// explanation, also by a node that runs meanwhile.
func TestSchemaOfAnother(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	execSQL(t, url, `UPDATE awf_hook.meta SET version = version + 1`)
	accept(t, open(t, store.Options{Path: url}), entry("a", ""))
	if err := errors.Join(s.Keep(t.Context()), s.Ready(t.Context())); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct{ script, opens, runs string }{
		{`UPDATE awf_hook.meta SET version = version + 1`, "upgrade awf-hook", "upgrade awf-hook"},
		{`UPDATE awf_hook.meta SET version = 7`, "somebody changed the schema", "version 7 now, and this awf-hook needs 8: restart"},
		{`DELETE FROM awf_hook.meta`, "somebody changed the schema", "version 0 now"},
		{`DROP SCHEMA awf_hook CASCADE`, "", "somebody changed the schema"},
	} {
		execSQL(t, url, tt.script)
		keep, ready := s.Keep(t.Context()), s.Ready(t.Context())
		other, err := postgres.Open(t.Context(), store.Options{Path: url})
		if err == nil {
			_ = other.Close()
		}
		for _, got := range []struct {
			call, want string
			err        error
		}{{"Open", tt.opens, err}, {"Keep", tt.runs, keep}, {"Ready", tt.runs, ready}} {
			if said := fmt.Sprint(got.err); !strings.Contains(said, got.want) || (got.want == "") != (got.err == nil) {
				t.Errorf("%s: %s = %v, want %q", tt.script, got.call, got.err, got.want)
			}
		}
	}
}

// One node keeps house: one that serves takes over from one that does not, and another one follows when it is gone or
// quiet.
func TestOneNodeKeepsHouse(t *testing.T) {
	url := database(t)
	now := time.Now()
	clock := func() time.Time { return now }
	config := func(digest string) func() string { return func() string { return digest } }
	run := open(t, store.Options{Path: url, Now: clock})
	now = now.Add(time.Second)
	first := open(t, store.Options{Path: url, Now: clock, Serves: true, Config: config("a")})
	now = now.Add(time.Second)
	second := open(t, store.Options{Path: url, Now: clock, Serves: true, Config: config("b")})
	keeps := func(what string, want *postgres.Store, keep ...*postgres.Store) {
		t.Helper()
		for _, s := range keep {
			if err := s.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i, s := range []*postgres.Store{run, first, second} {
			if s.Keeps() != (s == want) {
				t.Errorf("%s: node %d keeps house: %v", what, i, s.Keeps())
			}
		}
	}
	keeps("alone", run, run)
	keeps("one that serves comes", first, first, run, second)
	now = now.Add(5 * time.Second)
	keeps("it goes on", first, first, run, second)
	nodes, err := run.Nodes(t.Context())
	if err != nil || len(nodes) != 3 || nodes[1].Config != "a" || nodes[2].Config != "b" || !nodes[1].Keeper || nodes[2].Keeper {
		t.Errorf("nodes %+v, %v", nodes, err)
	}
	now = now.Add(11 * time.Second)
	keeps("it is quiet", second, second, first, run)
	now = now.Add(-2 * time.Hour)
	keeps("the clock was set back while it is quiet", first, first, second, run)
	if nodes, err := run.Nodes(t.Context()); err != nil || !nodes[1].Seen.Equal(now.Truncate(time.Microsecond)) {
		t.Errorf("nodes %+v, %v, want one that was seen at %v", nodes, err, now)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	keeps("it ended", second, second, run)
}

// An open breaker lets one probe through across all nodes.
func TestOneProbeOverAllNodes(t *testing.T) {
	url := database(t)
	nodes := []*postgres.Store{open(t, store.Options{Path: url}), open(t, store.Options{Path: url}), open(t, store.Options{Path: url})}
	for i := range 20 {
		accept(t, nodes[0], entry(fmt.Sprint(i), ""))
	}
	for range delivery.BreakerFailures {
		st := attempted(claim(t, nodes[1], 1)[0], delivery.Retry)
		st.After = time.Hour
		if _, err := nodes[1].Settle(t.Context(), []delivery.Settlement{st}); err != nil {
			t.Fatal(err)
		}
	}
	execSQL(t, url, `UPDATE awf_hook.lanes SET paused_until = NULL`)
	var claimed atomic.Int64
	var wg sync.WaitGroup
	for _, s := range nodes {
		for range 4 {
			wg.Go(func() {
				claims, _, err := s.Claim(t.Context(), lane, 5)
				if err != nil {
					t.Error(err)
				}
				claimed.Add(int64(len(claims)))
			})
		}
	}
	wg.Wait()
	if claimed.Load() != 1 {
		t.Errorf("%d probes of an open breaker at once, want 1", claimed.Load())
	}
}

// The server's clock decides: a node whose own clock is an hour off claims, renews and settles like the others.
func TestSkewedNode(t *testing.T) {
	url := database(t)
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		wrong := postgres.Skewed(t, url, skew)
		right := open(t, store.Options{Path: url})
		id := fmt.Sprint(skew)
		accept(t, wrong, entry(id, ""))
		claims := claim(t, right, 1)
		if len(claims) != 1 || len(claim(t, wrong, 1)) != 0 {
			t.Fatalf("%v: %d claimed by the node whose clock is right, want what the other accepted, once", skew, len(claims))
		}
		retry := attempted(claims[0], delivery.Retry)
		retry.After = 30 * time.Millisecond
		if _, err := right.Settle(t.Context(), []delivery.Settlement{retry}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Millisecond)
		claims = claim(t, wrong, 1)
		if len(claims) != 1 || time.Until(claims[0].Until.Add(-skew)).Round(time.Second) != time.Minute {
			t.Fatalf("%v: the wrong node claims %d", skew, len(claims))
		}
		if len(claim(t, right, 1)) != 0 {
			t.Errorf("%v: a lease of a node whose clock is wrong does not hold", skew)
		}
		if err := right.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if held, err := wrong.Renew(t.Context(), claims[0], time.Minute); !held || err != nil {
			t.Errorf("%v: Renew = %v, %v", skew, held, err)
		}
		if lost, err := wrong.Settle(t.Context(), []delivery.Settlement{attempted(claims[0], delivery.Delivered)}); err != nil || len(lost) > 0 {
			t.Errorf("%v: %d lost, %v", skew, len(lost), err)
		}
		_ = wrong.Close()
	}
}

// A past that two processes bring at once is kept once, and nothing is left of the other.
func TestPastsThatComeTwice(t *testing.T) {
	url := database(t)
	stores := []*postgres.Store{open(t, store.Options{Path: url}), open(t, store.Options{Path: url}), open(t, store.Options{Path: url})}
	for n := range 20 {
		var wg sync.WaitGroup
		for _, s := range stores {
			wg.Go(func() {
				var entries []*delivery.Entry
				for k := range 10 {
					e := entry(fmt.Sprintf("e%d-%d", n, k), "")
					e.Wants[0].Past = &delivery.Past{
						State: delivery.Due, After: time.Hour, Accepted: time.Now(), Since: time.Now(), Spent: 1,
						Attempts: []delivery.Attempt{{Number: 1, At: time.Now(), Status: 503}}, Content: &delivery.Content{Body: []byte("made")},
					}
					entries = append(entries, e)
				}
				if err := s.Accept(t.Context(), entries); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if wrong, err := stores[0].Check(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("Check = %q, %v", wrong, err)
	}
	if st := status(t, stores[0]); st.Waiting != 200 {
		t.Errorf("%d wait, want 200", st.Waiting)
	}
}
