package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/trace"
	"github.com/google/go-cmp/cmp"
)

// oddTexts accepts what a stranger's event may hold, beside an ordinary one in the same batch. Databases refuse some of
// it in texts.
func oddTexts(t *testing.T, q *queue) {
	odd := []string{"\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "\u202e", "'; DROP TABLE lanes; --", "%s", strings.Repeat("x", 5000)}
	var entries []*delivery.Entry
	for _, text := range odd {
		e := entry("id "+text, hook)
		e.Event.Type, e.Event.WorkflowID, e.Event.WorkflowName = "type "+text, "run "+text, "flow "+text
		e.Event.Payload = []byte(`"\u0000"`)
		e.Wants[0].OrderKey = text
		entries = append(entries, e)
	}
	entries = append(entries, entry("ordinary", hook))
	if err := q.Accept(q.set(at(0)), entries); err != nil {
		t.Fatal(err)
	}
	claims := claim(t, q, hook, at(1), len(entries))
	if len(claims) != len(entries) {
		t.Fatalf("%d claimed, want %d", len(claims), len(entries))
	}
	for i, text := range odd {
		ev := claims[i].Event
		if ev.ID != "id "+text || ev.Type != "type "+text || ev.WorkflowID != "run "+text || ev.WorkflowName != "flow "+text {
			t.Errorf("%.20q: claimed %.40q %.40q %.40q %.40q", text, ev.ID, ev.Type, ev.WorkflowID, ev.WorkflowName)
		}
		a := attempt(claims[i], delivery.Dead, at(1))
		a.Reason, a.Response = "reason "+text, "response "+text
		content := &delivery.Content{Body: []byte(text), ContentType: "text/plain", Header: [][2]string{{"X-A", text}}}
		settleAll(t, q, at(1), delivery.Settlement{Claim: claims[i], Outcome: delivery.Dead, Attempt: a, Content: content})
		d, err := q.Show(q.set(at(2)), claims[i].Delivery.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]byte(text), d.Content.Body); diff != "" || len(d.Attempts) != 1 {
			t.Errorf("%.20q: %d attempts, body (-want +got):\n%s", text, len(d.Attempts), diff)
		}
		if items := list(t, q, delivery.Filter{Workflow: "flow " + text}); len(items) != 1 {
			t.Errorf("%.20q: %d listed by its workflow, want 1", text, len(items))
		}
	}
	wantN(t, 1)(q.ChangeLanes(q.set(at(3)), hook, store.Disable("because \x00\xff")))
}

// findsTexts looks for texts of other letters and signs in ids, runs and reasons: the case of ASCII letters does not matter.
func findsTexts(t *testing.T, q *queue) {
	e := entry(`Stück\n°1`, hook)
	e.Event.WorkflowID = "Überlauf \xff 7"
	if err := q.Accept(q.set(at(0)), []*delivery.Entry{e, entry("other", hook)}); err != nil {
		t.Fatal(err)
	}
	c := claim(t, q, hook, at(1), 1)[0]
	a := attempt(c, delivery.Dead, at(1))
	a.Reason = "Ungültig: TIMEOUT I/O"
	settleAll(t, q, at(1), delivery.Settlement{Claim: c, Outcome: delivery.Dead, Attempt: a})
	for text, want := range map[string]int{
		"STüCK": 1, `k\n°`: 1, "Überl": 1, "LAUF": 1, "timeout i": 1, "ungültig": 1, "stÜck": 0, "überl": 0, `\303`: 0, `\\n`: 0, "OTHER": 1,
	} {
		if items := list(t, q, delivery.Filter{Text: text}); len(items) != want {
			t.Errorf("%q finds %d deliveries, want %d", text, len(items), want)
		}
	}
}

// longKeys tests order keys that are too long for an index: the order holds all the same.
func longKeys(t *testing.T, q *queue) {
	long := strings.Repeat("k", 100_000)
	for _, id := range []string{"a0", "a1"} {
		acceptKeyed(t, q, at(0), id, long+"a")
	}
	acceptKeyed(t, q, at(0), "b0", long+"b")
	heads := wantClaims(t, q, hook, at(1), 10, "a0 b0")
	settle(t, q, heads[0], delivery.Delivered, at(1), time.Time{})
	wantClaims(t, q, hook, at(2), 10, "a1") // behind a0
}

// origins tests that an event keeps its origin and its trace from acceptance to replay.
func origins(t *testing.T, q *queue) {
	e := entry("traced", hook)
	e.Event.Source = "ci ünï"
	e.Event.Trace = trace.Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1,b=2 3")
	acceptAll(t, q, at(0), e, entry("plain", hook))
	check := func(when string, ev *event.Event) {
		t.Helper()
		want := event.Event{}
		if ev.ID == "traced" {
			want = *e.Event
		}
		if ev.Source != want.Source || ev.Trace != want.Trace {
			t.Errorf("%s %s has source %q and trace %+v, want %q and %+v", when, ev.ID, ev.Source, ev.Trace, want.Source, want.Trace)
		}
	}
	id := delivery.ID("traced", hook)
	selects := func(when string) {
		t.Helper()
		for source, want := range map[string]string{e.Event.Source: id, "ci": ""} {
			got := ""
			for _, it := range list(t, q, delivery.Filter{Source: source}) {
				got += it.Delivery.ID
			}
			if n, err := q.Count(q.set(at(2)), delivery.Filter{Source: source}); got != want || err != nil || (n.Count == 1) != (want != "") {
				t.Errorf("%s: the source %s selects %q, counted %+v, %v, want %q", when, source, got, n, err, want)
			}
		}
	}
	for _, step := range []string{"accepted", "delivered", "replayed"} {
		for _, it := range list(t, q, delivery.Filter{}) {
			check(step+": listed", &it.Event)
		}
		selects(step)
		d, err := q.Show(q.set(at(2)), id)
		if err != nil {
			t.Fatal(err)
		}
		check(step+": shown", d.Event)
		if step == "delivered" {
			wantN(t, 1)(q.Replay(q.set(at(3)), delivery.Filter{ID: id, State: delivery.IsDelivered}, delivery.Change{}))
			continue
		}
		for _, c := range claim(t, q, hook, at(3), 10) {
			check(step+": claimed", c.Event)
			settle(t, q, c, delivery.Delivered, at(3), time.Time{})
		}
	}
}
