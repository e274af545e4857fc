// Package view is what people see of a running awf-hook and what they may do to it. The page and the JSON API share it: both show
// what [Desk] returns and change things by its methods alone, which record who did it.
package view

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/secret"
)

// Options are what a Desk works with.
type Options struct {
	Engine *engine.Engine
	Seen   *Seen
	Log    *slog.Logger

	Stale       func() string // why the last reload was not taken up, "" if it was; nil where there is none
	Version     string        // awf-hook's, for the requests that are shown
	ModuleCache string        // of compiled modules that are tried out; "" keeps none
	Env         config.Env    // the variables of tests that are sent; nil has none
}

// Desk is where people look at a queue and change it. Its methods may be called by several goroutines at once.
type Desk struct {
	Options
	queue *engine.Deliveries
	api   api.Local
	bulks bulks
	tries chan struct{} // holds one for each playground or test that runs

	mu     sync.Mutex
	looked time.Time // when the queue was asked last
	queued
	lanesOf string // of lanes, in a word, for Signal

	masker   *secret.Masker // of maskerOf
	maskerOf *config.Config
}

// maxTries is how many playgrounds may run at once.
const maxTries = 2

// queued is what the queue says of itself.
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
	mask := func(d *engine.Detail) []byte { return engine.Body(d, o.Engine.Config()) }
	queue := o.Engine.Queue()
	return &Desk{Options: o, queue: queue, api: api.Local{Deliveries: queue, Mask: mask},
		tries: make(chan struct{}, maxTries), bulks: newBulks()}
}

// lookEvery is how old what the overview says of the queue may be.
const lookEvery = 500 * time.Millisecond

// look asks the queue for its lanes, the oldest deliveries and its nodes, unless it was asked a moment ago.
func (d *Desk) look(ctx context.Context) (queued, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.looked) < lookEvery {
		return d.queued, nil
	}
	began := time.Now()
	var now queued
	var err error
	if now.lanes, err = d.queue.Webhooks(ctx); err != nil {
		return now, err
	}
	if now.oldest, err = d.queue.Oldest(ctx); err != nil {
		return now, err
	}
	if now.nodes, err = d.queue.Nodes(ctx); err != nil {
		return now, err
	}
	d.queued = now
	d.looked = time.Now().Add(10 * time.Since(began)) // a slow queue is asked less often
	return now, nil
}

// stale says why the last reload was not taken up; "" if it was.
func (d *Desk) stale() string {
	if d.Stale == nil {
		return ""
	}
	return d.Stale()
}

// forget makes the next look ask the queue.
func (d *Desk) forget() {
	d.mu.Lock()
	d.looked = time.Time{}
	d.mu.Unlock()
	d.Seen.Changed()
}

// Signal returns a number that changes when something did, in this process or in another one.
func (d *Desk) Signal(ctx context.Context) int64 {
	now, err := d.look(ctx)
	if err != nil {
		return d.Seen.Revision()
	}
	var b strings.Builder
	b.WriteString(d.stale() + "\n")
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

// Seconds is a duration that JSON has in seconds.
type Seconds time.Duration

// MarshalJSON implements [json.Marshaler].
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'f', -1, 64), nil
}

var (
	// ErrUnknown says that there is no such delivery, webhook, run or bulk.
	ErrUnknown = engine.ErrUnknown
	// ErrRefused is wrapped by errors that say why a change is not made.
	ErrRefused = errors.New("refused")
	// ErrBusy says that too much is tried out at once.
	ErrBusy = errors.New("too many people try something out at the moment: try again in a few seconds")
)
