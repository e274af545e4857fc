package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// kept fills a queue with a million deliveries of an event each, ten every second until start: with the bodies that were sent and the
// answers. Of the webhooks, h9 has a hundred deliveries; of the workflows, rare has ten. dead of a thousand deliveries are dead letters, 20
// were dropped and 10 are due again.
func kept(tb testing.TB, dead int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "queue.db")
	if err := open(tb, store.Options{Path: path}).Close(); err != nil {
		tb.Fatal(err)
	}
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) `
	execSQL(tb, path, `PRAGMA synchronous = OFF;
INSERT INTO lanes(webhook) VALUES('f#h0'), ('f#h1'), ('f#h2'), ('f#h3'), ('f#h4'), ('f#h5'), ('f#h6'), ('f#h7'), ('f#h8'), ('f#h9');`+
		numbers+`INSERT INTO events(seq, id, type, workflow_id, workflow_name, stamp, first, count, payload, source)
  SELECT i, hex(randomblob(16)),
  CASE i * 7919 % 10 WHEN 0 THEN 'workflow_start' WHEN 1 THEN 'workflow_error' ELSE 'step_complete' END,
  'run-' || (i / 20), CASE WHEN i * 104729 % 100000 = 7 THEN 'rare' ELSE 'deploy-' || (i * 31 % 20) END, '2026-03-01T12:00:00.123Z', i, 1,
  CAST('{"step":"build","kind":"command","status":"success","duration":12.345,"note":"a payload of an ordinary size"}' AS BLOB),
  CASE WHEN i % 1000 = 5 THEN 'ci' ELSE '' END FROM n;`+
		numbers+fmt.Sprintf(`INSERT INTO deliveries(seq, id, lane, event, state, due_at, token, accepted_at, since, place, attempts, spent, size,
  done_at, reason, log, content_type, header, url_suffix, body)
  SELECT i, 'msg_' || substr(lower(hex(randomblob(13))), 1, 26),
  CASE WHEN i * 224737 %% 10000 = 3 THEN 10 ELSE 1 + i * 32452843 %% 9 END, i,
  CASE WHEN h < %[1]d THEN 2 WHEN h < %[1]d + 20 THEN 3 WHEN h < %[1]d + 30 THEN 0 ELSE 1 END, at, 1, at, at, i, 1, 1, 1100,
  CASE WHEN h BETWEEN %[1]d + 20 AND %[1]d + 29 THEN 0 ELSE at + 500 END,
  CASE WHEN h < %[1]d THEN '503 Service Unavailable: upstream connect error ' || (i %% 50) ELSE '200 OK' END,
  '{"n":1,"at":1767225600000,"took":123,"status":200,"outcome":"delivered","reason":"200 OK","response":"%[2]s"}' || char(10),
  'application/json', '', '', CAST('%[3]s' AS BLOB) FROM (SELECT i, i * 15485863 %% 1000 AS h, %[4]d - (1000000 - i) * 100 AS at FROM n);`,
		dead, strings.Repeat("an answer ", 12), strings.Repeat("a body of JSON ", 30), start.UnixMilli())+
		`UPDATE lanes SET waiting = (SELECT count(*) FROM deliveries d WHERE d.lane = lanes.id AND d.state = 0),
  dead_letters = (SELECT count(*) FROM deliveries d WHERE d.lane = lanes.id AND d.state = 2);`)
	return path
}

// BenchmarkListMillion lists deliveries out of a million with all filters of awf-hook deliveries list, alone and in pairs. Most find less
// than they may, so that they must look through all. It reports the processor time of the slowest filter and of --text, and the time that
// --text takes in all: two connections look at once.
func BenchmarkListMillion(b *testing.B) {
	for _, dead := range []int{50, 400} {
		b.Run(fmt.Sprintf("dead_%d_of_1000", dead), func(b *testing.B) {
			q := open(b, store.Options{Path: kept(b, dead), MaxSize: 1 << 40, Now: func() time.Time { return start }})
			var slowest, text, textInAll time.Duration
			for b.Loop() {
				for name, f := range filters() {
					took, inAll := listTime(b, q, f)
					b.Logf("%4d ms, %4d in all: %s", took.Milliseconds(), inAll.Milliseconds(), name)
					if f.Text != "" {
						text, textInAll = max(text, took), max(textInAll, inAll)
					} else {
						slowest = max(slowest, took)
					}
				}
			}
			b.ReportMetric(slowest.Seconds()*1000, "ms")
			b.ReportMetric(text.Seconds()*1000, "ms-text")
			b.ReportMetric(textInAll.Seconds()*1000, "ms-text-in-all")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// filters returns each state with each other filter and some pairs of those.
func filters() map[string]delivery.Filter {
	all := map[string]delivery.Filter{}
	for _, state := range append([]delivery.State{""}, delivery.States...) {
		for _, f := range []delivery.Filter{
			{}, {Webhook: "h1"}, {Webhook: "h9"}, {Event: "workflow_error"}, {Event: "none"}, {Workflow: "rare"}, {Run: "run-7"}, {Source: "ci"},
			{Source: "none"}, {Since: start.Add(time.Second)}, {Since: start.Add(-time.Hour)}, {Text: "none"}, {Text: "connect error"},
			{Text: "run-77777"},
			{Webhook: "h9", Event: "workflow_error"}, {Webhook: "h9", Since: start.Add(-time.Hour)}, {Webhook: "h1", Workflow: "rare"},
			{Event: "none", Since: start.Add(-time.Hour)}, {Workflow: "rare", Event: "workflow_error"}, {Webhook: "h1", Run: "run-7"},
		} {
			f.State, f.Limit = state, 50
			name := fmt.Sprintf("state=%s webhook=%s event=%s workflow=%s run=%s source=%s text=%s since=%v",
				state, f.Webhook, f.Event, f.Workflow, f.Run, f.Source, f.Text, !f.Since.IsZero())
			all[name] = f
		}
	}
	return all
}

// listTime returns the least processor time of three lists, and the least time.
func listTime(tb testing.TB, q store.Queue, f delivery.Filter) (processor, inAll time.Duration) {
	tb.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			tb.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	processor, inAll = time.Hour, time.Hour
	for range 3 {
		begun, from := time.Now(), used()
		if _, err := q.List(tb.Context(), f); err != nil {
			tb.Fatal(err)
		}
		processor, inAll = min(processor, used()-from), min(inAll, time.Since(begun))
	}
	return processor, inAll
}
