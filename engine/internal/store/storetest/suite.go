// Package storetest tests that every store keeps the same promises.
package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/google/go-cmp/cmp"
)

// Run tests a store's promises. open returns an empty store with the clock now.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) store.Queue) {
	tests := []struct {
		name string
		test func(*testing.T, *queue)
	}{
		{"a claim holds the event and the delivery", claimHoldsAll},
		{"claims come by due, then by acceptance", claimsInOrder},
		{"a claim takes no more than it asks for", claimsUpToN},
		{"what is not due is not claimed", claimsOnlyDue},
		{"a delivery is claimed once", claimsExclusively},
		{"a retry is due later and not earlier", retryWaits},
		{"a claim that is given back keeps its place", goesBack},
		{"a retry comes after what was due before it", retryInOrder},
		{"delivered and dead leave", finalLeaves},
		{"a claim is settled once", settlesOnce},
		{"only attempts of the receiver's fault are spent", spentOrNot},
		{"a claim whose lease ended is lost", leasesEnd},
		{"what is accepted can be taken at once", takesAtOnce},
		{"five failures open the breaker", breakerOpens},
		{"five transform failures in a row open it too", brokenTransformPauses},
		{"a lane shows what modules used of their fuel", showsFuel},
		{"a replay ends a pause that transforms caused", replayEndsPause},
		{"a pause that the receiver asks for holds for its lane", pausesLane},
		{"a receiver that is gone closes its lane", closesLane},
		{"what fails before it is accepted shows in its lane", faultShows},
		{"a rate is kept", keepsRate},
		{"a clock that jumped holds nothing back", clockJumps},
		{"a clock that jumped ends a probe", probeJumps},
		{"what a wrong clock stored shows, and can be made due", clockShows},
		{"a clock that jumped ends no rate", rateJumps},
		{"after a clock was far ahead, what is delivered shows, stays known and is pruned in time", prunesAfterJump},
		{"one delivery of a key is in flight, in order", keepsOrder},
		{"a dead head frees its key", deadFreesKey},
		{"a head that waits long is passed", passesOldHead},
		{"show tells all", showTellsAll},
		{"show finds one among many that begin alike", showFindsExactly},
		{"list selects and pages", listSelects},
		{"what is listed is counted, by reason", groups},
		{"a pause by hand ends", pausesByHand},
		{"replay makes dead letters due", replays},
		{"attempts after a replay are marked", marksReplays},
		{"delete forgets all but the id", deletes},
		{"when the head of a key is deleted, the next one is sent", deletesHeads},
		{"what is deleted behind an old head is not sent", deletesBehind},
		{"dead letters are kept longer", prunesInTime},
		{"a body that is made again counts once", countsBodiesOnce},
		{"a known id is counted and not queued again", knownIDs},
		{"of a known event, new deliveries are accepted", partlyKnown},
		{"next due is the first that waits", nextDue},
		{"left counts what waits", leftCounts},
		{"left tells apart what was tried", leftTellsApart},
		{"standing tells apart due, later, behind and in flight", standingTellsApart},
		{"a delivery that is put off is not in flight", putOffIsNotInFlight},
		{"webhooks do not share deliveries", webhooksApart},
		{"each delivery's fate is told", tellsFates},
		{"a delivery brings its past", bringsPast},
		{"a known delivery keeps its own past", knownKeepsItsOwn},
		{"deliveries move to another webhook", movesDeliveries},
		{"a delivery that moves after its lease keeps its outcome", movesExpired},
		{"a delivery that moves after its lease is not in flight", movedIsNotInFlight},
		{"a limit holds for replay and delete", limitsChanges},
		{"a lane is due when its pause and its probe have ended", dueAfterPause},
		{"a lane is disabled and enabled by name", disables},
		{"operations are kept, the last first", keepsOperations},
		{"a cancelled context ends a call", endsWithContext},
		{"texts of any bytes are kept, and harm no other event", oddTexts},
		{"texts are found whatever letters they have", findsTexts},
		{"what a column has no room for is kept, and harms no other event", hostileEvents},
		{"where an event comes from and its trace stay with it", origins},
		{"a long order key is a key", longKeys},
		{"deliveries leave for another queue", leaves},
		{"deliveries that left come back", comeBack},
		{"a limit for all processes holds", boundsTotal},
		{"a closed queue accepts and gives nothing", closedQueue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := &queue{at: start}
			q.Queue = open(t, q.now)
			t.Cleanup(func() { _ = q.Close() })
			tt.test(t, q)
			agrees(t, q)
		})
	}
}

func goesBack(t *testing.T, q *queue) {
	accept(t, q, at(0), "first", hook)
	accept(t, q, at(1), "second", hook)
	c := claim(t, q, hook, at(5), 1)[0]
	settleAll(t, q, at(9), delivery.Settlement{Claim: c, Outcome: delivery.Retry, GivenBack: true})
	wantClaims(t, q, hook, at(9), 2, "first second")
}

func retryWaits(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	c := claim(t, q, hook, at(0), 1)[0]
	content := &delivery.Content{
		Body: []byte(`{"made":"once"}`), ContentType: "text/plain", Header: [][2]string{{"X-A", "b"}}, URLSuffix: "?wait=true",
	}
	st := tried(c, delivery.Retry, at(1))
	st.After, st.Content = 59*time.Second, content
	settleAll(t, q, at(1), st)

	wantClaims(t, q, hook, at(59), 1, "") // before it is due
	claims := wantClaims(t, q, hook, at(60), 1, "a")
	want := c.Delivery
	want.Content, want.Attempts, want.Spent, want.Due = *content, 1, 1, at(60)
	if diff := cmp.Diff(want, claims[0].Delivery); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	if claims[0].Event == nil || claims[0].Event.ID != "a" {
		t.Errorf("event = %+v, want a", claims[0].Event)
	}
}

func retryInOrder(t *testing.T, q *queue) {
	accept(t, q, at(0), "again", hook)
	c := claim(t, q, hook, at(0), 1)[0]
	accept(t, q, at(4), "before", hook)
	accept(t, q, at(6), "after", hook)
	settle(t, q, c, delivery.Retry, at(0), at(5))
	wantClaims(t, q, hook, at(6), 3, "before again after")
}

// An attempt that was interrupted, or failed through our own fault, does not count against the budget.
func spentOrNot(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	settleAll(t, q, at(0), delivery.Settlement{Claim: claim(t, q, hook, at(0), 1)[0], Outcome: delivery.Retry, After: time.Second})
	c := claim(t, q, hook, at(1), 1)[0]
	free := attempt(c, delivery.Retry, at(1))
	free.Free = true
	settleAll(t, q, at(1), delivery.Settlement{Claim: c, Outcome: delivery.Retry, Attempt: free, After: time.Second})
	settle(t, q, claim(t, q, hook, at(2), 1)[0], delivery.Retry, at(2), at(3))
	if d := claim(t, q, hook, at(3), 1)[0].Delivery; d.Attempts != 2 || d.Spent != 1 {
		t.Errorf("%d attempts, %d spent, want 2 and 1", d.Attempts, d.Spent)
	}
}

func finalLeaves(t *testing.T, q *queue) {
	for _, outcome := range []delivery.Outcome{delivery.Delivered, delivery.Dead, delivery.Dropped} {
		accept(t, q, at(0), outcome.String(), hook)
		settle(t, q, claim(t, q, hook, at(0), 1)[0], outcome, at(0), time.Time{})
		if got := waiting(t, q); got != (left{}) {
			t.Errorf("%v: left %+v, want nothing", outcome, got)
		}
		wantClaims(t, q, hook, at(3600), 1, "")
	}
}

func settlesOnce(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	c := claim(t, q, hook, at(0), 1)[0]
	settle(t, q, c, delivery.Delivered, at(0), time.Time{})
	lost := settleAll(t, q, at(0), tried(c, delivery.Delivered, at(0)))
	if len(lost) != 1 {
		t.Error("settled twice")
	}
}

func nextDue(t *testing.T, q *queue) {
	check := func(want time.Time, wantWaits bool) {
		t.Helper()
		var due time.Time
		for _, l := range lanesOf(t, q, q.now()) {
			if l.Webhook == hook {
				due = l.Due
			}
		}
		if waits := !due.IsZero(); waits != wantWaits || waits && !due.Equal(want) {
			t.Errorf("the lane is due at %v, want %v", due, want)
		}
	}
	check(time.Time{}, false)
	accept(t, q, at(1), "other", "two")
	check(time.Time{}, false)
	accept(t, q, at(20), "b", hook)
	check(at(20), true)
	accept(t, q, at(10), "a", hook)
	check(at(10), true)
	claims := claim(t, q, hook, at(20), 2)
	check(at(80), true) // the leases' end
	settle(t, q, claims[0], delivery.Retry, at(20), at(30))
	check(at(30), true)
}

func leftCounts(t *testing.T, q *queue) {
	check := func(want left) {
		t.Helper()
		if diff := cmp.Diff(want, waiting(t, q)); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	}
	check(left{})
	accept(t, q, at(20), "a", hook)
	accept(t, q, at(10), "b", "two")
	accept(t, q, at(30), "c", "two")
	accept(t, q, at(0), "d", "not asked for")
	check(left{Waiting: 3, Next: at(10)})
	c := claim(t, q, "two", at(10), 1)[0]
	check(left{Waiting: 3, Next: at(20)})
	settle(t, q, c, delivery.Retry, at(10), at(15))
	check(left{Waiting: 3, Next: at(15)})
}

func webhooksApart(t *testing.T, q *queue) {
	hooks := []string{"one", "two", "three"}
	accept(t, q, at(0), "a", hooks...)
	wantClaims(t, q, "four", at(0), 10, "") // a webhook without deliveries
	var seen []string
	for _, h := range hooks {
		for _, c := range claim(t, q, h, at(0), 10) {
			seen = append(seen, c.Delivery.Webhook)
			settle(t, q, c, delivery.Delivered, at(0), time.Time{})
		}
	}
	if !slices.Equal(seen, hooks) {
		t.Errorf("claimed for %q, want %q", seen, hooks)
	}
}

func closedQueue(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Accept(q.set(at(0)), []*delivery.Entry{entry("b", hook)}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Accept: %v, want ErrClosed", err)
	}
	if claims, _, _ := q.Claim(at(0), lane, 1); len(claims) > 0 {
		t.Errorf("%d claims, want none", len(claims))
	}
}

func endsWithContext(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	ctx, cancel := context.WithCancel(q.set(at(1)))
	cancel()
	if err := q.Accept(ctx, []*delivery.Entry{entry("b", hook)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Accept: %v, want context.Canceled", err)
	}
	wantClaims(t, q, hook, at(1), 10, "a") // what was not accepted is not there
}
