package view

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// Run describes a workflow's run.
type Run struct {
	ID       string        `json:"workflow_id"`
	Name     string        `json:"workflow_name"`
	Status   string        `json:"status,omitempty"` // from its end; "" while it runs, as far as known
	Began    time.Time     `json:"began"`            // time of the first known event
	Ended    time.Time     `json:"ended,omitzero"`
	Duration time.Duration `json:"duration,omitzero"`
	Events   []RunEvent    `json:"events"` // ordered by time
	Cut      bool          `json:"cut"`    // the run has more
}

// RunEvent is an event of a run with its deliveries.
type RunEvent struct {
	ID         string        `json:"event_id"`
	Type       string        `json:"event"`
	At         time.Time     `json:"timestamp"`
	Step       string        `json:"step,omitempty"`
	Status     string        `json:"status,omitempty"`
	Error      string        `json:"error,omitempty"`
	Duration   time.Duration `json:"duration,omitzero"` // from AWF
	Deliveries []api.Item    `json:"deliveries"`        // empty if no webhook wanted it

	// From is where the time before the event's end begins within the run, from 0 to 1.
	From float64 `json:"-"`
	Wide float64 `json:"-"`
}

// End returns the event's position within the run's time, from 0 to 1.
func (e RunEvent) End() float64 { return min(e.From+e.Wide, 0.997) }

// maxStep is the longest duration of a step that is shown, in seconds: an event may claim any.
const maxStep = 1e9

// maxRun is how many deliveries of a run are shown.
const maxRun = 500

// RunOf returns the events of a run: those with deliveries, and recent ones without.
func (d *Desk) RunOf(ctx context.Context, id string) (*Run, error) {
	found, err := d.queue.List(ctx, engine.Filter{Run: id, Limit: maxRun + 1})
	if err != nil {
		return nil, err
	}
	r := &Run{ID: id, Cut: len(found) > maxRun}
	at := map[string]int{} // index in the list, by event id
	for i := range found[:min(len(found), maxRun)] {
		it := &found[i]
		n, known := at[it.Event.ID]
		if !known {
			detail, err := d.queue.Show(ctx, it.Delivery.ID)
			if err != nil {
				continue // deleted meanwhile
			}
			n, at[it.Event.ID] = len(r.Events), len(r.Events)
			r.Events = append(r.Events, d.runEvent(detail.Event))
		}
		r.Events[n].Deliveries = append(r.Events[n].Deliveries, api.NewItem(it))
		r.Name = it.Event.WorkflowName
	}
	for _, seen := range d.Seen.Events() {
		if _, known := at[seen.Event.ID]; seen.Event.WorkflowID == id && !known {
			at[seen.Event.ID] = len(r.Events)
			r.Events = append(r.Events, d.runEvent(&seen.Event))
			r.Name = seen.Event.WorkflowName
		}
	}
	if len(r.Events) == 0 {
		return nil, api.Unknown(errors.New(id + ": no such run"))
	}
	slices.SortStableFunc(r.Events, func(a, b RunEvent) int { return a.At.Compare(b.At) })
	r.measure()
	return r, nil
}

func (d *Desk) runEvent(ev *event.Event) RunEvent {
	payload := struct {
		Step, Status, Error string
		Duration            float64
	}{}
	_ = json.Unmarshal(ev.Payload, &payload) // missing members are not shown
	return RunEvent{
		ID: ev.ID, Type: ev.Type, At: ev.Timestamp, Step: payload.Step, Status: payload.Status,
		Error: string(d.mask([]byte(payload.Error))), Duration: time.Duration(min(max(0, payload.Duration), maxStep) * float64(time.Second)),
	}
}

// measure finds when the run began and ended, and the position of each event's time.
func (r *Run) measure() {
	r.Began = r.Events[0].At
	last := r.Began
	for i := range r.Events {
		e := &r.Events[i]
		if begin := e.At.Add(-e.Duration); begin.Before(r.Began) {
			r.Began = begin
		}
		if e.At.After(last) {
			last = e.At
		}
		if strings.HasPrefix(e.Type, "workflow_") && e.Type != event.WorkflowStart {
			r.Ended, r.Status = e.At, e.Status
		}
	}
	r.Duration = last.Sub(r.Began)
	whole := last.Sub(r.Began).Seconds()
	for i := range r.Events {
		e := &r.Events[i]
		if whole > 0 {
			e.Wide = min(1, max(0, e.Duration.Seconds()/whole))
			e.From = max(0, e.At.Sub(r.Began).Seconds()/whole-e.Wide)
		}
	}
}
