package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	_ "modernc.org/sqlite"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// million makes a queue with n due deliveries of the hook, and in a second lane, which is paused, as many as make a million.
func million(tb testing.TB, n int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "queue.db")
	q := open(tb, store.Options{Path: path})
	first := &delivery.Entry{
		Event: &event.Event{ID: "first", Type: "workflow_end", Timestamp: start}, Wants: []delivery.Want{{Webhook: "hook"}, {Webhook: "paused"}},
	}
	if err := q.Accept(tb.Context(), []*delivery.Entry{first}); err != nil {
		tb.Fatal(err)
	}
	if err := q.Close(); err != nil {
		tb.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	const rows = `WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000 + 9) `
	for _, statement := range []string{
		`PRAGMA synchronous = OFF`,
		`UPDATE lanes SET paused_until = 1e14 WHERE webhook = 'paused'`,
		rows + `INSERT INTO events SELECT i, 'e' || i, 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', i, 1, CAST('{"status":"success","duration":12.5,"note":"a payload of an ordinary size, with some text in it"}' AS BLOB) FROM n`,
		rows + fmt.Sprintf(`INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, size)
  SELECT i, 'msg_' || hex(randomblob(13)), CASE WHEN i < %d THEN 1 ELSE 2 END, i, 0, %d, 0, 0, i, 400 FROM n`, n+10, start.UnixMilli()),
	} {
		if _, err := db.Exec(statement); err != nil {
			tb.Fatal(err)
		}
	}
	return path
}

// BenchmarkMillionDue claims a hundred at a time of a million that are due, and of ten thousand beside 990,000 in a paused lane.
func BenchmarkMillionDue(b *testing.B) {
	for _, due := range []int{1_000_000, 10_000} {
		b.Run(fmt.Sprintf("%d_due", due), func(b *testing.B) {
			path := million(b, due)
			q := open(b, store.Options{Path: path, MaxSize: 1 << 40, Now: func() time.Time { return start.Add(time.Second) }})
			var took []time.Duration
			for range b.N {
				for range 50 {
					begun := time.Now()
					claims, _, err := q.Claim(b.Context(), delivery.Lane{Webhook: "hook", Lease: time.Minute}, 100)
					took = append(took, time.Since(begun))
					if err != nil || len(claims) != 100 {
						b.Fatalf("%d claimed, %v", len(claims), err)
					}
					settlements := make([]delivery.Settlement, len(claims))
					for i, c := range claims {
						settlements[i] = delivery.Settlement{Claim: c, Outcome: delivery.Retry}
					}
					if _, err := q.Settle(b.Context(), settlements); err != nil {
						b.Fatal(err)
					}
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
			b.ReportMetric(float64(rss())/1024, "MiB-RSS")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkListMillion lists the newest of a million deliveries, and looks for some that there are none of.
func BenchmarkListMillion(b *testing.B) {
	q := open(b, store.Options{Path: million(b, 1_000_000), MaxSize: 1 << 40, Now: func() time.Time { return start }})
	for _, f := range []delivery.Filter{
		{Limit: 50}, {Limit: 50, State: delivery.IsDead}, {Limit: 50, Webhook: "paused"}, {Limit: 50, State: delivery.InFlight},
		{Limit: 50, Since: start}, {Limit: 50, Event: "workflow_start"}, {Limit: 50, Workflow: "none"},
		{Limit: 50, Event: "workflow_end"}, {Limit: 50, Event: "workflow_start", State: delivery.Due},
	} {
		name := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.State, f.Webhook, f.Event, f.Workflow))
		if !f.Since.IsZero() {
			name = "since"
		}
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			for range b.N {
				if _, err := q.List(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// rss is this process's resident memory in KiB; 0 where that cannot be read.
func rss() (kib int) {
	if runtime.GOOS != "linux" {
		return 0
	}
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib
		}
	}
	return 0
}
