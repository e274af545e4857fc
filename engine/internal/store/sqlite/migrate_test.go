package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A file of the first schema opens, and its lanes are counted.
func TestOldFileOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	if err := createFile(path); err != nil {
		t.Fatal(err)
	}
	c, err := connect(path)
	if err != nil {
		t.Fatal(err)
	}
	err = c.script(migrations[0] + `PRAGMA user_version = 1;
INSERT INTO lanes(webhook) VALUES('a'), ('b');
INSERT INTO events VALUES(1, 'e', 'workflow_end', 'run', 'deploy', '2026-03-01T12:00:00Z', 1, 4, CAST('{}' AS BLOB));
INSERT INTO deliveries(seq, id, lane, event, state, due_at, accepted_at, since, place, order_key, size, done_at) VALUES
  (1, 'due', 1, 1, 0, 5, 5, 5, 1, 'k', 9, 0), (2, 'behind', 1, 1, 5, 5, 5, 5, 2, 'k', 9, 0), (3, 'dead', 1, 1, 2, 5, 5, 5, 3, NULL, 9, 5),
  (4, 'delivered', 2, 1, 1, 5, 5, 5, 4, NULL, 9, 5);`)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lanes, err := s.Lanes(t.Context())
	if err != nil || len(lanes) != 2 || lanes[0].Waiting != 2 || lanes[0].Dead != 1 || lanes[1].Waiting+lanes[1].Dead != 0 {
		t.Errorf("lanes %+v, %v, want two that wait and a dead one in the first, none in the second", lanes, err)
	}
	claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: "a", Lease: time.Minute}, 10)
	if err != nil || len(claims) != 1 || claims[0].Delivery.ID != "due" {
		t.Errorf("claimed %+v, %v, want the one that is due", claims, err)
	}
}
