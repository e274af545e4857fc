package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	"github.com/awf-project/awf-hook/testdata/pgtest"
	"github.com/jackc/pgx/v5"
)

// scale returns how many deliveries TestBloat makes; make scale sets it.
func scale(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("SCALE"))
	if err != nil {
		t.Skip("make scale runs it")
	}
	if server == nil {
		t.Skip(pgtest.ErrMissing)
	}
	return n
}

func ask[T any](tb testing.TB, url, query string) (value T) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(tb.Context()))
	if err := conn.QueryRow(tb.Context(), query).Scan(&value); err != nil {
		tb.Fatal(err)
	}
	return value
}

// figure is a row of the table that make scale prints.
type figure struct{ what, is, ratio string }

// figures are those that were measured; TestMain prints them.
var figures []figure

func printFigures() {
	if len(figures) == 0 {
		return
	}
	fmt.Printf("\n| measured | figure | ratio |\n|---|---|---|\n")
	for _, f := range figures {
		fmt.Printf("| %s | %s | %s |\n", f.what, f.is, f.ratio)
	}
}

// claimTimes claims and settles 100 deliveries at a time, and returns how long the claims took, sorted.
func claimTimes(t *testing.T, s *postgres.Store, claims int) (took []time.Duration) {
	t.Helper()
	for range claims {
		begun := time.Now()
		batch := claim(t, s, 100)
		took = append(took, time.Since(begun))
		var list []delivery.Settlement
		for _, c := range batch {
			list = append(list, attempted(c, delivery.Delivered))
		}
		if _, err := s.Settle(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(took)
	return took
}

// ms is a time in the table.
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func percentile(sorted []time.Duration, p int) time.Duration { return sorted[(len(sorted)-1)*p/100] }

// A claim of 100 takes at most 10 ms, even if a million are due.
func TestClaimOfAMillion(t *testing.T) {
	scale(t)
	url := database(t)
	s := open(t, store.Options{Path: url, MaxSize: 1 << 40})
	accept(t, s, entry("first", ""))
	var few []time.Duration
	for part := range 20 {
		var entries []*delivery.Entry
		for i := range 1000 {
			entries = append(entries, entry(fmt.Sprintf("few%d-%d", part, i), ""))
		}
		accept(t, s, entries...)
		few = append(few, claimTimes(t, s, 10)...)
	}
	slices.Sort(few)
	execSQL(t, url, `
INSERT INTO awf_hook.events SELECT -n, 'x', 'workflow_end', 'run', 'flow', '2026-01-01T00:00:00Z', '{}' FROM generate_series(1, 1000000) n;
INSERT INTO awf_hook.deliveries(id, lane, event, state, due_at, batch, accepted_by, accepted_at, since, place, size)
  SELECT 'msg_x' || n, 1, -n, 0, clock_timestamp() - interval '1 hour' + n * interval '1 ms', 0, 0, now(), now(), n, 300
  FROM generate_series(1, 1000000) n;`)
	execSQL(t, url, `VACUUM ANALYZE awf_hook.deliveries, awf_hook.events`)
	claimTimes(t, s, 5)
	took := claimTimes(t, s, 1000)
	figures = append(figures, figure{"claim of 100 of 1,000,000 due",
		fmt.Sprintf("median %s, p99 %s", ms(percentile(took, 50)), ms(percentile(took, 99))),
		fmt.Sprintf("%.2f times the median of 1,000 due", float64(percentile(took, 50))/float64(percentile(few, 50)))})
	if percentile(took, 50) > 10*time.Millisecond {
		t.Errorf("a claim of 100 takes %v, want 10ms at most", percentile(took, 50))
	}
}

// deliverMany makes nodes accept, claim and settle deliveries until total are delivered.
func deliverMany(t *testing.T, stores []store.Queue, total, prefix int) {
	t.Helper()
	const batch = 250
	var begun, done atomic.Int64
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			for done.Load() < int64(total) && !t.Failed() {
				if n := begun.Add(batch); n <= int64(total) {
					var entries []*delivery.Entry
					for i := range int64(batch) {
						entries = append(entries, entry(fmt.Sprintf("%d-%d", prefix, n-i), ""))
					}
					if err := s.Accept(t.Context(), entries); err != nil {
						t.Errorf("Accept: %v", err)
					}
				}
				claims, _, err := s.Claim(t.Context(), lane, batch)
				if err != nil {
					t.Errorf("Claim: %v", err)
				}
				var list []delivery.Settlement
				for _, c := range claims {
					list = append(list, attempted(c, delivery.Delivered))
				}
				if lost, err := s.Settle(t.Context(), list); err != nil || len(lost) > 0 {
					t.Errorf("Settle: %d lost, %v", len(lost), err)
				}
				done.Add(int64(len(claims)))
			}
		})
	}
	wg.Wait()
}

// The working table neither grows nor fills with what is dead, however much is delivered, by PostgreSQL's own settings.
func TestBloat(t *testing.T) {
	total := scale(t)
	own, err := pgtest.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	url, err := own.Create("queue")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, store.Options{Path: url, MaxSize: 1 << 40})
	keeping := time.NewTicker(2 * time.Second) // as the engine does
	defer keeping.Stop()
	kept := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(kept)
		for ctx.Err() == nil {
			select {
			case <-keeping.C:
			case <-ctx.Done():
				return
			}
			if err := s.Keep(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("Keep: %v", err)
			}
		}
	}()
	defer func() { stop(); <-kept }()
	const parts = 20
	size := func() (pages int64) {
		return ask[int64](t, url, `SELECT pg_total_relation_size('awf_hook.deliveries') + pg_total_relation_size('awf_hook.events')`)
	}
	var sizes []int64
	for part := range parts {
		deliverMany(t, []store.Queue{s}, total/parts, part)
		sizes = append(sizes, size())
		t.Logf("after %d deliveries: the working tables take %.1f MiB, %d rows are dead", (part+1)*total/parts, float64(size())/(1<<20),
			ask[int64](t, url, `SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables WHERE relname IN ('deliveries', 'events')`))
	}
	half := slices.Max(sizes[:parts/2])
	most, last := slices.Max(sizes[parts/2:]), sizes[parts-1]
	figures = append(figures, figure{fmt.Sprintf("working tables through %d deliveries", total),
		fmt.Sprintf("%.0f to %.0f MiB", float64(slices.Min(sizes))/(1<<20), float64(slices.Max(sizes))/(1<<20)),
		fmt.Sprintf("the second half's largest is %.2f times the first half's", float64(most)/float64(half))})
	if last > 2*half && last > 64<<20 {
		t.Errorf("the working tables grew from %d to %d bytes", half, last)
	}
}

// A transaction that stays open on the server slows claims down by at most three times, and is named.
func TestHeldTransaction(t *testing.T) {
	scale(t)
	url := database(t)
	s := open(t, store.Options{Path: url, MaxSize: 1 << 40})
	work := func(length time.Duration, prefix int) (took []time.Duration) {
		for begun := time.Now(); time.Since(begun) < length; prefix++ {
			var entries []*delivery.Entry
			for i := range 200 {
				entries = append(entries, entry(fmt.Sprintf("h%d-%d", prefix, i), ""))
			}
			accept(t, s, entries...)
			took = append(took, claimTimes(t, s, 2)...)
		}
		slices.Sort(took)
		return took
	}
	before := work(20*time.Second, 0)
	begin(t, url+"&application_name=pg_dump", `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1`)
	work(100*time.Second, 1_000_000)
	during := work(20*time.Second, 2_000_000)
	figures = append(figures, figure{"claims of 100 in the last 20 s of 2 minutes beside an open transaction",
		fmt.Sprintf("median %s, p99 %s", ms(percentile(during, 50)), ms(percentile(during, 99))),
		fmt.Sprintf("p99 %.2f times that before, of %d and %d claims", float64(percentile(during, 99))/float64(percentile(before, 99)),
			len(during), len(before))})
	if percentile(during, 99) > 3*percentile(before, 99) {
		t.Errorf("claims got slower by %.1f times, want 3 at most", float64(percentile(during, 99))/float64(percentile(before, 99)))
	}
	blockers, err := s.Blockers(t.Context())
	if err != nil || !strings.Contains(strings.Join(blockers, "\n"), "pg_dump") {
		t.Errorf("blockers %q, %v, want the application that holds the transaction", blockers, err)
	}
	t.Log(blockers)
}

// cpu returns the processor time of this process, and with ofServer that of the server.
func cpu(t *testing.T, ofServer bool) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	sum := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if ofServer {
		sum += server.CPU()
	}
	return sum
}

// Throughput and processor time per delivery, with 1, 2 and 4 nodes and with SQLite, interleaved.
func TestThroughput(t *testing.T) {
	scale(t)
	const total, rounds = 10_000, 3
	rates, costs := map[string][]float64{}, map[string][]float64{}
	for round := range rounds {
		measure := func(name string, ofServer bool, stores []store.Queue) {
			begun, before := time.Now(), cpu(t, ofServer)
			deliverMany(t, stores, total, round)
			rates[name] = append(rates[name], total/time.Since(begun).Seconds())
			costs[name] = append(costs[name], float64((cpu(t, ofServer)-before).Microseconds())/total)
		}
		file, err := sqlite.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "state", "queue.db")})
		if err != nil {
			t.Fatal(err)
		}
		measure("sqlite", false, []store.Queue{file})
		_ = file.Close()
		for _, nodes := range []int{1, 2, 4} {
			url := database(t)
			var stores []store.Queue
			for range nodes {
				stores = append(stores, open(t, store.Options{Path: url}))
			}
			measure(fmt.Sprintf("postgres, %d nodes", nodes), true, stores)
		}
	}
	middle := func(of []float64) float64 { slices.Sort(of); return of[rounds/2] }
	for _, name := range []string{"sqlite", "postgres, 1 nodes", "postgres, 2 nodes", "postgres, 4 nodes"} {
		rate, cost := middle(rates[name]), middle(costs[name])
		figures = append(figures, figure{"accept, claim and settle in batches of 250: " + name,
			fmt.Sprintf("%.0f deliveries/s, %.0f µs of CPU each", rate, cost),
			fmt.Sprintf("%.2f times SQLite's rate, %.1f times its CPU", rate/middle(rates["sqlite"]), cost/middle(costs["sqlite"]))})
	}
	if log := server.Log(); strings.Contains(log, "deadlock detected") {
		t.Error("the server saw a deadlock")
	}
}
