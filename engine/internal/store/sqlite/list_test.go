package sqlite

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Whatever people search for, the statements that a connection keeps stay few.
func TestFiltersDoNotPileUpStatements(t *testing.T) {
	s, err := Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 1 << 9 {
		f := delivery.Filter{State: delivery.IsDead, Limit: 5}
		for bit, set := range []func(){
			func() { f.ID = "x" }, func() { f.Webhook = "x" }, func() { f.Event = "x" }, func() { f.Run = "x" }, func() { f.Workflow = "x" },
			func() { f.Text = "x" }, func() { f.Reason = "x" }, func() { f.Since = time.Unix(1, 0) }, func() { f.Until = time.Unix(2, 0) },
		} {
			if i>>bit&1 == 1 {
				set()
			}
		}
		if _, err := s.List(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Delete(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range append(s.readers, s.conn) {
		if len(c.prepared) > maxPrepared {
			t.Errorf("a connection keeps %d statements, want at most %d", len(c.prepared), maxPrepared)
		}
	}
}

// Whichever index a list uses, it finds all that match, the newest first.
func TestListsFindAll(t *testing.T) {
	for _, index := range []string{
		"", // the index of this version
		`CREATE INDEX deliveries_done ON deliveries(state, done_at, lane) WHERE done_at > 0 OR state >= 8;`,
		`CREATE INDEX deliveries_done ON deliveries(state, done_at) WHERE done_at > 0;`,
	} {
		s, err := Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fill(t, s)
		hour := time.Hour.Milliseconds()
		script := fmt.Sprintf(`INSERT INTO lanes(webhook) VALUES('a#few');
UPDATE deliveries SET accepted_at = %[1]d + seq * 1000, done_at = %[1]d + seq * 1000 + 7,
  state = CASE WHEN seq %% 1000 = 8 THEN 3 ELSE state END,
  lane = CASE WHEN seq %% 700 = 3 THEN 2 ELSE 1 END, reason = CASE WHEN seq %% 5000 = 13 THEN '503 Rare' ELSE '200 OK' END;
UPDATE deliveries SET state = 0, done_at = 0 WHERE seq %% 2500 = 3;
UPDATE deliveries SET state = 5, order_key = 'k', done_at = 0 WHERE seq = 4203;
UPDATE deliveries SET state = 8, done_at = 0 WHERE seq = 2103;
UPDATE deliveries SET state = 9 WHERE seq = 2803;
UPDATE events SET workflow_id = 'the rare run' WHERE seq IN (18, 4203, 18998);
UPDATE events SET type = 'workflow_error' WHERE seq %% 3000 = 3;`, 100*hour)
		if index != "" {
			script += `DROP INDEX deliveries_done; ` + index
		}
		if err := s.conn.script(script); err != nil {
			t.Fatal(err)
		}
		all, err := s.List(t.Context(), delivery.Filter{})
		if err != nil || len(all) != 4000 {
			t.Fatalf("%d deliveries, %v", len(all), err)
		}
		for _, state := range append([]delivery.State{""}, delivery.States...) {
			for bits := range 3 << 5 {
				f := delivery.Filter{State: state, Limit: 6, Text: []string{"", "rArE", "g_77"}[bits>>5]}
				if f.Text == "g_77" { // a part of an id
					f.Limit = 0
				}
				for bit, set := range []func(){
					func() { f.Webhook = "few" }, func() { f.Event = "workflow_error" },
					func() { f.Since = time.UnixMilli(102 * hour) }, func() { f.Before = 15000 }, func() { f.Until = time.UnixMilli(104 * hour) },
				} {
					if bits>>bit&1 == 1 {
						set()
					}
				}
				var want []int64
				for _, it := range all {
					if (f.Limit == 0 || len(want) < f.Limit) && matches(it, f) {
						want = append(want, it.Seq)
					}
				}
				var got []int64
				items, err := s.List(t.Context(), f)
				for _, it := range items {
					got = append(got, it.Seq)
				}
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%+v with the index %q: %v, %v, want %v", f, index, got, err, want)
				}
			}
		}
	}
}

// matches does what the filters of TestListsFindAll do.
func matches(it delivery.Item, f delivery.Filter) bool {
	inState := f.State == "" || it.State == f.State && it.Held != store.OnItsWay
	mentions := strings.Contains(strings.ToLower(it.Reason+it.Event.WorkflowID+it.Delivery.ID), strings.ToLower(f.Text))
	return inState && mentions && (f.Webhook == "" || it.Delivery.Webhook == "a#"+f.Webhook) && (f.Event == "" || it.Event.Type == f.Event) &&
		!it.Accepted.Before(f.Since) && (f.Before == 0 || it.Seq < f.Before) &&
		(f.Until.IsZero() || !it.Done.IsZero() && !it.Done.After(f.Until))
}

// A small file of an older version gets the index of new ones.
func TestOldFilesAreIndexedAgainIfTheyAreSmall(t *testing.T) {
	for _, tt := range []struct{ last, want int64 }{{1, knowsReasons}, {fewRows + 2, 0}} {
		path := oldFile(t, strings.Join(migrations, "")+fmt.Sprintf(`INSERT INTO lanes(webhook) VALUES('a');
INSERT INTO events VALUES(1, 'e', 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', 1, 2, CAST('{}' AS BLOB), '', '');
INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, size) VALUES
  (1, 'one', 1, 1, 0, 5, 5, 5, 1, 9), (%d, 'two', 1, 1, 0, 5, 5, 5, 1, 9) ON CONFLICT DO NOTHING;`, tt.last), len(migrations))
		s, err := Open(t.Context(), store.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := s.conn.number(indexKnows); got != tt.want || err != nil {
			t.Errorf("deliveries up to %d: the index knows %d columns more, %v, want %d", tt.last, got, err, tt.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
