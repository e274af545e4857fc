package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// Local is the queue that this process has open.
type Local struct {
	*engine.Deliveries
	Config func() *config.Config // the current configuration, whose secrets are masked
	Broken bool                  // the configuration has mistakes, so nothing in it may be shown
}

// List implements [Queue].
func (l Local) List(ctx context.Context, f engine.Filter) ([]Item, error) {
	if err := l.check(ctx, f.Webhook); err != nil {
		return nil, err
	}
	found, err := l.Deliveries.List(ctx, f)
	items := make([]Item, len(found))
	hold := l.hold()
	for i := range found {
		items[i] = NewItem(&found[i])
		hold(&items[i])
	}
	return items, err
}

// hold returns a function that sets Held of a waiting delivery that nobody delivers under the current configuration.
func (l Local) hold() func(it *Item) {
	if l.Broken { // a configuration with mistakes may lack any webhook
		return func(*Item) {}
	}
	orphaned := engine.Orphaned(l.Config())
	return func(it *Item) {
		if it.State != delivery.Due {
			return
		}
		if why := orphaned(it.Identity); why != "" {
			it.Held = "the webhook " + why
		}
	}
}

// Count implements [Queue].
func (l Local) Count(ctx context.Context, f engine.Filter) (engine.Tally, error) {
	if err := l.check(ctx, f.Webhook); err != nil {
		return engine.Tally{}, err
	}
	return l.Deliveries.Count(ctx, f)
}

// Groups implements [Queue].
func (l Local) Groups(ctx context.Context, f engine.Filter, n int) ([]Group, error) {
	if err := l.check(ctx, f.Webhook); err != nil {
		return nil, err
	}
	found, err := l.Deliveries.Groups(ctx, f, n)
	groups := make([]Group, len(found))
	for i := range found {
		groups[i] = Group{WebhookName(found[i].Webhook), found[i]}
	}
	return groups, err
}

// Show implements [Queue].
func (l Local) Show(ctx context.Context, id string) (*Detail, error) {
	d, err := l.Deliveries.Show(ctx, id)
	if err != nil {
		return nil, err
	}
	detail := NewDetail(d, l.Config())
	l.hold()(&detail.Item)
	return detail, nil
}

// Webhooks implements [Queue].
func (l Local) Webhooks(ctx context.Context) ([]Lane, error) {
	found, err := l.Deliveries.Lanes(ctx)
	lanes := make([]Lane, len(found))
	for i := range found {
		lanes[i] = NewLane(&found[i])
	}
	return lanes, err
}

// Replay implements [Queue].
func (l Local) Replay(ctx context.Context, f engine.Filter, c engine.Change) (int, error) {
	if !slices.Contains([]delivery.State{"", delivery.IsDead, delivery.IsDelivered, delivery.Due}, f.State) {
		return 0, Bad(fmt.Errorf("state: want dead, delivered or due, got %s", f.State))
	}
	n, err := l.Deliveries.Replay(ctx, f, c)
	op := engine.Operation{What: "replay", Target: Describe(f), Count: n}
	if c.Retransform {
		op.Note = "with the current transforms"
	}
	return l.changed(ctx, f, op, err)
}

// Delete implements [Queue].
func (l Local) Delete(ctx context.Context, f engine.Filter) (int, error) {
	if f.State == delivery.InFlight {
		return 0, Bad(errors.New("deliveries in flight cannot be deleted"))
	}
	n, err := l.Deliveries.Delete(ctx, f)
	return l.changed(ctx, f, engine.Operation{What: "delete", Target: Describe(f), Count: n}, err)
}

// changed records a change of deliveries. If there was none, it looks for a mistake in the filter.
func (l Local) changed(ctx context.Context, f engine.Filter, op engine.Operation, err error) (int, error) {
	if err == nil && op.Count == 0 {
		if err = l.check(ctx, f.Webhook); err == nil && f.ID != "" {
			_, err = Find(ctx, l, f.ID)
		}
	}
	return l.record(ctx, op, err)
}

// Move implements [Queue].
func (l Local) Move(ctx context.Context, from, to string) (int, error) {
	known, err := l.queued(ctx)
	if err != nil {
		return 0, err
	}
	if from, err = Resolve(from, known); err != nil {
		return 0, fmt.Errorf("from: %w", err)
	}
	if to, err = Resolve(to, append(known, l.configured()...)); err != nil {
		return 0, fmt.Errorf("to: %w", err)
	}
	if from == to {
		return 0, Bad(errors.New("from and to are the same webhook"))
	}
	n, err := l.Deliveries.Move(ctx, from, to)
	return l.record(ctx, engine.Operation{What: "move", Target: from + " to " + to, Count: n}, err)
}

// Enable implements [Queue].
func (l Local) Enable(ctx context.Context, webhook string) (LaneAnswer, error) {
	n, err := l.Deliveries.Enable(ctx, webhook)
	return l.changedLanes(ctx, engine.Operation{What: "enable", Target: webhook, Count: n}, err)
}

// Disable implements [Queue].
func (l Local) Disable(ctx context.Context, webhook, reason string) (LaneAnswer, error) {
	reason = cmp.Or(reason, "disabled by "+access.From(ctx).Name)
	n, err := l.Deliveries.Disable(ctx, webhook, reason)
	return l.changedLanes(ctx, engine.Operation{What: "disable", Target: webhook, Count: n, Note: reason}, err)
}

// Pause implements [Queue].
func (l Local) Pause(ctx context.Context, webhook string, rest time.Duration, reason string) (LaneAnswer, error) {
	n, err := l.Deliveries.Pause(ctx, webhook, rest)
	note := "for " + rest.String()
	if reason != "" {
		note += ": " + reason
	}
	return l.changedLanes(ctx, engine.Operation{What: "pause", Target: webhook, Count: n, Note: note}, err)
}

// changedLanes records a change of a webhook's lanes. A webhook without a lane is an error.
func (l Local) changedLanes(ctx context.Context, op engine.Operation, err error) (answer LaneAnswer, _ error) {
	if err == nil && op.Count == 0 {
		if err = l.check(ctx, op.Target); err == nil {
			err = Unknown(fmt.Errorf("%s has had no delivery yet", op.Target))
		}
	}
	if answer.Count, err = l.record(ctx, op, err); err == nil && op.What != "enable" && !l.Broken && !strings.Contains(op.Target, "#") {
		answer.Unreached, err = l.unreached(ctx, op.Target)
	}
	return answer, err
}

// unreached lists the webhooks of a name that have no lane, by their identities.
func (l Local) unreached(ctx context.Context, name string) (identities []string, err error) {
	known, err := l.queued(ctx)
	for _, w := range l.Config().ActiveAnywhere() {
		if w.Name == name && !slices.Contains(known, w.Identity) {
			identities = append(identities, w.Identity)
		}
	}
	return identities, err
}

// record records what somebody changed, even if the change ended early. A change of nothing is not recorded.
func (l Local) record(ctx context.Context, op engine.Operation, err error) (int, error) {
	if op.Count == 0 {
		return 0, err
	}
	op.Who = access.From(ctx).Name
	if recorded := l.Record(ctx, op); err == nil && recorded != nil {
		err = fmt.Errorf("it was done, and could not be recorded: %w", recorded)
	}
	return op.Count, err
}

// Describe describes in words what a filter selects.
func Describe(f engine.Filter) string {
	if f.ID != "" {
		return f.ID
	}
	var parts []string
	for _, p := range parameters(&f) {
		if value := p.encode(); value != "" {
			parts = append(parts, p.name+" "+value)
		}
	}
	if len(parts) == 0 {
		return "all deliveries"
	}
	return strings.Join(parts, ", ")
}
