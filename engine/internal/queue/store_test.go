package queue_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/queue"
)

func TestMemory(t *testing.T) {
	testQueue(t, func(*testing.T) *queue.Queue { return queue.Open(queue.Options{Path: queue.Memory}) })
}

func TestFile(t *testing.T) {
	testQueue(t, openFile)
}

// openFile opens a queue in a new folder.
func openFile(t *testing.T) *queue.Queue {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "state", "queue.db"))
}

func reopen(t *testing.T, path string) *queue.Queue {
	t.Helper()
	q := queue.Open(queue.Options{Path: path})
	if err := q.Broken(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// laneItem is the hook's lane.
func laneItem(t *testing.T, q *queue.Queue) queue.LaneItem {
	t.Helper()
	lanes, err := q.Lanes(at(10))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lanes {
		if l.Webhook == hook {
			return l
		}
	}
	t.Fatal("no lane")
	return queue.LaneItem{}
}

// A lane has half of the file: its oldest dead letters make room, and are counted. Another lane's are left alone.
func TestLaneKeepsToItsHalf(t *testing.T) {
	const size, maxSize = 10_000, 1 << 20
	q := queue.Open(queue.Options{Path: filepath.Join(t.TempDir(), "queue.db"), MaxSize: maxSize})
	defer q.Close()
	big := func(id, webhook, dead string) error {
		e := entry(id, webhook)
		e.Event.Payload = []byte(`{"n":"` + strings.Repeat("x", size) + `"}`)
		e.Wants[0].Dead = dead
		return q.Accept(at(0), []*queue.Entry{e})
	}
	if err := big("other", "two", "filter"); err != nil {
		t.Fatal(err)
	}
	const dead = 200 // four times what fits
	for i := range dead {
		if err := big(fmt.Sprint(i), hook, "filter"); err != nil {
			t.Fatalf("dead letter %d: %v", i, err)
		}
	}
	l := laneItem(t, q)
	if l.Bytes > maxSize/2 || l.Bytes < maxSize/4 {
		t.Errorf("the lane has %d bytes, want about half of %d at most", l.Bytes, maxSize)
	}
	if l.Discarded == 0 || int(l.Discarded)+l.Dead != dead {
		t.Errorf("%d dead letters are kept and %d discarded, want %d together", l.Dead, l.Discarded, dead)
	}
	for i, item := range list(t, q, queue.Filter{Webhook: hook}) {
		if want := fmt.Sprint(dead - 1 - i); item.Event.ID != want {
			t.Fatalf("dead letter %s is kept, want the youngest: %s", item.Event.ID, want)
		}
	}
	if got := len(list(t, q, queue.Filter{Webhook: "two"})); got != 1 {
		t.Errorf("%d deliveries of the other lane are kept, want 1", got)
	}
	// What waits is not discarded: there is room in memory for what does not fit.
	const waits = 100
	for i := range waits {
		if err := big(fmt.Sprint("waits", i), hook, ""); err != nil {
			t.Fatal(err)
		}
	}
	if l := laneItem(t, q); l.Dead != 0 || int(l.Discarded) != dead || l.Bytes > maxSize/2 {
		t.Errorf("%+v: want all dead letters discarded for what waits, and half of the file", l)
	}
	if left := left(t, q); left.Waiting != waits {
		t.Errorf("%d wait, want %d", left.Waiting, waits)
	}
}

// breakFile makes changes of the queue's file fail until it is mended.
func breakFile(t *testing.T, path string) (mend func()) {
	t.Helper()
	do := func(script string) {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(script); err != nil {
			t.Fatal(err)
		}
	}
	do(`CREATE TRIGGER broken_deliveries BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'broken'); END;
CREATE TRIGGER broken_events BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	return func() {
		t.Helper()
		do(`DROP TRIGGER broken_deliveries; DROP TRIGGER broken_events`)
	}
}

// While the file is broken outcomes and events are kept in memory. When it is mended, or at the end, they are in the file.
func TestBrokenFileLosesNoOutcome(t *testing.T) {
	endings := map[string]func(*testing.T, *queue.Queue, string) *queue.Queue{
		"healed": func(t *testing.T, q *queue.Queue, _ string) *queue.Queue {
			if err := q.Heal(at(3)); err != nil || q.Broken() != nil {
				t.Fatalf("Heal = %v, broken: %v, want the file to be in use again", err, q.Broken())
			}
			return q
		},
		"closed": func(t *testing.T, q *queue.Queue, path string) *queue.Queue {
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			return reopen(t, path)
		},
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "queue.db")
			q := reopen(t, path)
			acceptMany(t, q, at(0), "e", 4)
			claims := claim(t, q, hook, at(0), 3)
			mend := breakFile(t, path)
			settle(t, q, claims[0], delivery.Delivered, at(1), time.Time{})
			settle(t, q, claims[1], delivery.Dead, at(1), time.Time{})
			settle(t, q, claims[2], delivery.Retry, at(1), at(100))
			if q.Broken() == nil {
				t.Fatal("the file is not broken")
			}
			if got := left(t, q).Waiting; got != 1 {
				t.Errorf("%d wait, want the one without an outcome, whose file is broken", got)
			}
			if err := q.Heal(at(2)); err != nil || q.Broken() == nil {
				t.Fatalf("Heal = %v, broken: %v, want it to be broken still", err, q.Broken())
			}
			if got := claimIDs(t, q, hook, at(2), 10); got != "" {
				t.Errorf("claimed %q of a broken file", got)
			}
			accept(t, q, at(2), "new", hook)
			mend()
			q = end(t, q, path)
			states := map[string]string{}
			for _, item := range list(t, q, queue.Filter{}) {
				states[item.Event.ID] = string(item.State)
				if item.Event.ID != "e3" && item.Event.ID != "new" && item.Delivery.Attempts != 1 {
					t.Errorf("%s has %d attempts, want 1", item.Event.ID, item.Delivery.Attempts)
				}
			}
			want := map[string]string{"e0": "delivered", "e1": "dead", "e2": "due", "e3": "due", "new": "due"}
			if name == "closed" {
				delete(want, "new") // what is in memory ends with the process
			}
			if fmt.Sprint(states) != fmt.Sprint(want) {
				t.Errorf("states %v, want %v", states, want)
			}
		})
	}
}
