package spill_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
)

// breaks makes changes of the queue's file fail until it is mended.
func (q *queue) breaks() (mend func()) {
	q.t.Helper()
	do := func(script string) {
		q.t.Helper()
		db, err := sql.Open("sqlite", "file:"+q.path)
		if err != nil {
			q.t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(script); err != nil {
			q.t.Fatal(err)
		}
	}
	do(`CREATE TRIGGER broken_deliveries BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'broken'); END;
CREATE TRIGGER broken_events BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	return func() {
		q.t.Helper()
		do(`DROP TRIGGER broken_deliveries; DROP TRIGGER broken_events`)
	}
}

// While the file is broken, outcomes and events are kept in memory. Once it is mended, or at the end, they are in the
// file.
func TestBrokenFileLosesNoOutcome(t *testing.T) {
	for _, ending := range []string{"healed", "closed", "never mended"} {
		t.Run(ending, func(t *testing.T) {
			q := open(t, store.Options{})
			q.acceptIDs(0, "", "e0", "e1", "e2", "e3")
			claims := q.claim(0, 3)
			mend := q.breaks()
			q.settle(1, claims[0], delivery.Delivered)
			q.settle(1, claims[1], delivery.Dead)
			q.settle(1, claims[2], delivery.Retry)
			if q.Broken() == nil {
				t.Fatal("the file is not broken")
			}
			if got := q.lane().Waiting; got != 1 {
				t.Errorf("%d wait, want the one without an outcome, whose file is broken", got)
			}
			q.keep(2, true)
			if why := q.Broken().Error(); strings.Contains(why, "sent again") {
				t.Errorf("it is broken since %q, but the outcomes are kept", why)
			}
			if got := ids(q.claim(2, 10)); got != "" {
				t.Errorf("claimed %q of a broken file", got)
			}
			q.acceptIDs(2, "", "new")
			if ending == "never mended" {
				err := q.Close()
				if err == nil || !strings.HasPrefix(err.Error(), "3 outcomes could not be stored, their deliveries are sent again: ") {
					t.Errorf("Close = %v, want the three that were kept", err)
				}
				return
			}
			mend()
			want := map[string]string{"e0": "delivered", "e1": "dead", "e2": "due", "e3": "due", "new": "due"}
			if ending == "healed" {
				q.keep(3, false)
			} else {
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				q = open(t, store.Options{Path: q.path})
				delete(want, "new") // ends with the process
			}
			items, err := q.List(q.set(10), delivery.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range items {
				if item.Event.ID != "e3" && item.Event.ID != "new" && item.Delivery.Attempts != 1 {
					t.Errorf("%s has %d attempts, want 1", item.Event.ID, item.Delivery.Attempts)
				}
			}
			if got := q.states(); !maps.Equal(got, want) {
				t.Errorf("states %v, want %v", got, want)
			}
		})
	}
}

// Deliveries that the file knows stay as they are there, even if their event came again and was delivered from memory
// meanwhile.
func TestHealingLeavesKnownDeliveriesAlone(t *testing.T) {
	q := open(t, store.Options{})
	q.acceptIDs(0, "", "delivered", "due")
	q.settle(0, q.claim(0, 1)[0], delivery.Delivered)
	before := q.states()
	mend := q.breaks()
	q.acceptIDs(1, "", "breaks it", "delivered", "due")
	for _, c := range q.claim(1, 10) {
		q.settle(1, c, delivery.Dead)
	}
	mend()
	q.keep(2, false)
	before["breaks it"] = "dead"
	if got := q.states(); !maps.Equal(got, before) {
		t.Errorf("states %v after healing, want %v", got, before)
	}
	if l := q.lane(); l.Waiting != 1 || l.Dead != 1 || l.Delivered != 1 || l.Unstored != 0 {
		t.Errorf("%+v, want one that waits, one dead and one delivered, all in the file", l)
	}
}

// One delivery of a key is in flight at a time, in order, whichever store holds it.
func TestOrderHoldsForBothStores(t *testing.T) {
	q := open(t, store.Options{})
	q.acceptIDs(0, "k", "a")
	fromFile := q.claim(0, 10)
	mend := q.breaks()
	q.acceptIDs(1, "k", "b", "c")
	if got := ids(q.claim(1, 10)); got != "" {
		t.Fatalf("claimed %q beside a, which the file has in flight", got)
	}
	q.settle(1, fromFile[0], delivery.Delivered)
	head := q.claim(3, 10)
	if got := ids(head); got != "b" {
		t.Fatalf("claimed %q after a, want b", got)
	}
	mend()
	q.keep(4, false)
	if got := q.lane().Unstored; got != 2 {
		t.Errorf("%d are in memory alone, want b, which is in flight, and c behind it", got)
	}
	q.acceptIDs(5, "k", "d")
	q.acceptIDs(5, "other", "x")
	if got := ids(q.claim(6, 10)); got != "x" {
		t.Fatalf("claimed %q beside b, want x of the other key alone", got)
	}
	q.settle(7, head[0], delivery.Delivered)
	q.keep(8, false)
	if got := q.lane().Unstored; got != 0 {
		t.Errorf("%d are in memory alone after b was settled, want none", got)
	}
	for i, want := range []string{"c", "d", ""} {
		claims := q.claim(9+i, 10)
		if got := ids(claims); got != want {
			t.Fatalf("claimed %q, want %q", got, want)
		}
		for _, c := range claims {
			q.settle(9+i, c, delivery.Delivered)
		}
	}
}

// A key with a delivery in flight in memory is not claimed from the file.
func TestFileWaitsForKeyInMemory(t *testing.T) {
	q := open(t, store.Options{})
	q.acceptIDs(0, "k", "old")
	mend := q.breaks()
	q.acceptIDs(1, "k", "new")
	inMemory := q.claim(1, 10)
	if got := ids(inMemory); got != "new" {
		t.Fatalf("claimed %q of a broken file, want new", got)
	}
	mend()
	q.keep(2, false)
	if got := ids(q.claim(3, 10)); got != "" {
		t.Fatalf("claimed %q beside new, which has the same key", got)
	}
	q.settle(4, inMemory[0], delivery.Delivered)
	if got := ids(q.claim(6, 10)); got != "old" {
		t.Errorf("claimed %q, want old", got)
	}
}

// Outcomes of both stores in one call are kept, whichever of them fails.
func TestSettlesBothStores(t *testing.T) {
	q := open(t, store.Options{})
	q.acceptIDs(0, "", "file")
	claims := q.claim(0, 1)
	mend := q.breaks()
	q.acceptIDs(0, "", "memory")
	claims = append(claims, q.claim(0, 1)...)
	var settlements []delivery.Settlement
	for _, c := range claims {
		settlements = append(settlements, delivery.Settlement{
			Claim: c, Outcome: delivery.Delivered, Attempt: &delivery.Attempt{Number: 1, At: at(1), Outcome: delivery.Delivered},
		})
	}
	if lost, err := q.Settle(q.set(1), settlements); err != nil || len(lost) > 0 {
		t.Fatalf("Settle: %d lost, %v", len(lost), err)
	}
	lost, err := q.Settle(q.set(1), settlements[1:]) // the same again
	if err != nil || len(lost) != 1 {
		t.Errorf("the second Settle: %d lost, %v, want 1", len(lost), err)
	}
	mend()
	q.keep(2, false)
	if got, want := q.states(), map[string]string{"file": "delivered", "memory": "delivered"}; !maps.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
	if e := entry("memory", "", hook); q.Accept(q.set(3), []*delivery.Entry{e}) != nil || e.Wants[0].Fate != delivery.Known {
		t.Errorf("what was delivered from memory is %q after healing, want known", e.Wants[0].Fate)
	}
}

// A lane's rate and its breaker apply to both stores together.
func TestOneRateAndOneBreaker(t *testing.T) {
	limited := delivery.Lane{Webhook: hook, Lease: time.Minute, Rate: 1, Burst: 2}
	fill := func(t *testing.T, q *queue) {
		for i := range 40 {
			e := entry(fmt.Sprint("e", i), "", hook)
			e.Event.Payload = []byte(`"` + strings.Repeat("x", 8000) + `"`)
			q.accept(0, e)
		}
		if l := q.lane(); l.Unstored == 0 || l.Unstored == 40 {
			t.Fatalf("%d of 40 are in memory, want some in each store", l.Unstored)
		}
	}
	both := func(t *testing.T) *queue {
		q := open(t, store.Options{MaxSize: 300_000})
		fill(t, q)
		return q
	}
	t.Run("rate", func(t *testing.T) {
		q := both(t)
		claimed := 0
		for now := range 21 {
			claims, _, err := q.Claim(q.set(now), limited, 10)
			if err != nil {
				t.Fatal(err)
			}
			claimed += len(claims)
		}
		if claimed < 20 || claimed > 22 {
			t.Errorf("%d claimed in 20 s, want about one a second", claimed)
		}
	})
	t.Run("breaker", func(t *testing.T) {
		q := both(t)
		for _, c := range q.claim(0, delivery.BreakerFailures) {
			q.settle(0, c, delivery.Retry)
		}
		if got := len(q.claim(1, 20)); got != 0 {
			t.Errorf("%d claimed though the breaker is open, want none", got)
		}
		if got := len(q.claim(6, 20)); got != 1 {
			t.Errorf("%d claimed after the pause, want one probe", got)
		}
		if got := len(q.claim(7, 20)); got != 0 {
			t.Errorf("%d claimed beside the probe, want none", got)
		}
	})
	t.Run("breaker after failures of the file's deliveries", func(t *testing.T) {
		q := open(t, store.Options{MaxSize: 300_000})
		q.acceptIDs(0, "", "a", "b", "c", "d", "e")
		fromFile := q.claim(0, delivery.BreakerFailures)
		fill(t, q)
		for _, c := range fromFile {
			q.settle(0, c, delivery.Retry)
		}
		if got := len(q.claim(1, 20)); got != 0 {
			t.Errorf("%d claimed though the breaker is open, want none", got)
		}
	})
}

// Deliveries without room in the lane's half of the file wait in memory, and dead letters make room for them.
func TestLaneKeepsToItsHalf(t *testing.T) {
	const size, maxSize = 10_000, 1 << 20
	q := open(t, store.Options{MaxSize: maxSize})
	big := func(id, webhook, dead string) {
		e := entry(id, "", webhook)
		e.Event.Payload = []byte(`{"n":"` + strings.Repeat("x", size) + `"}`)
		e.Wants[0].Dead = dead
		q.accept(0, e)
	}
	big("other", "two", "filter")
	const dead = 200 // four times as many as fit
	for i := range dead {
		big(fmt.Sprint(i), hook, "filter")
	}
	l := q.lane()
	if l.Bytes > maxSize/2 || l.Bytes < maxSize/4 {
		t.Errorf("the lane has %d bytes, want about half of %d at most", l.Bytes, maxSize)
	}
	if l.Discarded == 0 || int(l.Discarded)+l.Dead != dead {
		t.Errorf("%d dead letters are kept and %d discarded, want %d together", l.Dead, l.Discarded, dead)
	}
	items, err := q.List(q.set(10), delivery.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	items = slices.DeleteFunc(items, func(item delivery.Item) bool { return item.Delivery.Webhook != hook })
	for i, item := range items {
		if want := fmt.Sprint(dead - 1 - i); item.Event.ID != want {
			t.Fatalf("dead letter %s is kept, want the youngest: %s", item.Event.ID, want)
		}
	}
	if other, err := q.List(q.set(10), delivery.Filter{Webhook: "two"}); err != nil || len(other) != 1 {
		t.Errorf("%d deliveries of the other lane are kept, %v, want 1", len(other), err)
	}
	// Waiting deliveries are not discarded: there is room in memory for those that do not fit.
	const waits = 100
	for i := range waits {
		big(fmt.Sprint("waits", i), hook, "")
	}
	l = q.lane()
	if l.Dead != 0 || int(l.Discarded) != dead || l.Waiting != waits {
		t.Errorf("%+v: want all dead letters discarded for what waits, and all %d that wait", l, waits)
	}
	if inFile := len(q.states()) - 1; int64(inFile*size) > maxSize/2 || l.Unstored != waits-inFile {
		t.Errorf("%d of the lane are in the file and %d in memory, want half of the file at most", inFile, l.Unstored)
	}
}

// A queue whose file cannot be opened says so once, delivers from memory, and stores waiting deliveries when it can.
func TestFileThatCannotBeOpened(t *testing.T) {
	var log strings.Builder
	path := filepath.Join(t.TempDir(), "queue.db")
	blocked := true
	opts := store.Options{Path: path, Log: logTo(&log)}
	q := spill.New(context.Background(), opts, func(context.Context) (store.Queue, error) {
		if blocked {
			return nil, fmt.Errorf("no such disk")
		}
		return openSQLite(opts)
	})
	defer q.Close()
	ctx := context.Background()
	if err := q.Accept(ctx, []*delivery.Entry{entry("a", "", hook)}); err != nil || q.Broken() == nil {
		t.Fatalf("Accept = %v, broken: %v, want it in memory", err, q.Broken())
	}
	if err := q.Flush(ctx); q.Unstored() != 1 || err == nil {
		t.Errorf("%d not stored, %v, want one, and why", q.Unstored(), err)
	}
	if err := q.Keep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("said %d times that the file cannot be used, want once:\n%s", n, log.String())
	}
	blocked = false
	if err := q.Flush(ctx); q.Unstored() != 0 || err != nil {
		t.Errorf("%d not stored, %v, want none", q.Unstored(), err)
	}
	if n := strings.Count(log.String(), "in use again"); n != 1 {
		t.Errorf("said %d times that the file is in use again, want once:\n%s", n, log.String())
	}
	if items, err := q.List(ctx, delivery.Filter{}); err != nil || len(items) != 1 {
		t.Errorf("%d in the file, %v, want 1", len(items), err)
	}
}
