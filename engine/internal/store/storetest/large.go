package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Large tests a store that reads what is claimed from a disk: a claim does not read many megabytes, however large events and stored
// bodies are, and the next claim gets the next ones at once.
func Large(t *testing.T, s store.Store) {
	const events, most = 12, 5
	text := bytes.Repeat([]byte("x"), 900<<10)
	payload := append(append([]byte(`{"text":"`), text...), `"}`...)
	for _, name := range []string{"events", "events with keys", "bodies"} {
		for i := range events {
			want := delivery.Want{Webhook: name}
			ev := &event.Event{ID: fmt.Sprint(i), Type: event.WorkflowEnd, Timestamp: time.Now(), Payload: payload}
			switch name {
			case "events with keys":
				want.OrderKey = ev.ID
			case "bodies":
				ev.Payload = nil
				want.Past = &delivery.Past{State: delivery.Due, Accepted: time.Now(), Since: time.Now(), Content: &delivery.Content{Body: text}}
			}
			if err := s.Accept(t.Context(), []*delivery.Entry{{Event: ev, Wants: []delivery.Want{want}}}); err != nil {
				t.Fatal(err)
			}
		}
		for got := 0; got < events; {
			claims, next, err := s.Claim(t.Context(), laneOf(name), 100)
			if err != nil || len(claims) == 0 || len(claims) > most {
				t.Fatalf("%s: %d claimed, %v; want 1 to %d", name, len(claims), err, most)
			}
			if got += len(claims); got < events && next != 0 {
				t.Fatalf("%s: after %d of %d, the next claim is in %v, want one at once", name, got, events, next)
			}
			for i, c := range claims {
				if want := fmt.Sprint(got - len(claims) + i); c.Event.ID != want {
					t.Errorf("%s: claimed %s, want %s", name, c.Event.ID, want)
				}
			}
		}
	}
}
