package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
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
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	_ "modernc.org/sqlite"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// million makes a queue with a million due deliveries: n of the hook, the others in a second lane, which is paused.
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
		rows + `INSERT INTO events(seq, id, type, workflow_id, workflow_name, stamp, first, count, payload)
  SELECT i, 'e' || i, 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', i, 1,
  CAST('{"status":"success","duration":12.5,"note":"a payload of an ordinary size, with some text in it"}' AS BLOB) FROM n`,
		rows + fmt.Sprintf(`INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, size)
  SELECT i, 'msg_' || hex(randomblob(13)), CASE WHEN i < %d THEN 1 ELSE 2 END, i, 0, %d, 0, 0, i, 400 FROM n`, n+10, start.UnixMilli()),
	} {
		if _, err := db.Exec(statement); err != nil {
			tb.Fatal(err)
		}
	}
	return path
}

// BenchmarkMillionDue claims a hundred at a time out of a million due deliveries, and out of ten thousand with 990,000
// more in a paused lane.
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

// BenchmarkHistory opens a queue, accepts and settles one event, asks for the lanes as the end of a run does, and closes: with nothing kept
// and with 1,000,000 delivered deliveries and 100,000 dead letters. It reports the ratio of the two.
func BenchmarkHistory(b *testing.B) {
	paths := [2]string{}
	for i, rows := range []int{0, 1_100_000} {
		paths[i] = filepath.Join(b.TempDir(), "queue.db")
		if err := open(b, store.Options{Path: paths[i]}).Close(); err != nil {
			b.Fatal(err)
		}
		if rows > 0 {
			addHistory(b, paths[i], rows)
		}
	}
	var runs [2][]time.Duration
	for n := range 31 {
		for i, path := range paths { // in turns, so that both meet the same load
			begun := time.Now()
			runOnce(b, path, fmt.Sprint("new", n))
			runs[i] = append(runs[i], time.Since(begun))
		}
	}
	var took [2]time.Duration
	for i := range runs {
		slices.Sort(runs[i])
		took[i] = runs[i][len(runs[i])/2]
	}
	b.ReportMetric(took[0].Seconds()*1000, "ms-empty")
	b.ReportMetric(took[1].Seconds()*1000, "ms-kept")
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
	b.ReportMetric(0, "ns/op")
}

// addHistory adds finished rows, one in eleven of them a dead letter.
func addHistory(tb testing.TB, path string, rows int) {
	tb.Helper()
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, rows)
	execSQL(tb, path, `PRAGMA synchronous = OFF; INSERT INTO lanes(webhook) VALUES('hook');`+
		numbers+`INSERT INTO events(seq, id, type, workflow_id, workflow_name, stamp, first, count, payload)
  SELECT i, 'e' || i, 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', i, 1, CAST('{}' AS BLOB)
  FROM n;`+
		numbers+`INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, size, done_at)
  SELECT i, 'msg_' || hex(randomblob(13)), 1, i, CASE i % 11 WHEN 0 THEN 2 ELSE 1 END, 0, 0, 0, i, 400, 9e12 FROM n;`)
}

// runOnce uses a queue as a run of one event does.
func runOnce(tb testing.TB, path, id string) {
	s, err := sqlite.Open(context.Background(), store.Options{Path: path, MaxSize: 1 << 40})
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	entry := &delivery.Entry{
		Event: &event.Event{ID: id, Type: "workflow_end", Timestamp: time.Now()}, Wants: []delivery.Want{{Webhook: "hook", Take: time.Minute}},
	}
	err = s.Accept(ctx, []*delivery.Entry{entry})
	if err == nil {
		a := &delivery.Attempt{Number: 1, At: time.Now(), Status: 200, Outcome: delivery.Delivered}
		_, err = s.Settle(ctx, []delivery.Settlement{{Claim: entry.Claims[0], Outcome: delivery.Delivered, Attempt: a}})
	}
	for range 3 {
		_, lanesErr := s.Lanes(ctx)
		err = errors.Join(err, lanesErr)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		tb.Fatal(err)
	}
}

// rss returns this process's resident memory in KiB; 0 if it cannot be read.
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
