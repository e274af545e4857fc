package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/google/go-cmp/cmp"
)

func list(t *testing.T, q *queue, f delivery.Filter) []delivery.Item {
	t.Helper()
	items, err := q.List(q.set(at(10)), f)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// kill makes deliveries dead.
func kill(t *testing.T, q *queue, webhook string, n int) {
	t.Helper()
	for _, c := range claim(t, q, webhook, at(0), n) {
		settle(t, q, c, delivery.Dead, at(1), time.Time{})
	}
}

func showFindsExactly(t *testing.T, q *queue) {
	var entries []*delivery.Entry
	for i := range 120 {
		id := "msg_alike"
		if i > 0 {
			id += fmt.Sprint(i)
		}
		past := &delivery.Past{ID: id, State: delivery.Due, Since: at(0), Accepted: at(0)}
		ev := newEvent(id)
		entries = append(entries, &delivery.Entry{Event: &ev, Wants: []delivery.Want{{Webhook: hook, Past: past}}})
	}
	acceptAll(t, q, at(0), entries...)
	if d, err := q.Show(q.set(at(1)), "msg_alike"); err != nil || d.Delivery.ID != "msg_alike" {
		t.Errorf("%+v, %v, want the oldest of 120", d, err)
	}
	if d, err := q.Show(q.set(at(1)), "msg_alik"); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("%+v, %v, want %v", d, err, store.ErrUnknown)
	}
}

func showTellsAll(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	c := claim(t, q, hook, at(1), 1)[0]
	first := attempt(c, delivery.Retry, at(1))
	first.Response, first.RetryAfter = "not now", 3*time.Second
	first.Phases = delivery.Phases{Name: time.Millisecond, Connect: 20 * time.Microsecond, FirstByte: time.Second}
	content := &delivery.Content{Body: []byte("hi"), ContentType: "text/plain", Secret: [][2]int{{1, 2}}}
	settleAll(t, q, at(2), delivery.Settlement{Claim: c, Outcome: delivery.Retry, Attempt: first, After: 3 * time.Second, Content: content})
	c = claim(t, q, hook, at(5), 1)[0]
	second := attempt(c, delivery.Dead, at(5))
	const reason = "attempts used up: 503 Service Unavailable"
	settleAll(t, q, at(6), delivery.Settlement{Claim: c, Outcome: delivery.Dead, Attempt: second, Reason: reason})

	d, err := q.Show(q.set(at(10)), delivery.ID("a", hook))
	if err != nil {
		t.Fatal(err)
	}
	ev := newEvent("a")
	if got := string(d.Event.Body()); got != string(ev.Body()) {
		t.Errorf("event %s, want %s", got, ev.Body())
	}
	if diff := cmp.Diff(content, d.Content); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]delivery.Attempt{*first, *second}, d.Attempts, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if d.State != delivery.IsDead || d.Reason != reason || !d.Accepted.Equal(at(0)) || !d.Done.Equal(at(6)) {
		t.Errorf("%+v: want a dead one with its reason, accepted at %v and done at %v", d.Item, at(0), at(6))
	}
	for _, id := range []string{"msg_unknown", d.Delivery.ID[:9], d.Delivery.ID + "x", "%", ""} {
		if _, err := q.Show(q.set(at(10)), id); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("Show of an unknown id %q: %v, want ErrUnknown", id, err)
		}
	}
}

func listSelects(t *testing.T, q *queue) {
	for i := range 6 {
		accept(t, q, at(i), fmt.Sprint(i), hook, "/other/file.yaml#two")
	}
	kill(t, q, hook, 1)
	claim(t, q, hook, at(9), 1)
	check := func(name string, f delivery.Filter, want string) {
		t.Helper()
		got := ""
		for _, item := range list(t, q, f) {
			got += item.Event.ID
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, tt := range []struct {
		name string
		f    delivery.Filter
		want string
	}{
		{"all", delivery.Filter{}, "554433221100"},
		{"identity", delivery.Filter{Webhook: hook}, "543210"},
		{"name", delivery.Filter{Webhook: "two"}, "543210"},
		{"part of a name", delivery.Filter{Webhook: "tw_"}, ""},
		{"dead", delivery.Filter{State: delivery.IsDead}, "0"},
		{"in flight", delivery.Filter{State: delivery.InFlight}, "1"},
		{"due", delivery.Filter{State: delivery.Due, Webhook: hook}, "5432"},
		{"delivered", delivery.Filter{State: delivery.IsDelivered}, ""},
		{"since", delivery.Filter{Since: at(4), Webhook: "two"}, "54"},
		{"event", delivery.Filter{Event: "workflow_end"}, "554433221100"},
		{"event and webhook, limited", delivery.Filter{Event: "workflow_end", Webhook: "two", Limit: 2}, "54"},
		{"event and state", delivery.Filter{Event: "workflow_end", State: delivery.IsDead}, "0"},
		{"run", delivery.Filter{Run: "run", Webhook: "two"}, "543210"},
		{"no such run", delivery.Filter{Run: "ru"}, ""},
		{"text in a delivery's id", delivery.Filter{Text: delivery.ID("3", hook)[8:]}, "3"},
		{"text in a run's id", delivery.Filter{Text: "RUN", Webhook: hook}, "543210"},
		{"text in no text", delivery.Filter{Text: "%"}, ""},
		{"text with any character", delivery.Filter{Text: "m_g"}, ""},
		{"text with an escape", delivery.Filter{Text: `m\sg`}, ""},
		{"long text", delivery.Filter{Text: strings.Repeat("x", 100_000)}, ""},
		{"by then", delivery.Filter{Until: at(1)}, "0"},
		{"before then", delivery.Filter{Until: at(0)}, ""},
		{"no such event", delivery.Filter{Event: "workflow_start"}, ""},
		{"workflow", delivery.Filter{Workflow: "none"}, ""},
		{"source", delivery.Filter{Source: "none"}, ""},
		{"id", delivery.Filter{ID: delivery.ID("3", hook)}, "3"},
		{"the beginning of an id", delivery.Filter{ID: delivery.ID("3", hook)[:12]}, "3"},
		{"no id", delivery.Filter{ID: delivery.ID("3", hook) + "a"}, ""},
		{"limit", delivery.Filter{Limit: 3}, "554"},
	} {
		check(tt.name, tt.f, tt.want)
	}
	page := list(t, q, delivery.Filter{Limit: 5})
	check("the next page", delivery.Filter{Before: page[4].Seq}, "3221100")
	check("the next page of an event", delivery.Filter{Before: page[4].Seq, Event: "workflow_end"}, "3221100")
	check("between the first and the fifth", delivery.Filter{Before: page[0].Seq, After: page[4].Seq}, "544")
	accept(t, q, at(7), "0", hook, "three") // known except for one delivery, which is the youngest
	check("the youngest delivery first", delivery.Filter{Event: "workflow_end"}, "0554433221100")
}

func replays(t *testing.T, q *queue) {
	for i := range 3 {
		accept(t, q, at(i), fmt.Sprint(i), hook)
	}
	settleAll(t, q, at(1), delivery.Settlement{Claim: claim(t, q, hook, at(2), 1)[0], Outcome: delivery.Dead, Reason: "transform: fuel",
		Content: &delivery.Content{Body: []byte("old")}})
	kill(t, q, hook, 2)
	for _, c := range claim(t, q, hook, at(2), 2) {
		settle(t, q, c, delivery.Dead, at(2), time.Time{})
	}
	n, err := q.Replay(q.set(at(20)), delivery.Filter{Webhook: hook, Since: at(1)}, delivery.Change{})
	if err != nil || n != 2 {
		t.Errorf("Replay = %d, %v, want 2", n, err)
	}
	for _, c := range claim(t, q, hook, at(20), 10) {
		if c.Delivery.Spent != 0 || c.Delivery.Attempts != 1 || !c.Delivery.Since.Equal(at(20)) {
			t.Errorf("%s: %d attempts, %d spent, since %v, want 1, 0 and the replay's time",
				c.Delivery.EventID, c.Delivery.Attempts, c.Delivery.Spent, c.Delivery.Since)
		}
		settle(t, q, c, delivery.Delivered, at(20), time.Time{})
	}
	wantN(t, 1)(q.Replay(q.set(at(30)), delivery.Filter{}, delivery.Change{Retransform: true}))
	if c := claim(t, q, hook, at(30), 10); len(c) != 1 || c[0].Delivery.Body != nil {
		t.Errorf("claimed %+v, want one without a body", c)
	}

	accept(t, q, at(40), "sent", hook)
	settle(t, q, claim(t, q, hook, at(40), 1)[0], delivery.Delivered, at(40), time.Time{})
	f := delivery.Filter{ID: delivery.ID("sent", hook), State: delivery.IsDelivered}
	wantN(t, 1)(q.Replay(q.set(at(50)), f, delivery.Change{})) // the delivered one
	again := claim(t, q, hook, at(50), 10)
	if len(again) != 1 || again[0].Delivery.EventID != "sent" || again[0].Delivery.Attempts != 1 || again[0].Delivery.Spent != 0 {
		t.Fatalf("claimed %+v, want what was delivered", again)
	}
	settle(t, q, again[0], delivery.Delivered, at(50), time.Time{})
	if items := list(t, q, f); len(items) != 1 || items[0].State != delivery.IsDelivered {
		t.Errorf("listed %+v, want one that is delivered", items)
	}
}

// A replay that makes a body again does not count the old one any more.
func countsBodiesOnce(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	var sizes [2]int64
	for i := range sizes {
		st := tried(claim(t, q, hook, at(i), 1)[0], delivery.Dead, at(i))
		st.Content = &delivery.Content{Body: make([]byte, 1000)}
		settleAll(t, q, at(i), st)
		sizes[i] = lanesOf(t, q, at(i))[0].Bytes
		wantN(t, 1)(q.Replay(q.set(at(i)), delivery.Filter{}, delivery.Change{Retransform: true}))
	}
	if sizes[0] != sizes[1] || sizes[0]-lanesOf(t, q, at(2))[0].Bytes != 1000 {
		t.Errorf("the lane has %d bytes, then %d with the body made again", sizes[0], sizes[1])
	}
}

// The record of an attempt says whether it was made after a replay.
func marksReplays(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	settle(t, q, claim(t, q, hook, at(1), 1)[0], delivery.Dead, at(1), time.Time{})
	wantN(t, 1)(q.Replay(q.set(at(2)), delivery.Filter{}, delivery.Change{}))
	settle(t, q, claim(t, q, hook, at(3), 1)[0], delivery.Delivered, at(3), time.Time{})
	d, err := q.Show(q.set(at(4)), delivery.ID("a", hook))
	if err != nil || len(d.Attempts) != 2 || d.Attempts[0].Replay || !d.Attempts[1].Replay {
		t.Errorf("attempts %+v, %v, want the second one alone to be a replay", d.Attempts, err)
	}
}

func deletes(t *testing.T, q *queue) {
	for i := range 3 {
		accept(t, q, at(0), fmt.Sprint(i), hook, "two")
	}
	kill(t, q, hook, 1)
	flying := claim(t, q, hook, at(0), 1)
	n, err := q.Delete(q.set(at(1)), delivery.Filter{Webhook: hook})
	if err != nil || n != 2 {
		t.Errorf("Delete = %d, %v, want 2: one is in flight", n, err)
	}
	settle(t, q, flying[0], delivery.Delivered, at(1), time.Time{})
	wantClaims(t, q, "two", at(1), 10, "0 1 2") // the other webhook
	if known := accept(t, q, at(2), "0", hook); known != 1 {
		t.Error("a deleted delivery is not known any more")
	}
	if _, err := q.Delete(q.set(at(1)), delivery.Filter{State: delivery.InFlight}); err == nil {
		t.Error("what is in flight was deleted")
	}
}

func deletesHeads(t *testing.T, q *queue) {
	for n := 1; n <= 4; n++ { // of four
		webhook := fmt.Sprint("hook", n)
		want := ""
		for i := range 4 {
			e := keyed(fmt.Sprint(n, "-", i), "k", webhook)
			acceptAll(t, q, at(0), e)
			if i == n {
				want = e.Event.ID
			}
		}
		wantN(t, n)(q.Delete(q.set(at(1)), delivery.Filter{Webhook: webhook, Limit: n}))
		wantClaims(t, q, webhook, at(1), 10, want)
	}
}

// A deleted delivery is not sent, although the head of its key has waited so long that it may be passed.
func deletesBehind(t *testing.T, q *queue) {
	acceptKeyed(t, q, at(0), "head", "k")
	acceptKeyed(t, q, at(0), "behind", "k")
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Retry, at(0), at(50))
	late := at(0).Add(store.OrderPatience + time.Minute)
	wantN(t, 1)(q.Delete(q.set(late), delivery.Filter{ID: delivery.ID("behind", hook)}))
	claims := wantClaims(t, q, hook, late, 10, "head")
	settle(t, q, claims[0], delivery.Delivered, late, time.Time{})
	wantClaims(t, q, hook, late.Add(time.Minute), 10, "")
}

func prunesInTime(t *testing.T, q *queue) {
	for i := range 2 {
		accept(t, q, at(0), fmt.Sprint(i), hook)
	}
	kill(t, q, hook, 1)
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Delivered, at(1), time.Time{})
	check := func(after time.Duration, want int) {
		t.Helper()
		q.keep(t, at(0).Add(after))
		if got := len(list(t, q, delivery.Filter{})); got != want {
			t.Errorf("after %v: %d deliveries, want %d", after, got, want)
		}
	}
	check(store.DefaultKeep-time.Hour, 2)
	check(store.DefaultKeep+time.Hour, 1)
	check(store.DefaultKeepDead-time.Hour, 1)
	check(store.DefaultKeepDead+time.Hour, 0)
}

func limitsChanges(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 8)
	kill(t, q, hook, 6)
	wantN(t, 2)(q.Replay(q.set(at(2)), delivery.Filter{Limit: 2}, delivery.Change{}))
	wantN(t, 1)(q.Delete(q.set(at(3)), delivery.Filter{State: delivery.IsDead, Limit: 1}))
	for state, want := range map[delivery.State]int{delivery.IsDead: 3, delivery.Due: 4} {
		if got := len(list(t, q, delivery.Filter{State: state})); got != want {
			t.Errorf("%d are %s, want %d", got, state, want)
		}
	}
}

// Deliveries are grouped by reason, and those that come after somebody looked are in no group.
func groups(t *testing.T, q *queue) {
	for i := range 5 {
		accept(t, q, at(i), fmt.Sprint(i), hook, "two")
	}
	for i, c := range claim(t, q, hook, at(9), 4) {
		st := delivery.Settlement{Claim: c, Outcome: delivery.Dead, Reason: []string{"404 Not Found", "Gone'; --"}[min(i/3, 1)]}
		if i > 0 {
			st.Attempt = attempt(c, delivery.Dead, at(9))
		}
		settleAll(t, q, at(10+i), st)
	}
	want := []delivery.Group{
		{Webhook: hook, Reason: "404 Not Found", Tally: delivery.Tally{Count: 3, Tried: 2, Oldest: at(0), Last: at(12)}},
		{Webhook: hook, Reason: "Gone'; --", Tally: delivery.Tally{Count: 1, Tried: 1, Oldest: at(3), Last: at(13)}},
	}
	dead := delivery.Filter{State: delivery.IsDead, Limit: 1}
	got, err := q.Groups(q.set(at(20)), dead, 10)
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); err != nil || diff != "" {
		t.Errorf("%v; groups (-want +got):\n%s", err, diff)
	}
	if got, err := q.Groups(q.set(at(20)), dead, 1); err != nil || len(got) != 1 || got[0].Count != 3 {
		t.Errorf("the largest group is %+v, %v", got, err)
	}
	for _, tt := range []struct {
		f    delivery.Filter
		want delivery.Tally
	}{
		{dead, delivery.Tally{Count: 4, Tried: 3, Oldest: at(0), Last: at(13)}},
		{delivery.Filter{Reason: "404 Not Found"}, delivery.Tally{Count: 3, Tried: 2, Oldest: at(0), Last: at(12)}},
		{delivery.Filter{State: delivery.IsDead, Until: at(11)}, delivery.Tally{Count: 2, Tried: 1, Oldest: at(0), Last: at(11)}},
		{delivery.Filter{Text: "gone'"}, delivery.Tally{Count: 1, Tried: 1, Oldest: at(3), Last: at(13)}},
		{delivery.Filter{Webhook: "two", State: delivery.Due}, delivery.Tally{Count: 5, Oldest: at(0)}},
		{delivery.Filter{Event: "workflow_end", Webhook: "two"}, delivery.Tally{Count: 5, Oldest: at(0)}},
		{delivery.Filter{Webhook: "three"}, delivery.Tally{}},
	} {
		got, err := q.Count(q.set(at(20)), tt.f)
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(time.Time.Equal)); err != nil || diff != "" {
			t.Errorf("%+v: %v (-want +got):\n%s", tt.f, err, diff)
		}
	}
	wantN(t, 2)(q.Replay(q.set(at(20)), delivery.Filter{State: delivery.IsDead, Until: at(11)}, delivery.Change{})) // what was dead by then
	oldest, err := q.Oldest(q.set(at(20)))
	if want := map[string]time.Time{hook: at(0), "two": at(0)}; err != nil || !cmp.Equal(want, oldest, cmp.Comparer(time.Time.Equal)) {
		t.Errorf("oldest %v, %v, want %v", oldest, err, want)
	}
}

// A pause by hand ends by itself, or earlier through Enable.
func pausesByHand(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	wantN(t, 1)(q.ChangeLanes(q.set(at(0)), "one", store.Pause(time.Hour)))
	wantN(t, 1)(q.ChangeLanes(q.set(at(0)), "one", store.Pause(time.Minute)))
	lanes, err := q.Lanes(q.set(at(1)))
	if err != nil || !lanes[0].PausedUntil.Equal(at(3600)) {
		t.Errorf("lanes %+v, %v, want one that is paused for an hour", lanes, err)
	}
	wantClaims(t, q, hook, at(3599), 1, "") // while it is paused
	wantN(t, 1)(q.ChangeLanes(q.set(at(5)), "one", store.Enable))
	wantClaims(t, q, hook, at(5), 1, "a")
	wantN(t, 0)(q.ChangeLanes(q.set(at(0)), "nobody", store.Pause(time.Hour)))
}
