package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// scans matches a step of a plan that reads all deliveries or all events. d, o, f, h and e are their names in statements.
var scans = regexp.MustCompile(`SCAN (deliveries|events|d|o|f|h|e)\b`)

// mayScan are parts of statements that look through what they must: lists, in their own order, and the move of a whole queue.
var mayScan = []string{fromEvents, ` ORDER BY d.seq DESC LIMIT`, `state >= LEAVING`}

// maySort are parts of statements that sort few rows: deliveries that are claimed or moved, ids that begin alike, and groups.
var maySort = []string{`SELECT d.seq, d.lane`, `d.id >= ? AND d.id < ?`, `state >= LEAVING`, `GROUP BY l.webhook, d.reason`}

// No statement reads all deliveries or events.
func TestNoStatementScans(t *testing.T) {
	s, err := Open(context.Background(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db"), MaxSize: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s)
	runAll(t, s)
	checked := 0
	for _, c := range append([]*conn{s.conn}, s.readers...) {
		for query := range c.prepared {
			if !strings.Contains(query, " ") || strings.HasPrefix(query, "PRAGMA") || strings.HasPrefix(query, "EXPLAIN") {
				continue
			}
			checked++
			plan := plan(t, s, query)
			holds := func(part string) bool { return strings.Contains(query, part) }
			sorts := strings.Contains(plan, "B-TREE FOR ORDER BY")
			if scans.MatchString(plan) && !slices.ContainsFunc(mayScan, holds) || sorts && !slices.ContainsFunc(maySort, holds) {
				t.Errorf("%s\n%s", query, plan)
			}
		}
	}
	if checked < 70 {
		t.Errorf("%d statements ran, want all of them", checked)
	}
}

func plan(t *testing.T, s *Store, query string) string {
	t.Helper()
	var steps []string
	prepared, err := s.conn.prepare(query)
	if err != nil {
		t.Fatal(err)
	}
	args := make([]any, prepared.params)
	err = s.conn.each(`EXPLAIN QUERY PLAN `+query, func(r *row) {
		r.next = 3
		steps = append(steps, "  "+r.Text())
	}, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return strings.Join(steps, "\n")
}

// fill adds delivered rows and dead letters.
func fill(t *testing.T, s *Store) {
	t.Helper()
	const rows = `WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 5 FROM n WHERE i < 19998) `
	for _, statement := range []string{
		`INSERT INTO lanes(webhook) VALUES('old')`,
		rows + `INSERT INTO events(seq, id, type, workflow_id, workflow_name, stamp, first, count, payload)
  SELECT i, 'e' || i, 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', i, 1, CAST('{}' AS BLOB) FROM n`,
		rows + `INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, size, done_at)
  SELECT i, 'msg_' || i, 1, i, CASE WHEN i % 50 <> 3 THEN 1 ELSE 2 END, 0, 0, 0, i, 400, 1 FROM n`,
	} {
		if err := s.conn.script(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// runAll runs every statement of the store.
func runAll(t *testing.T, s *Store) {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var entries []*delivery.Entry
	for i := range 40 {
		ev := &event.Event{ID: fmt.Sprint("new", i), Type: "workflow_end", Timestamp: time.Now()}
		keyed, free := delivery.Want{Webhook: "a#one", OrderKey: fmt.Sprint(i % 4)}, delivery.Want{Webhook: "a#two", Take: time.Minute}
		switch i {
		case 7:
			keyed.Dead = "filter"
		case 9:
			free.Past = &delivery.Past{State: delivery.Due, Content: &delivery.Content{Body: []byte("x")}}
		}
		entries = append(entries, &delivery.Entry{Event: ev, Wants: []delivery.Want{keyed, free}})
	}
	must(s.Accept(ctx, entries))
	lane := delivery.Lane{Webhook: "a#one", Lease: time.Minute}
	for i := 0; ; i++ {
		claims, _, err := s.Claim(ctx, lane, 2)
		must(err)
		if len(claims) == 0 {
			break
		}
		_, err = s.Renew(ctx, claims[0], time.Minute)
		must(err)
		settlements := []delivery.Settlement{{
			Claim: claims[0], Outcome: delivery.Outcome(i % 4), OrderMaxWait: time.Nanosecond, After: time.Hour,
		}}
		if i%2 == 0 {
			settlements[0].Content = &delivery.Content{Body: []byte("made")}
			settlements[0].Attempt = &delivery.Attempt{Number: 1}
		}
		_, err = s.Settle(ctx, settlements)
		must(err)
	}
	for _, f := range []delivery.Filter{
		{Limit: 50}, {Limit: 50, Before: 9}, {Limit: 50, State: delivery.IsDead}, {Limit: 50, State: delivery.InFlight},
		{Limit: 50, Webhook: "two"}, {Limit: 50, State: delivery.IsDropped}, {Limit: 50, Event: "workflow_end"}, {ID: "msg_8", Limit: 1},
	} {
		_, err := s.List(ctx, f)
		must(err)
	}
	_, err := s.Show(ctx, "msg_8")
	must(err)
	_, err = s.Left(ctx)
	must(err)
	_, err = s.Lanes(ctx)
	must(err)
	_, err = s.Replay(ctx, delivery.Filter{Limit: 3}, delivery.Change{Retransform: true})
	must(err)
	_, err = s.ChangeLanes(ctx, "two", store.Disable("by hand"))
	must(err)
	must(s.Ready(ctx))
	_, err = s.makeRoom(ctx)
	must(err)
	must(s.write(ctx, func(tx *tx) {
		l := tx.find("old")
		tx.run(releaseLeases, 0, 0, 0)
		l.Bytes = tx.store.opts.MaxSize / 2
		tx.makeRoomInLane(l, 1)
	}))
	_, err = s.Delete(ctx, delivery.Filter{State: delivery.IsDead, Limit: 2})
	must(err)
	_, err = s.Move(ctx, "a#one", "a#three")
	must(err)
	counts := func() string {
		text := ""
		must(s.read(ctx, `SELECT group_concat(webhook || ' ' || waiting || ' ' || dead_letters) FROM lanes`, func(r *row) { text = r.Text() }))
		return text
	}
	runOther(t, s)
	before := counts()
	must(s.Keep(ctx))
	if after := counts(); after != before {
		t.Errorf("counted again the lanes hold %q, want %q as they were counted", after, before)
	}
}

// runOther runs the statements of people, and those that move deliveries to another queue, which may look through what they must.
func runOther(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(nil, s.Record(ctx, delivery.Operation{Who: "me", What: "replay"}))
	must(s.Operations(ctx, 0, 5))
	must(s.Operations(ctx, 9, 5))
	must(s.ChangeLanes(ctx, "three", store.Pause(time.Minute)))
	must(s.ChangeLanes(ctx, "three", store.Enable))
	must(s.Oldest(ctx))
	for _, f := range []delivery.Filter{
		{State: delivery.IsDead}, {State: delivery.InFlight}, {ID: "msg_8"}, {Webhook: "three"}, {Since: time.Now()}, {State: delivery.IsDropped},
	} {
		must(s.Count(ctx, f))
		must(s.Groups(ctx, f, 5))
	}
	entries, _, err := s.Leave(ctx, store.Cursor{}, 10)
	must(nil, err)
	must(s.Leaving(ctx))
	must(nil, s.Amend(ctx, entries[:2]))
	var ids []string
	for _, entry := range entries {
		ids = append(ids, entry.Wants[0].DeliveryID(entry.Event.ID))
	}
	must(nil, s.Erase(ctx, ids[:1]))
	must(nil, s.Forget(ctx, ids[1:]))
}

// Lists find a value that few deliveries have by an index, however large the queue is.
func TestFewAreFoundByAnIndex(t *testing.T) {
	s, err := Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s)
	for _, state := range []delivery.State{delivery.Due, delivery.InFlight, delivery.IsDead, delivery.IsDropped} {
		for _, f := range []delivery.Filter{{State: state}, {State: state, Webhook: "one", Event: "workflow_end", Text: "x"}} {
			from, _, err := s.matching(t.Context(), f, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if plan := plan(t, s, `SELECT d.seq`+from+` ORDER BY d.seq DESC LIMIT 5`); scans.MatchString(plan) {
				t.Errorf("%+v reads all:\n%s", f, plan)
			}
		}
	}
}
