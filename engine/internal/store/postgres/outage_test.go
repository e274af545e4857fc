package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
	"github.com/awf-project/awf-hook/testdata/pgtest"
	"github.com/jackc/pgx/v5"
)

// A server that is killed again and again loses no accepted event: while it is away, events are delivered from memory,
// and outcomes of its deliveries in flight are stored when it is back.
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	own, url := pgtest.New(t) // with fsync
	const nodes, events = 2, 400
	var stores []*spill.Store
	for range nodes {
		s := spill.Open(context.Background(), store.Options{Path: url, Name: "the database"})
		t.Cleanup(func() { _ = s.Close() })
		stores = append(stores, s)
	}
	var mu sync.Mutex
	got := map[string]int{}
	var done atomic.Bool
	var working, accepting sync.WaitGroup
	for i, s := range stores {
		accepting.Go(func() {
			for n := range events {
				e := entry(fmt.Sprintf("%d-%d", i, n), "")
				if err := s.Accept(t.Context(), []*delivery.Entry{e}); err != nil {
					t.Errorf("Accept: %v", err)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		working.Go(func() {
			for !done.Load() {
				// Deliveries that a commit claimed are due again when their leases end, even if the commit's answer was
				// lost.
				claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: hook, Lease: 5 * time.Second}, 10)
				if err != nil {
					t.Errorf("Claim: %v", err)
				}
				for _, c := range claims {
					mu.Lock()
					got[c.Delivery.EventID]++
					mu.Unlock()
					if _, err := s.Settle(t.Context(), []delivery.Settlement{attempted(c, delivery.Delivered)}); err != nil {
						t.Errorf("Settle: %v", err)
					}
				}
				if len(claims) == 0 {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
		working.Go(func() {
			for !done.Load() {
				_ = s.Keep(t.Context()) // the server may be away
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	for range 2 {
		time.Sleep(700 * time.Millisecond)
		own.Kill()
		time.Sleep(300 * time.Millisecond)
		if err := own.Run(); err != nil {
			t.Fatal(err)
		}
	}
	accepting.Wait()
	sum := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		return len(got)
	}
	settled := func() bool { // what was accepted by a commit whose answer was lost, and made from memory, is leased for a while
		lanes, err := stores[0].Lanes(t.Context())
		return err == nil && len(lanes) == 1 && lanes[0].Waiting == 0
	}
	for begun := time.Now(); (sum() < nodes*events || !settled()) && time.Since(begun) < 20*time.Second; {
		time.Sleep(50 * time.Millisecond)
	}
	done.Store(true)
	working.Wait()
	if len(got) != nodes*events {
		t.Errorf("%d of %d events were delivered", len(got), nodes*events)
	}
	twice := 0
	for _, n := range got {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d events, %d of them twice", len(got), twice)
	for _, s := range stores { // what was delivered from memory is stored as soon as the server answers
		err := s.Flush(t.Context())
		for begun := time.Now(); err != nil && time.Since(begun) < 20*time.Second; err = s.Flush(t.Context()) {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("Flush: %v", err)
		}
	}
	lanes, err := stores[0].Lanes(t.Context())
	if err != nil || len(lanes) != 1 || lanes[0].Waiting != 0 || lanes[0].Delivered != nodes*events {
		t.Errorf("lanes %+v, %v, want one with %d delivered", lanes, err, nodes*events)
	}
}

// No statement of an ordinary run reads a whole table of deliveries, however much waits or is kept.
func TestNoStatementScans(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	accept(t, s, entry("a", "k"), entry("b", ""))
	execSQL(t, url, `
INSERT INTO awf_hook.events SELECT -n, 'x', 'workflow_end', 'run', 'flow', '2026-01-01T00:00:00Z', '{}' FROM generate_series(1000, 20000) n;
INSERT INTO awf_hook.deliveries(id, lane, event, state, due_at, batch, accepted_by, accepted_at, since, place, size, done_at)
  SELECT 'msg_x' || n, 1 + n % 2, -n, CASE WHEN n % 10 = 0 THEN 2 ELSE 0 END, clock_timestamp() + interval '1 hour', 0, 0,
  now(), now(), n, 300,
  CASE WHEN n % 10 = 0 THEN now() END FROM generate_series(1000, 20000) n;
INSERT INTO awf_hook.history SELECT n, 'msg_h' || n, 1, 1, 1, now(), now(), now(), NULL, 1, 1, 300, '', 'x', 'workflow_end', 'run', 'flow',
  '2026-01-01T00:00:00Z', '{}', '' FROM generate_series(100000, 120000) n;
ANALYZE;`)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	scans := func() (text string) {
		rows, err := conn.Query(t.Context(), `SELECT relname::text, coalesce(seq_scan, 0) FROM pg_stat_user_tables
  WHERE schemaname = 'awf_hook' AND (relname IN ('deliveries', 'events') OR relname LIKE 'history%')
    AND n_live_tup > 0 ORDER BY 1`) // tomorrow's table is empty, and costs nothing
		if err != nil {
			t.Fatal(err)
		}
		var name string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
			text += fmt.Sprintf("%s %d\n", name, n)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	settled := func() string { // a connection reports its counts when it ends
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, store.Options{Path: url})
		time.Sleep(100 * time.Millisecond)
		return scans()
	}
	if err := s.Keep(t.Context()); err != nil { // it prunes, once in ten minutes
		t.Fatal(err)
	}
	before := settled()
	runOrdinary(t, s)
	if after := settled(); after != before {
		t.Errorf("scans before:\n%safter:\n%s", before, after)
	}
}

// runOrdinary runs each statement of an ordinary run, on a queue in which hook has a and b.
func runOrdinary(t *testing.T, s *postgres.Store) {
	t.Helper()
	claims := claim(t, s, 10)
	if len(claims) != 2 {
		t.Fatalf("%d claimed, want 2", len(claims))
	}
	if _, err := s.Renew(t.Context(), claims[0], time.Minute); err != nil {
		t.Fatal(err)
	}
	retry := attempted(claims[0], delivery.Retry)
	retry.After = time.Hour
	if _, err := s.Settle(t.Context(), []delivery.Settlement{retry, attempted(claims[1], delivery.Delivered)}); err != nil {
		t.Fatal(err)
	}
	accept(t, s, entry("c", "k"), entry("d", ""))
	claim(t, s, 10)
	if _, err := s.Lanes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Left(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Show(t.Context(), delivery.ID("a", hook)); err != nil {
		t.Fatal(err)
	}
	items, err := s.List(t.Context(), delivery.Filter{Limit: 20})
	if err != nil || len(items) != 20 || !strings.HasPrefix(items[0].Delivery.ID, "msg_") {
		t.Fatalf("%d items, %v", len(items), err)
	}
}

// A server that accepts connections and then says no more ends an Open, as one that cannot be reached does.
func TestOpenIsBounded(t *testing.T) {
	for _, last := range []string{"BEGIN", "awf_hook.meta", "clock_timestamp", "INSERT INTO awf_hook.nodes"} {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			open(t, store.Options{Path: url})
			p, behind := behindProxy(t, url)
			p.mute.Store(&last)
			opened := make(chan error, 1)
			go func() {
				s, err := postgres.OpenWithin(context.Background(), time.Second, store.Options{Path: behind + "&default_query_exec_mode=exec"})
				if err == nil {
					_ = s.Close()
				}
				opened <- err
			}()
			select {
			case err := <-opened:
				if err == nil || !strings.Contains(err.Error(), "the server does not answer") {
					t.Errorf("Open = %v, want that the server does not answer", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("Open waits for ever")
			}
		})
	}
}

// A node that is not told whether it keeps house asks again, and does not believe the answer that was rolled back.
func TestKeeperLosesItsCommit(t *testing.T) {
	url := database(t)
	p, behind := behindProxy(t, url)
	first, second := open(t, store.Options{Path: behind + "&default_query_exec_mode=exec"}), open(t, store.Options{Path: url})
	takeOver := func() {
		if err := second.Keep(t.Context()); err != nil || !second.Keeps() {
			t.Errorf("the other node keeps house: %v, %v, want true", second.Keeps(), err)
		}
	}
	p.undo.Store(&takeOver)
	if err := first.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.undo.Load() != nil || first.Keeps() {
		t.Error("both nodes keep house")
	}
}
