package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A file with the schema of any version opens with its content.
func TestOldFileOpens(t *testing.T) {
	for version := 1; version <= len(migrations); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) { opensOld(t, version) })
	}
}

func opensOld(t *testing.T, version int) {
	path := oldFile(t, migrations[0]+`
INSERT INTO lanes(webhook) VALUES('a'), ('b');
INSERT INTO events VALUES(1, 'e', 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', 1, 4, CAST('{}' AS BLOB));
INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, order_key, size, done_at) VALUES
  (1, 'due', 1, 1, 0, 5, 5, 5, 1, 'k', 9, 0), (2, 'behind', 1, 1, 5, 5, 5, 5, 2, 'k', 9, 0), (3, 'dead', 1, 1, 2, 5, 5, 5, 3, NULL, 9, 5),
  (4, 'delivered', 2, 1, 1, 5, 5, 5, 4, NULL, 9, 5);`+strings.Join(migrations[1:version], ""), version)
	s, err := Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if wrong, err := s.Check(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("wrong: %q, %v", wrong, err)
	}
	lanes, err := s.Lanes(t.Context())
	if err != nil || len(lanes) != 2 || lanes[0].Waiting != 2 || lanes[0].Dead != 1 || lanes[1].Waiting+lanes[1].Dead != 0 {
		t.Errorf("lanes %+v, %v, want two that wait and a dead one in the first, none in the second", lanes, err)
	}
	claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: "a", Lease: time.Minute}, 10)
	if err != nil || len(claims) != 1 || claims[0].Delivery.ID != "due" {
		t.Errorf("claimed %+v, %v, want the one that is due", claims, err)
	}
}

// A connection that was open before a migration sees the new columns.
func TestMigrationIsSeenByOpenConnections(t *testing.T) {
	for version := 1; version < len(migrations); version++ {
		path := oldFile(t, strings.Join(migrations[:version], ""), version)
		other, err := connect(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.number(`SELECT count(*) FROM events`); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), store.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		_, err = other.number(`SELECT count(accepted_by || trace || source) FROM deliveries, events`)
		if err := errors.Join(err, other.close(), s.Close()); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

// A table of another form is refused, and stays as it is.
func TestMigrationRefusesOtherTables(t *testing.T) {
	for _, table := range []string{"deliveries", "events"} {
		other := regexp.MustCompile(`(?s)(CREATE TABLE `+table+`\(.*?\n\)) STRICT`).ReplaceAllString(migrations[0], "$1")
		path := oldFile(t, other, 1)
		_, err := Open(t.Context(), store.Options{Path: path})
		if err == nil || !strings.Contains(err.Error(), "schema 1 to 6: SQL logic error: no such column") {
			t.Errorf("%s: %v", table, err)
		}
		c, err := connect(path)
		if err != nil {
			t.Fatal(err)
		}
		version, err := c.number(`PRAGMA user_version`)
		columns, err2 := c.number(`SELECT count(*) FROM pragma_table_info('lanes') WHERE name = 'waiting'`)
		if err := errors.Join(err, err2, c.close()); err != nil || version != 1 || columns != 0 {
			t.Errorf("%s: version %d with %d new columns, %v", table, version, columns, err)
		}
	}
}

// oldFile makes a file with the schema of an older version.
func oldFile(tb testing.TB, schema string, version int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "queue.db")
	if err := createFile(path); err != nil {
		tb.Fatal(err)
	}
	c, err := connect(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(c.script(schema+fmt.Sprintf(`PRAGMA user_version = %d`, version)), c.close()); err != nil {
		tb.Fatal(err)
	}
	return path
}

// A long log moves into the file at the end, so that the next process need not read it. A short log stays, and so does
// one that another process uses. In all cases nothing is lost.
func TestLongLogsAreNotLeftBehind(t *testing.T) {
	for _, tt := range []struct {
		events int
		used   bool // by another process, at the end
		stays  bool
	}{{1, false, true}, {1000, false, false}, {1000, true, true}} {
		path := filepath.Join(t.TempDir(), "queue.db")
		s, err := Open(t.Context(), store.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		var other *conn
		if tt.used {
			if other, err = connect(path); err == nil {
				err = other.script(`BEGIN; SELECT count(*) FROM lanes`)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		var entries []*delivery.Entry
		for i := range tt.events {
			ev := &event.Event{ID: fmt.Sprint(i), Type: "workflow_end", Payload: []byte(`{"note":"` + strings.Repeat("x", 800) + `"}`)}
			entries = append(entries, &delivery.Entry{Event: ev, Wants: []delivery.Want{{Webhook: "a"}}})
		}
		if err := errors.Join(s.Accept(t.Context(), entries), s.Close()); err != nil {
			t.Fatal(err)
		}
		if log, err := os.Stat(path + "-wal"); err != nil || (log.Size() > 0) != tt.stays {
			t.Errorf("%+v: the log is %+v, %v", tt, log, err)
		}
		if tt.used {
			if err := other.close(); err != nil {
				t.Fatal(err)
			}
		}
		if s, err = Open(t.Context(), store.Options{Path: path}); err != nil {
			t.Fatal(err)
		}
		lanes, err := s.Lanes(t.Context())
		if err != nil || len(lanes) != 1 || lanes[0].Waiting != tt.events {
			t.Errorf("%+v: lanes %+v, %v", tt, lanes, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkMigration opens a file with the first schema, 1,000,000 delivered deliveries and 100,000 dead letters.
func BenchmarkMigration(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100000) `
		path := oldFile(b, `PRAGMA synchronous = OFF;`+migrations[0]+`INSERT INTO lanes(webhook) VALUES('hook');`+
			numbers+`INSERT INTO events
  SELECT i, 'e' || i, 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', i, 1, CAST('{}' AS BLOB) FROM n;`+
			numbers+`INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, size, done_at)
  SELECT i, 'msg_' || hex(randomblob(13)), 1, i, CASE i % 11 WHEN 0 THEN 2 ELSE 1 END, 0, 0, 0, i, 400, 9e12 FROM n;`, 1)
		b.StartTimer()
		s, err := Open(b.Context(), store.Options{Path: path})
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/1.1, "s/million")
	b.ReportMetric(0, "ns/op")
}
