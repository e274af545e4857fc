package view

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// Overview is the state of all webhooks.
type Overview struct {
	At      time.Time `json:"at"`
	Since   time.Time `json:"since"` // recent outcomes are counted from then on, by this process
	Queue   string    `json:"queue"`
	Trouble string    `json:"trouble,omitempty"` // why the queue takes nothing new
	Stale   string    `json:"stale,omitempty"`   // why the last reload failed
	// Differ are the configurations of the processes that share the queue, if they differ.
	Differ   []delivery.Configuration `json:"configurations,omitempty"`
	Webhooks []Webhook                `json:"webhooks"`
	Total    Total                    `json:"total"`
}

// Total is the sum over all webhooks.
type Total struct {
	Lately
	Waiting int       `json:"waiting"`
	Dead    int       `json:"dead"`
	Oldest  time.Time `json:"oldest,omitzero"`
}

// Webhook is the state of one webhook.
type Webhook struct {
	Name  string `json:"webhook"`
	Place string `json:"place,omitempty"` // its entry's file and line; "" if the configuration does not have it
	URL   string `json:"url,omitempty"`   // scheme and host
	State string `json:"state"`
	engine.LaneStatus
	Oldest time.Time `json:"oldest,omitzero"` // when the oldest waiting delivery was accepted
	By     *By       `json:"by,omitempty"`    // who paused or closed it; nil if nobody did
	Lately
}

// States of a lane in a word; it may also be failing, when it sends one probe at a time.
const (
	Open    = "open"
	Resting = "resting"
	Closed  = "closed"
	Gone    = "gone" // the configuration does not have the webhook
)

// By says who changed a webhook, when and why.
type By struct {
	Who    string    `json:"who"`
	What   string    `json:"what"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Overview returns the state of all webhooks: those of the configuration, and others with something in the queue.
func (d *Desk) Overview(ctx context.Context) (*Overview, error) {
	now, err := d.look(ctx)
	if err != nil {
		return nil, err
	}
	o := &Overview{At: time.Now(), Since: d.Seen.since, Queue: d.QueueName(), Stale: d.Stale()}
	d.Signal(ctx) // the next one is compared with this one
	if err := d.Engine.Ready(ctx); err != nil {
		o.Trouble = err.Error()
	}
	if all := delivery.Configurations(now.nodes); len(all) > 1 {
		o.Differ = all
	}
	configured := d.configured()
	for i := range now.lanes {
		l := &now.lanes[i]
		w, known := configured[l.Webhook]
		delete(configured, l.Webhook)
		if !known && l.Waiting+l.Dead == 0 && d.Seen.lately(l.Webhook).Day.Sum() == 0 {
			continue
		}
		o.add(d.webhook(l, w, now.oldest[l.Webhook]))
	}
	for identity, w := range configured {
		o.add(d.webhook(&engine.LaneStatus{Webhook: identity}, w, time.Time{}))
	}
	slices.SortFunc(o.Webhooks, func(a, b Webhook) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.LaneStatus.Webhook, b.LaneStatus.Webhook))
	})
	return o, d.addBy(ctx, o.Webhooks)
}

func (o *Overview) add(w Webhook) {
	o.Webhooks = append(o.Webhooks, w)
	o.Total.Lately.add(&w.Lately)
	o.Total.Waiting += w.Waiting
	o.Total.Dead += w.Dead
	if !w.Oldest.IsZero() && (o.Total.Oldest.IsZero() || w.Oldest.Before(o.Total.Oldest)) {
		o.Total.Oldest = w.Oldest
	}
}

// QueueName returns the queue's place without secrets.
func (d *Desk) QueueName() string { return d.Engine.Report().Queue }

// configured returns the webhooks of the current configuration, those of definitions included, by identity.
func (d *Desk) configured() map[string]*config.Webhook { return api.Configured(d.Engine.Config()) }

func (d *Desk) webhook(l *engine.LaneStatus, w *config.Webhook, oldest time.Time) Webhook {
	shown := Webhook{Name: d.Engine.Name(l.Webhook), LaneStatus: *l, Oldest: oldest, Lately: d.Seen.lately(l.Webhook)}
	if w != nil {
		shown.Name, shown.Place, shown.URL = w.Name, w.Place(), w.URL.String()
	}
	if shown.State = api.NewLane(l).State; w == nil && shown.State != Closed {
		shown.State = Gone
	}
	return shown
}

// recentOperations is how many of the last operations are searched for the one that explains a lane's state.
const recentOperations = 200

// addBy says who paused or closed paused and closed webhooks.
func (d *Desk) addBy(ctx context.Context, webhooks []Webhook) error {
	stopped := func(w Webhook) bool { return w.State == Closed || !w.PausedUntil.IsZero() }
	if !slices.ContainsFunc(webhooks, stopped) {
		return nil
	}
	operations, err := d.queue.Operations(ctx, 0, recentOperations)
	if err != nil {
		return err
	}
	for i := range webhooks {
		w := &webhooks[i]
		last := slices.IndexFunc(operations, func(op engine.Operation) bool {
			return op.Target == w.LaneStatus.Webhook && slices.Contains([]string{pause, disable, enable}, op.What)
		})
		if last < 0 || !stopped(*w) {
			continue
		}
		if op := operations[last]; op.What == pause && w.Closed == "" || op.What == disable && w.Closed != "" {
			reason := op.Note
			if why, isOfPage := strings.CutPrefix(reason+": ", "by "+op.Who+": "); isOfPage { // as Reason made it
				reason = strings.TrimSuffix(why, ": ")
			}
			w.By = &By{op.Who, op.What, reason, op.At}
		}
	}
	return nil
}
