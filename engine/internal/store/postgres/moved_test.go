package postgres_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A delivery is moved while it is in flight, and gets its outcome while another one joins its key in the new lane: that one is sent, too.
func TestJoiningTheKeyOfAMovedDelivery(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	ctx := t.Context()
	accept(t, s, entry("head", "k"))
	head := claim(t, s, 1)[0]
	const other = "prod#other"
	if n, err := s.Move(ctx, head.Delivery.Webhook, other); n != 1 || err != nil {
		t.Fatalf("%d moved, %v", n, err)
	}
	next := entry("next", "another")
	next.Wants[0].Webhook = other
	accept(t, s, next)

	holder := begin(t, url, `BEGIN; SELECT FROM awf_hook.lanes WHERE webhook = 'prod#other' FOR UPDATE;
UPDATE awf_hook.deliveries SET order_key = 'k', state = 5 WHERE order_key = 'another'`)
	settled := make(chan error, 1)
	go func() {
		_, err := s.Settle(ctx, []delivery.Settlement{{Claim: head, Outcome: delivery.Delivered}})
		settled <- err
	}()
	time.Sleep(300 * time.Millisecond) // Settle gets as far as it can
	commit(t, holder)
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	claims, _, err := s.Claim(ctx, delivery.Lane{Webhook: other, Lease: time.Minute}, 5)
	if err != nil || len(claims) != 1 {
		t.Errorf("%d claimed, %v, want the one that joined the key", len(claims), err)
	}
}
