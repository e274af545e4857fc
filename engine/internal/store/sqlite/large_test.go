package sqlite_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// However large events are, a claim does not read many megabytes of them. The next claim gets the next ones at once.
func TestClaimsOfLargeEventsAreFew(t *testing.T) {
	const events = 24
	q := open(t, store.Options{Path: filepath.Join(t.TempDir(), "queue.db")})
	payload := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), 900<<10)...), `"}`...)
	for i := range events {
		ev := &event.Event{ID: fmt.Sprint(i), Type: event.WorkflowEnd, Timestamp: time.Now(), Payload: payload}
		if err := q.Accept(t.Context(), []*delivery.Entry{{Event: ev, Wants: []delivery.Want{{Webhook: "hook"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	for got := 0; got < events; {
		claims, next, err := q.Claim(t.Context(), delivery.Lane{Webhook: "hook", Lease: time.Minute}, 100)
		if err != nil || len(claims) == 0 || len(claims) > 5 {
			t.Fatalf("%d claimed, %v; want 1 to 5", len(claims), err)
		}
		if got += len(claims); got < events && next != 0 {
			t.Fatalf("after %d of %d, the next claim is in %v, want one at once", got, events, next)
		}
		for i, c := range claims {
			if want := fmt.Sprint(got - len(claims) + i); c.Event.ID != want {
				t.Errorf("claimed %s, want %s", c.Event.ID, want)
			}
		}
	}
}
