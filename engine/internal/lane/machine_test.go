package lane

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// due returns a claim of a delivery that has been due since a time.
func due(id string, since float64) *delivery.Claim {
	return &delivery.Claim{
		Delivery: delivery.Delivery{ID: id, Due: at(since)}, Event: &event.Event{ID: id}, Until: at(since + 90),
	}
}

// ends returns the end of an attempt.
func ends(c *delivery.Claim, outcome delivery.Outcome, change ...func(*delivery.Attempt)) finished {
	a := &delivery.Attempt{Outcome: outcome, Took: firstPace, Reason: "503"}
	for _, f := range change {
		f(a)
	}
	st := delivery.Settlement{Claim: c, Outcome: outcome, Attempt: a}
	if outcome == delivery.Retry {
		st.After = time.Minute
	}
	return finished{settlement: st}
}

func asksForPause(a *delivery.Attempt) { a.RetryAfter = 10 * time.Second }

// unsent returns the end of a delivery whose transform failed or dropped it.
func unsent(c *delivery.Claim, outcome delivery.Outcome) finished {
	return finished{settlement: delivery.Settlement{Claim: c, Outcome: outcome}}
}

func committed(c *delivery.Claim, outcome delivery.Outcome, after time.Duration) settled {
	return settled{{settlement: &delivery.Settlement{Claim: c, Outcome: outcome, After: after}}}
}

// tell describes actions: "settle a:retry, start b c, claim 5, wake 3s".
func (do *actions) tell(now time.Time) string {
	var parts []string
	add := func(verb string, list []string) {
		if len(list) > 0 {
			parts = append(parts, verb+" "+strings.Join(list, " "))
		}
	}
	var settle, begin []string
	for _, st := range do.settle {
		settle = append(settle, st.Claim.Delivery.ID+":"+st.Outcome.String())
	}
	for _, c := range do.start {
		begin = append(begin, c.Delivery.ID)
	}
	add("settle", settle)
	add("start", begin)
	if do.claim > 0 {
		parts = append(parts, fmt.Sprintf("claim %d", do.claim))
	}
	if !do.wake.IsZero() {
		parts = append(parts, "wake "+do.wake.Sub(now).String())
	}
	return strings.Join(parts, ", ")
}

func TestMachine(t *testing.T) {
	a, b, c, d, e, f := due("a", 0), due("b", 0), due("c", 0), due("d", 0), due("e", 0), due("f", 0)
	probe := due("probe", 0)
	probe.Probe = true
	ordered := due("ordered", 0)
	ordered.OrderKey = "k"
	type step struct {
		at    float64
		event any
		want  string
	}
	full := 1196 // deliveries that two workers start in a third of a lease of 90 s, at 50 ms each, minus those that are ready
	tests := []struct {
		name  string
		rate  float64
		steps []step
	}{
		{"starts no more than may be in flight, in order of due and arrival", 0, []step{
			{0, given{due("late", 5), due("second", 1), due("first", 1)}, "start second first"},
			{0, ends(a, delivery.Delivered), "settle a:delivered, start late"},
			{0, ends(b, delivery.Delivered), "settle b:delivered"},
		}},
		{"claims when it is time to look, and not before", 0, []step{
			{0, lookAt(at(3)), "wake 3s"},
			{1, lookAt(at(5)), "wake 2s"},
			{1, lookAt(at(2)), "wake 1s"},
			{2, tick{}, "claim 1200"},
			{2, lookAt(at(2)), ""}, // one claim at a time
			{2, claimed{[]*delivery.Claim{a}, 1200, 4 * time.Second, nil}, "start a, claim 1200"},
			{2, claimed{nil, 1200, 4 * time.Second, nil}, "wake 4s"},
		}},
		{"gives back what it has not begun when the store says that it rests, and asks the store again", 0, []step{
			{0, given{a, b, c, d}, "start a b"},
			{0, rest{}, "settle c:retry d:retry"},
			{0, ends(a, delivery.Delivered), "settle a:delivered"},
			{0, committed(c, delivery.Retry, 0), "claim 1200"},
			{0, claimed{nil, 1200, store.Never, nil}, ""},
		}},
		{"asks again when the store says", 0, []step{
			{0, lookAt(at(0)), "claim 1200"},
			{0, claimed{nil, 1200, 4 * time.Second, nil}, "wake 4s"},
			{4, tick{}, "claim 1200"},
			{4, claimed{nil, 1200, store.Never, nil}, ""},
			{9, tick{}, ""},
		}},
		{"claims more when little of many is left", 0, []step{
			{0, lookAt(at(0)), "claim 1200"},
			{0, claimed{[]*delivery.Claim{a, b, c, d}, 4, 0, nil}, fmt.Sprintf("start a b, claim %d", full+2)},
		}},
		{"does not claim again after a failed claim until it is told to look", 0, []step{
			{0, lookAt(at(0)), "claim 1200"},
			{0, claimed{[]*delivery.Claim{a, b, c, d}, 4, 0, nil}, fmt.Sprintf("start a b, claim %d", full+2)},
			{0, claimed{nil, full + 2, 0, errors.New("disk")}, ""},
			{1, tick{}, ""},
			{2, lookAt(at(2)), fmt.Sprintf("claim %d", full+2)},
		}},
		{"a pause gives back what has not begun, behind the outcome that says why", 0, []step{
			{0, given{a, b, c, d}, "start a b"},
			{0, ends(a, delivery.Retry, asksForPause), "settle a:retry c:retry d:retry"},
			{0, given{e}, "settle e:retry"},
			{9.9, given{e}, "settle e:retry"},
			{10, given{e}, "start e"}, // the pause is over by the step's own time
		}},
		{"a paused lane claims only when the store knows why", 0, []step{
			{0, given{a}, "start a"},
			{0, ends(a, delivery.Retry, asksForPause), "settle a:retry"},
			{0, lookAt(at(0)), ""},
			{0, committed(a, delivery.Retry, time.Minute), "claim 1200"},
		}},
		{"what was claimed before the store knew of a pause goes back", 0, []step{
			{0, given{a}, "start a"},
			{0, lookAt(at(0)), "claim 1200"},
			{0, ends(a, delivery.Retry, asksForPause), "settle a:retry"},
			{0, claimed{[]*delivery.Claim{b, c}, 1200, store.Never, nil}, "settle b:retry c:retry"},
			{0, committed(a, delivery.Retry, time.Minute), ""},
			{0, committed(b, delivery.Retry, 0), ""},
			{0, committed(c, delivery.Retry, 0), "claim 1200"},
		}},
		{"so does what was claimed before and comes only after the store knows", 0, []step{
			{0, given{a}, "start a"},
			{0, lookAt(at(0)), "claim 1200"},
			{0, ends(a, delivery.Retry, asksForPause), "settle a:retry"},
			{0, committed(a, delivery.Retry, time.Minute), "wake 1m0s"},
			{0, claimed{[]*delivery.Claim{b}, 1200, store.Never, nil}, "settle b:retry"},
			{0, committed(b, delivery.Retry, 0), "claim 1200"},
			{0, claimed{[]*delivery.Claim{c}, 1200, store.Never, nil}, "start c"}, // the store knew, and allows it
		}},
		{"what was claimed before somebody paused the lane goes back", 0, []step{
			{0, lookAt(at(0)), "claim 1200"},
			{0, rest{}, ""},
			{0, claimed{[]*delivery.Claim{a}, 1200, store.Never, nil}, "settle a:retry, claim 1200"},
			{0, claimed{nil, 1200, store.Never, nil}, ""},
		}},
		{"five failures in a row stop what is ready", 0, []step{
			{0, given{a, b, c, d, e, f}, "start a b"},
			{0, ends(a, delivery.Retry), "settle a:retry, start c"},
			{0, ends(b, delivery.Dead), "settle b:dead, start d"},
			{0, ends(c, delivery.Retry), "settle c:retry, start e"},
			{0, ends(d, delivery.Retry), "settle d:retry, start f"},
			{0, given{due("g", 0)}, ""},
			{0, ends(e, delivery.Retry), "settle e:retry g:retry"},
		}},
		{"five transform failures in a row do too, and drops between them do not count", 0, []step{
			{0, given{a, b, c, d, e, f, due("g", 0), due("h", 0)}, "start a b"},
			{0, unsent(a, delivery.Dead), "settle a:dead, start c"},
			{0, unsent(b, delivery.Dropped), "settle b:dropped, start d"},
			{0, unsent(c, delivery.Dead), "settle c:dead, start e"},
			{0, unsent(d, delivery.Dead), "settle d:dead, start f"},
			{0, unsent(e, delivery.Dead), "settle e:dead, start g"},
			{0, unsent(f, delivery.Dead), "settle f:dead, start h"},
			{0, given{due("i", 0)}, ""},
			{0, unsent(due("g", 0), delivery.Dead), "settle g:dead i:retry"},
		}},
		{"a probe is attempted while the breaker is open, and its outcome lets others follow", 0, []step{
			{0, given{a, b, c, d, e}, "start a b"},
			{0, ends(a, delivery.Retry), "settle a:retry, start c"},
			{0, ends(b, delivery.Retry), "settle b:retry, start d"},
			{0, ends(c, delivery.Retry), "settle c:retry, start e"},
			{0, ends(d, delivery.Retry), "settle d:retry"},
			{0, ends(e, delivery.Retry), "settle e:retry"},
			{0, committed(a, delivery.Dead, 0), ""},
			{0, committed(b, delivery.Dead, 0), ""},
			{0, committed(c, delivery.Dead, 0), ""},
			{0, committed(d, delivery.Dead, 0), ""},
			{0, committed(e, delivery.Dead, 0), ""},
			{5, lookAt(at(5)), "claim 1200"},
			{5, claimed{[]*delivery.Claim{probe}, 1200, time.Minute, nil}, "start probe, wake 1m0s"},
			{6, ends(probe, delivery.Delivered), "settle probe:delivered, wake 59s"},
			{6, committed(probe, delivery.Delivered, 0), "claim 1200"},
		}},
		{"a retry is looked for when it is due", 0, []step{
			{0, given{a}, "start a"},
			{0, ends(a, delivery.Retry), "settle a:retry"},
			{1, committed(a, delivery.Retry, time.Minute), "wake 1m0s"},
		}},
		{"the next one of a key follows an outcome", 0, []step{
			{0, given{ordered}, "start ordered"},
			{0, ends(ordered, delivery.Delivered), "settle ordered:delivered"},
			{0, committed(ordered, delivery.Delivered, 0), "claim 1200"},
		}},
		{"an outcome that was not committed looks for nothing", 0, []step{
			{0, given{ordered}, "start ordered"},
			{0, ends(ordered, delivery.Retry), "settle ordered:retry"},
			{0, settled{{settlement: &delivery.Settlement{Claim: ordered, Outcome: delivery.Retry}, failed: true}}, ""},
		}},
		{"a claim that was lost is not settled", 0, []step{
			{0, given{a, b, c}, "start a b"},
			{0, finished{lost: true}, "start c"},
		}},
		{"a rate claims what may be in flight, and no more ahead", 5, []step{
			{0, lookAt(at(0)), "claim 2"},
			{0, claimed{[]*delivery.Claim{a, b}, 2, 200 * time.Millisecond, nil}, "start a b, claim 2"},
		}},
		{"a lane that stops gives back what it has, and what still comes", 0, []step{
			{0, given{a, b, c}, "start a b"},
			{0, lookAt(at(0)), "claim 1199"},
			{0, stop{}, "settle c:retry"},
			{0, claimed{[]*delivery.Claim{d}, 1199, 0, nil}, "settle d:retry"},
			{0, given{e}, "settle e:retry"},
			{0, ends(a, delivery.Delivered), "settle a:delivered"},
			{0, lookAt(at(0)), ""},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(delivery.Lane{Lease: 90 * time.Second, Rate: tt.rate}, 2)
			for i, s := range tt.steps {
				do := m.step(s.event, at(s.at), false)
				if got := do.tell(at(s.at)); got != s.want {
					t.Fatalf("step %d, %#v:\n got %q\nwant %q", i, s.event, got, s.want)
				}
			}
		})
	}
}

// However claims arrive, the one that has been due longest begins first, and of those that are due equally long the first to arrive.
func TestOrderOfReadyClaims(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		m := newMachine(delivery.Lane{Lease: 90 * time.Second}, 1)
		m.running = 1
		var want, got []string
		arrived := 0
		byDue := map[string]float64{}
		for range random.IntN(12) {
			var batch given
			for range random.IntN(8) {
				arrived++
				id, since := fmt.Sprintf("%03d", arrived), float64(random.IntN(10))
				byDue[id] = since
				want = append(want, id)
				batch = append(batch, due(id, since))
			}
			m.step(batch, at(20), false)
			slices.SortStableFunc(want, func(a, b string) int { return cmp.Compare(byDue[a], byDue[b]) })
			for range min(random.IntN(4), len(want)) {
				got = append(got, m.next(&actions{}).Delivery.ID)
				if got[len(got)-1] != want[0] {
					t.Fatalf("seed %d: began %v, want %s as the last", seed, got, want[0])
				}
				want = want[1:]
			}
		}
	}
}

// A claim that goes back keeps its place: it has been due as long as before.
func TestGivenBackKeepsItsPlace(t *testing.T) {
	m := newMachine(delivery.Lane{Lease: 90 * time.Second}, 1)
	m.step(given{due("a", 0), due("b", 1)}, at(10), false)
	do := m.step(stop{}, at(10), false)
	if len(do.settle) != 1 || !do.settle[0].GivenBack || do.settle[0].After != -9*time.Second || do.settle[0].Attempt != nil {
		t.Errorf("%+v, want one that has been due for 9s, without an attempt", do.settle)
	}
}

// Accept may claim for a lane what the lane can soon start, minus a reserve for deliveries that are due again.
func TestRoom(t *testing.T) {
	const maxInFlight = 2
	m := newMachine(delivery.Lane{Lease: 90 * time.Second}, maxInFlight)
	if got, want := m.room(at(0), false), 1200-2*maxInFlight; got != want {
		t.Errorf("room for %d, want %d", got, want)
	}
	if got := m.room(at(0), true); got != 0 {
		t.Errorf("room for %d while the lanes hold all the bytes they may, want none", got)
	}
	slow := ends(due("a", 0), delivery.Delivered, func(a *delivery.Attempt) { a.Took = 30 * time.Second })
	for range 50 {
		m.step(slow, at(0), false)
	}
	if got, want := m.room(at(0), false), 4*maxInFlight-2*maxInFlight; got != want {
		t.Errorf("room for %d at a slow receiver, want %d", got, want)
	}
	m.step(ends(due("a", 0), delivery.Retry, asksForPause), at(0), false)
	if got := m.room(at(0), false); got != 0 {
		t.Errorf("room for %d in a paused lane, want none", got)
	}
	rated := newMachine(delivery.Lane{Lease: 90 * time.Second, Rate: 1}, maxInFlight)
	if got := rated.room(at(0), false); got != 0 {
		t.Errorf("room for %d in a lane with a rate, want none: the store has the tokens", got)
	}
}
