package api

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/engine"
)

// Local is the queue that this process has open.
type Local struct {
	*engine.Deliveries
	// Mask returns a delivery's body with secrets masked.
	Mask func(*engine.Detail) []byte
}

// List implements [Queue].
func (l Local) List(ctx context.Context, f engine.Filter) ([]Item, error) {
	found, err := l.Deliveries.List(ctx, f)
	items := make([]Item, len(found))
	for i := range found {
		items[i] = NewItem(&found[i])
	}
	return items, err
}

// Show implements [Queue].
func (l Local) Show(ctx context.Context, id string) (*Detail, error) {
	d, err := l.Deliveries.Show(ctx, id)
	if err != nil {
		return nil, err
	}
	return &Detail{NewItem(&d.Item), d.Attempts, l.Mask(d)}, nil
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
	n, err := l.Deliveries.Replay(ctx, f, c)
	op := engine.Operation{What: "replay", Target: Describe(f), Count: n}
	if c.Retransform {
		op.Note = "with the transforms of now"
	}
	return l.record(ctx, op, err)
}

// Delete implements [Queue].
func (l Local) Delete(ctx context.Context, f engine.Filter) (int, error) {
	n, err := l.Deliveries.Delete(ctx, f)
	return l.record(ctx, engine.Operation{What: "delete", Target: Describe(f), Count: n}, err)
}

// Move implements [Queue].
func (l Local) Move(ctx context.Context, from, to string) (int, error) {
	n, err := l.Deliveries.Move(ctx, from, to)
	return l.record(ctx, engine.Operation{What: "move", Target: from + " to " + to, Count: n}, err)
}

// Enable implements [Queue].
func (l Local) Enable(ctx context.Context, webhook string) (int, error) {
	n, err := l.Deliveries.Enable(ctx, webhook)
	return l.record(ctx, engine.Operation{What: "enable", Target: webhook, Count: n}, err)
}

// Disable implements [Queue].
func (l Local) Disable(ctx context.Context, webhook, reason string) (int, error) {
	reason = cmp.Or(reason, "disabled by "+access.From(ctx).Name)
	n, err := l.Deliveries.Disable(ctx, webhook, reason)
	return l.record(ctx, engine.Operation{What: "disable", Target: webhook, Count: n, Note: reason}, err)
}

// Pause implements [Queue].
func (l Local) Pause(ctx context.Context, webhook string, rest time.Duration, reason string) (int, error) {
	n, err := l.Deliveries.Pause(ctx, webhook, rest)
	note := "for " + rest.String()
	if reason != "" {
		note += ": " + reason
	}
	return l.record(ctx, engine.Operation{What: "pause", Target: webhook, Count: n, Note: note}, err)
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
	for _, p := range parameters {
		if value := p.get(&f); value != "" {
			parts = append(parts, p.name+" "+value)
		}
	}
	if len(parts) == 0 {
		return "all deliveries"
	}
	return strings.Join(parts, ", ")
}
