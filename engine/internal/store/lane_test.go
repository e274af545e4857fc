package store_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// refusals returns settlements of refused deliveries.
func refusals(blame delivery.Blame, n int) (list []delivery.Settlement) {
	for range n {
		a := &delivery.Attempt{Outcome: delivery.Dead, Reason: "refused", Blame: blame}
		list = append(list, delivery.Settlement{Claim: &delivery.Claim{}, Outcome: delivery.Dead, Attempt: a})
	}
	return list
}

// A lane pauses after failures that say something about its receiver or its webhook. A problem with one event says
// nothing about the next one.
func TestWhoseFaultPausesALane(t *testing.T) {
	for blame, pauses := range map[delivery.Blame]bool{
		delivery.BlameEvent: false, delivery.BlameWebhook: true, delivery.BlameReceiver: true, delivery.BlameSender: true,
	} {
		var l store.Lane
		for _, st := range refusals(blame, 9) {
			l.Settle(now, &st, time.Time{})
		}
		if l.MaySend(now) == pauses {
			t.Errorf("after 9 failures by fault of the %v: may send is %v, want %v", blame, l.MaySend(now), !pauses)
		}
		if l.LastError != "refused" {
			t.Errorf("fault of the %v: last error %q", blame, l.LastError)
		}
	}
}

// A probe that is refused because of its event ends, and leaves the breaker open: the next one may follow at once.
func TestRefusedEventEndsAProbe(t *testing.T) {
	var l store.Lane
	for _, st := range refusals(delivery.BlameReceiver, delivery.BreakerFailures) {
		l.Settle(now, &st, time.Time{})
	}
	later := l.PausedUntil
	claims := delivery.Lane{Lease: time.Minute}
	if n, _ := l.Allow(later, claims, 10); n != 1 {
		t.Fatalf("%d claims, want one probe", n)
	}
	l.Took(later, claims, 1)
	if n, _ := l.Allow(later, claims, 10); n != 0 {
		t.Fatalf("%d claims beside the probe, want none", n)
	}
	st := refusals(delivery.BlameEvent, 1)[0]
	l.Settle(later, &st, later.Add(claims.Lease))
	if n, _ := l.Allow(later, claims, 10); n != 1 || !l.BreakerOpen() {
		t.Errorf("%d claims after it, breaker open is %v, want the next probe", n, l.BreakerOpen())
	}
}
