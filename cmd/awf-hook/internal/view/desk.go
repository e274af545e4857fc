// Package view is what people see of a running awf-hook and what they may change. The page and the JSON API share it:
// both show what [Desk] returns, and change things through its methods, which record who did it.
package view

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// Options are the settings of a Desk.
type Options struct {
	Engine *engine.Engine
	Seen   *Seen
	Log    *slog.Logger

	Stale       func() string  // returns why the last reload failed, or ""; nil without reloads
	Version     string         // awf-hook's, shown in requests
	ModuleCache string         // of compiled modules in the playground; "" keeps none
	Flags       []config.Value // what flags say instead of the configuration, with the flag as its place
	Env         config.Env     // variables for tests that are sent; nil has none
}

// Desk is where people look at a queue and change it. It is safe for concurrent use.
type Desk struct {
	Options
	queue *engine.Deliveries
	api   api.Local
	bulks bulks
	tries chan struct{} // one for each running playground or test

	mu     sync.Mutex
	looked time.Time // when the queue was last asked
	queued
	lanesOf string // lanes in a word, for Signal

	masker engine.StoredMasker
}

// maxTries is how many playgrounds may run at once.
const maxTries = 2

// queued is the state of the queue that look read.
type queued struct {
	lanes  []engine.LaneStatus
	oldest map[string]time.Time
	nodes  []engine.Node
}

// New makes a desk. It starts nothing: see [Desk.Run].
func New(o Options) *Desk {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	queue := o.Engine.Queue()
	if o.Stale == nil {
		o.Stale = func() string { return "" }
	}
	return &Desk{Options: o, queue: queue, api: api.Local{Deliveries: queue, Config: o.Engine.Config},
		tries: make(chan struct{}, maxTries), bulks: newBulks()}
}

// lookEvery is how old the overview's data may be.
const lookEvery = 500 * time.Millisecond

// look reads the lanes, the oldest deliveries and the nodes from the queue, unless it did so a moment ago.
func (d *Desk) look(ctx context.Context) (queued, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.looked) < lookEvery {
		return d.queued, nil
	}
	began := time.Now()
	var now queued
	var err error
	if now.lanes, err = d.queue.Lanes(ctx); err != nil {
		return now, err
	}
	if now.oldest, err = d.queue.Oldest(ctx); err != nil {
		return now, err
	}
	if now.nodes, err = d.queue.Nodes(ctx); err != nil {
		return now, err
	}
	d.queued = now
	d.looked = time.Now().Add(10 * time.Since(began)) // ask a slow queue less often
	return now, nil
}

// forget makes the next look read the queue.
func (d *Desk) forget() {
	d.mu.Lock()
	d.looked = time.Time{}
	d.mu.Unlock()
	d.Seen.Changed()
}

// Signal returns a number that changes when something happened, in this process or in another one.
func (d *Desk) Signal(ctx context.Context) int64 {
	now, err := d.look(ctx)
	if err != nil {
		return d.Seen.Revision()
	}
	var b strings.Builder
	b.WriteString(d.Stale() + "\n")
	for _, n := range now.nodes {
		b.WriteString(n.Name + " " + n.Config + "\n")
	}
	for i := range now.lanes {
		l := &now.lanes[i]
		for _, n := range []int64{int64(l.Waiting), int64(l.Dead), l.Delivered, l.Dropped, l.PausedUntil.Unix(), int64(len(l.Closed))} {
			b.WriteString(strconv.FormatInt(n, 36) + ",")
		}
	}
	d.mu.Lock()
	changed := b.String() != d.lanesOf
	d.lanesOf = b.String()
	d.mu.Unlock()
	if changed {
		d.Seen.Changed()
	}
	return d.Seen.Revision()
}
