package view_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// desk is a Desk over a running engine, with a receiver that answers with status.
type desk struct {
	*view.Desk
	engine *engine.Engine
	status atomic.Int64
	taken  atomic.Int64
}

func open(t *testing.T, yaml string) *desk {
	t.Helper()
	d := &desk{}
	d.status.Store(200)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(d.status.Load()))
		if d.status.Load() == 200 {
			d.taken.Add(1)
		}
	}))
	t.Cleanup(receiver.Close)
	t.Setenv("RECEIVER", receiver.URL)
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "awf-hook.yaml"), []byte(yaml), func(name string) (string, bool) {
		return receiver.URL, name == "RECEIVER"
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := view.NewSeen()
	d.engine, err = engine.Open(cfg, engine.Options{Queue: filepath.Join(t.TempDir(), "queue.db"), Observer: seen.Observer(engine.Observer{})})
	if err != nil {
		t.Fatal(err)
	}
	d.Desk = view.New(view.Options{Engine: d.engine, Seen: seen})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { _ = d.engine.Run(ctx); done <- struct{}{} }()
	go func() { d.Run(ctx); done <- struct{}{} }()
	t.Cleanup(func() {
		cancel()
		<-done
		<-done
		_ = d.engine.Close()
	})
	return d
}

const twoHooks = `webhooks:
  - {name: one, url: "${RECEIVER}", events: ["*"], order_by: workflow_id, retry: {max_attempts: 1}}
  - {name: two, url: "${RECEIVER}", events: [workflow_error]}
`

var (
	operator = access.Who{Name: "anna", Role: access.Operate}
	reader   = access.Who{Name: "ben", Role: access.Read}
)

func as(t *testing.T, who access.Who) context.Context { return access.With(t.Context(), who) }

func (d *desk) submit(t *testing.T, n int, typ string) {
	t.Helper()
	for i := range n {
		ev, err := event.New(typ, fmt.Sprint("run-", i), "deploy", map[string]any{"step": "build", "duration": 1.5, "status": "success"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.engine.Submit(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
}

// until waits for a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (d *desk) count(t *testing.T, state delivery.State) int {
	t.Helper()
	tally, err := d.engine.Queue().Count(t.Context(), engine.Filter{State: state})
	if err != nil {
		t.Fatal(err)
	}
	return tally.Count
}

func TestOverviewShowsEachWebhook(t *testing.T) {
	d := open(t, twoHooks)
	d.submit(t, 3, event.StepComplete)
	until(t, "delivered", func() bool { return d.count(t, delivery.IsDelivered) == 3 })
	d.status.Store(422)
	d.submit(t, 2, event.StepComplete)
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 2 })
	o, err := d.Overview(t.Context())
	if err != nil || len(o.Webhooks) != 2 {
		t.Fatalf("%+v, %v, want two webhooks", o, err)
	}
	one, two := o.Webhooks[0], o.Webhooks[1]
	if one.Name != "one" || one.State != view.Open || one.Dead != 2 || one.LastError == "" || one.Place == "" || one.P50 == 0 {
		t.Errorf("one is %+v", one)
	}
	if want := (view.Outcomes{Delivered: 3, Dead: 2}); one.Minute != want || one.Hour != want || one.Day != want || o.Total.Minute != want {
		t.Errorf("lately %+v, want %+v", one.Lately, want)
	}
	if two.Name != "two" || two.State != view.Open || two.Minute.Sum() != 0 {
		t.Errorf("two, which had no delivery yet, is %+v", two)
	}
}

// lanes returns how many lanes changed.
func lanes(changed api.LaneAnswer, err error) (int, error) { return changed.Count, err }

// Each change is made once, is refused to users who may only read, and is recorded with its user.
func TestChangesAreRecorded(t *testing.T) {
	d := open(t, twoHooks)
	d.status.Store(422)
	d.submit(t, 3, event.StepComplete)
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 3 })
	o, err := d.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	identity := o.Webhooks[0].LaneStatus.Webhook
	changes := map[string]func(ctx context.Context, q api.Queue) (int, error){
		"pause": func(ctx context.Context, q api.Queue) (int, error) {
			return lanes(q.Pause(ctx, identity, time.Hour, "deploying"))
		},
		"disable": func(ctx context.Context, q api.Queue) (int, error) {
			return lanes(q.Disable(ctx, identity, view.Reason(ctx, " it is broken ")))
		},
		"enable": func(ctx context.Context, q api.Queue) (int, error) { return lanes(q.Enable(ctx, identity)) },
		"replay": func(ctx context.Context, q api.Queue) (int, error) {
			return q.Replay(ctx, engine.Filter{}, engine.Change{})
		},
		"send now": func(ctx context.Context, q api.Queue) (int, error) {
			return q.Replay(ctx, engine.Filter{State: delivery.Due}, engine.Change{})
		},
		"delete": func(ctx context.Context, q api.Queue) (int, error) {
			return q.Delete(ctx, engine.Filter{State: delivery.Due})
		},
	}
	change := func(ctx context.Context, what string) error {
		_, err := d.Change(ctx, func(q api.Queue) (int, error) { return changes[what](ctx, q) })
		return err
	}
	for what := range changes {
		if err := change(as(t, reader), what); !errors.Is(err, api.ErrRefused) {
			t.Errorf("%s by a reader: %v, want it refused", what, err)
		}
	}
	made := []string{"pause", "enable", "disable", "replay", "send now", "delete", "enable"}
	for _, what := range made {
		if err := change(as(t, operator), what); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		o, err := d.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch w := o.Webhooks[0]; {
		case what == "pause" && (w.State != view.Resting || w.By == nil || w.By.Who != "anna" || !strings.Contains(w.By.Reason, "deploying")):
			t.Errorf("paused: %+v by %+v", w.State, w.By)
		case what == "disable" && (w.State != view.Closed || w.Closed != "by anna: it is broken" || w.By == nil || w.By.Reason != "it is broken"):
			t.Errorf("disabled: %+v %q by %+v", w.State, w.Closed, w.By)
		case what == "enable" && (w.State != view.Open || w.By != nil):
			t.Errorf("%s: %+v by %+v", what, w.State, w.By)
		}
	}
	ops, err := d.Operations(t.Context(), 0, 100)
	if err != nil || len(ops) != len(made) {
		t.Fatalf("%d operations, %v, want %d", len(ops), err, len(made))
	}
	for i, what := range made {
		if what == "send now" {
			what = "replay"
		}
		if op := ops[len(ops)-1-i]; op.What != what || op.Who != "anna" || op.Count == 0 {
			t.Errorf("operation %d is %+v, want %s", i, op, what)
		}
	}
	_, err = d.Change(as(t, operator), func(q api.Queue) (int, error) { return lanes(q.Pause(t.Context(), "nobody", time.Hour, "")) })
	if !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("a pause of nobody: %v", err)
	}
}

// A bulk changes exactly the set that its plan showed, whatever dies meanwhile.
func TestBulkTakesWhatWasSeen(t *testing.T) {
	d := open(t, twoHooks)
	d.status.Store(422)
	d.submit(t, 5, event.StepComplete)
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 5 })
	plan, err := d.Plan(as(t, reader), view.Order{What: "replay", Pace: 100})
	if err != nil || plan.Tally.Count != 5 || plan.Tally.Tried != 5 || len(plan.Groups) != 1 || plan.Takes == 0 || len(plan.Ordered) != 1 {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	time.Sleep(5 * time.Millisecond)
	d.submit(t, 2, event.StepComplete)
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 7 })
	d.status.Store(200)
	values, err := url.ParseQuery(plan.Address)
	if err != nil {
		t.Fatal(err)
	}
	f, err := view.ParseFilter(values)
	if err != nil {
		t.Fatal(err)
	}
	order := view.Order{What: "replay", Filter: f, Pace: 100}
	if _, err := d.Begin(as(t, reader), order, 5); !errors.Is(err, api.ErrRefused) {
		t.Errorf("begun by a reader: %v", err)
	}
	if _, err := d.Begin(as(t, operator), order, 4); !errors.Is(err, api.ErrRefused) {
		t.Errorf("begun with another number: %v", err)
	}
	if _, err := d.Begin(as(t, operator), order, 5); err != nil {
		t.Fatal(err)
	}
	until(t, "the bulk's end", func() bool { return !d.Bulks()[0].Ended.IsZero() })
	if b := d.Bulks()[0]; b.Done != 5 || b.Who != "anna" || b.Error != "" || b.Halted != "" {
		t.Errorf("%+v, want 5 of 5", b)
	}
	until(t, "delivered", func() bool { return d.taken.Load() == 5 })
	if n := d.count(t, delivery.IsDead); n != 2 {
		t.Errorf("%d are dead, want the 2 that died after the plan", n)
	}
}

func TestBulkIsPacedAndCancelled(t *testing.T) {
	d := open(t, twoHooks)
	d.status.Store(422)
	d.submit(t, 30, event.StepComplete)
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 30 })
	b, err := d.Begin(as(t, operator), view.Order{What: "delete", Pace: 4, Filter: engine.Filter{State: delivery.IsDead}}, 30)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a part", func() bool { return d.Bulks()[0].Done >= 2 })
	if err := d.Cancel(as(t, reader), b.ID); !errors.Is(err, api.ErrRefused) {
		t.Errorf("cancelled by a reader: %v", err)
	}
	if err := d.Cancel(as(t, operator), b.ID); err != nil {
		t.Fatal(err)
	}
	until(t, "the end", func() bool { return !d.Bulks()[0].Ended.IsZero() })
	ended := d.Bulks()[0]
	if ended.Halted != "anna" || ended.Done > 10 || d.count(t, delivery.IsDead) != 30-ended.Done {
		t.Errorf("%+v with %d left, want a cancelled one that did few", ended, d.count(t, delivery.IsDead))
	}
	if err := d.Cancel(as(t, operator), b.ID); !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("cancelled twice: %v", err)
	}
}

// Another command's reason is shown as it was given, even if it begins like one of the page.
func TestReasonsAreWhole(t *testing.T) {
	d := open(t, twoHooks)
	d.submit(t, 1, event.StepComplete)
	until(t, "delivered", func() bool { return d.count(t, delivery.IsDelivered) == 1 })
	o, err := d.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	identity := o.Webhooks[0].LaneStatus.Webhook
	for _, reason := range []string{"by anna's wish", "by annabel: moved", "moved: by anna"} {
		if _, err := (api.Local{Deliveries: d.engine.Queue()}).Disable(as(t, operator), identity, reason); err != nil {
			t.Fatal(err)
		}
		fresh := view.New(view.Options{Engine: d.engine, Seen: view.NewSeen()})
		o, err := fresh.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if by := o.Webhooks[0].By; by == nil || by.Reason != reason {
			t.Errorf("%q is shown as %+v", reason, by)
		}
	}
}

// A bulk that begins while the process ends is refused, or ends with it: it does not stay begun for ever.
func TestBulksEndWithTheProcess(t *testing.T) {
	d := open(t, twoHooks)
	d.status.Store(422)
	d.submit(t, 3, event.StepComplete)
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 3 })
	late := view.New(view.Options{Engine: d.engine, Seen: view.NewSeen()})
	order := view.Order{What: "delete", Pace: 1, Filter: engine.Filter{State: delivery.IsDead}}
	if _, err := late.Begin(as(t, operator), order, 3); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	late.Run(ended)
	if all := late.Bulks(); len(all) != 1 || all[0].Ended.IsZero() || all[0].Halted != "the end of the process" {
		t.Errorf("bulks %+v, want one that ended with the process", all)
	}
	if _, err := late.Begin(as(t, operator), order, 3); !errors.Is(err, api.ErrRefused) {
		t.Errorf("a bulk after the end: %v, want it refused", err)
	}
}

func TestFilterIsItsAddress(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	full := engine.Filter{ID: "msg_a", State: delivery.IsDead, Webhook: "/etc/a.yaml#one", Workflow: "<b>&=", Event: "workflow_end",
		Run: "rün", Text: "503 é", Reason: "a&b=c", Since: at, Until: at.Add(time.Hour), Before: 7}
	for _, f := range []engine.Filter{{}, full} {
		again, err := view.ParseFilter(view.Address(f))
		if err != nil || again != f {
			t.Errorf("%+v became %+v, %v", f, again, err)
		}
	}
	for _, bad := range []string{
		"state=lost", "since=yesterday", "until=1x", "since=-5h", "until=-5h", "until=0d-5h", "before=-1", "before=x", "limit=501", "stat=dead",
	} {
		v, _ := url.ParseQuery(bad)
		if f, err := view.ParseFilter(v); err == nil {
			t.Errorf("%s is %+v, want a mistake", bad, f)
		}
	}
}

func TestRunIsATimeLine(t *testing.T) {
	d := open(t, twoHooks)
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, typ := range []string{event.WorkflowStart, event.StepComplete, event.WorkflowEnd} {
		ev := event.Event{ID: fmt.Sprint("e", i), Type: typ, WorkflowID: "r/1", WorkflowName: "deploy",
			Timestamp: began.Add(time.Duration(i) * 2 * time.Second),
			Payload:   []byte(`{"step":"build","duration":1,"status":"success"}`)}
		if err := d.engine.Submit(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	run, err := d.RunOf(t.Context(), "r/1")
	if err != nil || len(run.Events) != 3 || run.Name != "deploy" || run.Status != "success" || run.Duration != 5*time.Second {
		t.Fatalf("%+v, %v", run, err)
	}
	step := run.Events[1]
	if step.Step != "build" || len(step.Deliveries) != 1 || step.From < 0.39 || step.From > 0.41 || step.Wide != 0.2 {
		t.Errorf("the step is %+v", step)
	}
	for i, duration := range []string{"1e300", "-1e300"} { // whatever a payload claims
		id := fmt.Sprint("odd", i)
		ev := event.Event{ID: id, Type: event.StepComplete, WorkflowID: id, Timestamp: began, Payload: []byte(`{"duration":` + duration + `}`)}
		if err := d.engine.Submit(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		odd, err := d.RunOf(t.Context(), id)
		if err != nil || odd.Began.After(began) || odd.Began.Year() < 1990 || odd.Duration < 0 || odd.Events[0].Duration < 0 {
			t.Errorf("a duration of %s: %+v, %v", duration, odd, err)
		}
	}
	if _, err := d.RunOf(t.Context(), "none"); !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("no run: %v", err)
	}
}

// A search for a text finds everything, page by page.
func TestSearchPages(t *testing.T) {
	d := open(t, twoHooks)
	d.status.Store(422)
	d.submit(t, 7, event.StepComplete)
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 7 })
	seen, f := map[string]bool{}, engine.Filter{Text: "UNPROCESSABLE", Limit: 3}
	for pages := 1; ; pages++ {
		list, err := d.Deliveries(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			seen[list.Items[i].ID] = true
		}
		if f.Before = list.Next; f.Before == 0 {
			if pages != 3 || len(seen) != 7 {
				t.Errorf("%d deliveries on %d pages, want 7 on 3", len(seen), pages)
			}
			return
		}
	}
}

// A page shows the delivery whose id begins with the address's only if it is one, and does not say that several do not exist.
func TestDeliveryOfAnAmbiguousID(t *testing.T) {
	d := open(t, twoHooks)
	d.submit(t, 2, event.StepComplete)
	until(t, "delivered", func() bool { return d.count(t, delivery.IsDelivered) == 2 })
	if _, err := d.Delivery(t.Context(), "msg_"); !errors.Is(err, api.ErrAmbiguous) || errors.Is(err, engine.ErrUnknown) {
		t.Errorf("msg_ with two deliveries: %v, want a refusal", err)
	}
	if _, err := d.Delivery(t.Context(), "msg_0"); !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("an unknown id: %v", err)
	}
}

// A plan tells webhooks of one name apart.
func TestPlanTellsNamesakesApart(t *testing.T) {
	d := open(t, twoHooks)
	d.status.Store(422)
	dead := func(n int) {
		t.Helper()
		d.submit(t, 1, event.StepComplete)
		until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == n })
	}
	dead(1)
	o, err := d.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	one := o.Webhooks[0].LaneStatus.Webhook
	if n, err := d.engine.Queue().Move(t.Context(), one, "/elsewhere.yaml#one"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	dead(2)
	ctx := as(t, operator)
	if _, err := d.Change(ctx, func(q api.Queue) (int, error) { return lanes(q.Disable(ctx, one, "a test")) }); err != nil {
		t.Fatal(err)
	}
	plan, err := d.Plan(as(t, reader), view.Order{What: "replay"})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(plan.Stopped)
	if want := []string{"/elsewhere.yaml#one", one}; !slices.Equal(plan.Stopped, want) || !slices.Equal(plan.Ordered, want[1:]) {
		t.Errorf("%q wait and %q are in order, want %q and %q", plan.Stopped, plan.Ordered, want, want[1:])
	}
}
