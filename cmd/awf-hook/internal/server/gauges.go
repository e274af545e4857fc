package server

import (
	"context"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/prometheus/client_golang/prometheus"
)

// lanesPeriod is how old the gauges' data may be: scrapes query the queue no more often.
const lanesPeriod = 2 * time.Second

// Queue is the source of the queue's gauges.
type Queue struct {
	Lanes func(ctx context.Context) ([]engine.LaneStatus, error)
	Ready func(ctx context.Context) error
	Keeps func() bool                  // only the process that keeps house exports the gauges, so that sums are right
	Name  func(identity string) string // the name of a webhook
	File  string
}

// laneStates are the values of lane_state's label.
var laneStates = []string{"open", "resting", "breaker", "closed"}

// gauges exports what a queue holds.
type gauges struct {
	Queue
	metrics *Metrics

	waiting, dead, overdue, state, fuel, up, size, keeper *prometheus.Desc

	mu    sync.Mutex
	at    time.Time
	lanes []engine.LaneStatus
	isUp  bool
}

// Watch adds the gauges of a queue.
func (m *Metrics) Watch(q Queue) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("awf_hook_"+name, help, labels, nil)
	}
	m.registry.MustRegister(&gauges{
		Queue: q, metrics: m,
		waiting: desc("deliveries_waiting", "Deliveries without a final outcome.", "webhook"),
		dead:    desc("dead_letters", "Dead letters that are kept.", "webhook"),
		overdue: desc("oldest_due_age_seconds", "For how long the next delivery might have been sent; 0 if none may be.", "webhook"),
		state:   desc("lane_state", "1 for the state that a webhook's lane is in.", "webhook", "state"),
		fuel:    desc("transform_fuel_ratio", "The most that a wasm module used of its fuel in one event; 0 if none ran.", "webhook"),
		up:      desc("store_up", "1 if the queue takes what is new, 0 if it does not."),
		size:    desc("store_size_bytes", "The size of the queue's file."),
		keeper:  desc("keeper", "1 on the process that keeps house in the queue, and says what it holds."),
	})
}

func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.waiting, g.dead, g.overdue, g.state, g.fuel, g.up, g.size, g.keeper} {
		to <- d
	}
}

func (g *gauges) Collect(to chan<- prometheus.Metric) {
	one := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	lanes, isUp := g.ask()
	one(g.up, number(isUp))
	if !g.Keeps() {
		one(g.keeper, 0)
		return
	}
	one(g.keeper, 1)
	if g.File != "" {
		one(g.size, fileSize(g.File))
	}
	now := time.Now()
	for name, l := range g.byName(lanes) {
		one(g.waiting, float64(l.Waiting), name)
		one(g.dead, float64(l.Dead), name)
		overdue := 0.0
		if !l.Due.IsZero() {
			overdue = max(0, now.Sub(l.Due).Seconds())
		}
		one(g.overdue, overdue, name)
		one(g.fuel, float64(l.FuelPercent)/100, name)
		for _, state := range laneStates {
			one(g.state, number(state == laneState(l, now)), name, state)
		}
	}
}

// ask queries the queue, unless it did so a moment ago.
func (g *gauges) ask() ([]engine.LaneStatus, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.at) >= lanesPeriod {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		if lanes, err := g.Lanes(ctx); err == nil {
			g.lanes = lanes
		}
		g.isUp = g.Ready(ctx) == nil
		g.at = time.Now()
	}
	return g.lanes, g.isUp
}

// byName sums up lanes with the same label: webhooks that share a name, and those beyond the limit. Webhooks without
// deliveries get zeros.
func (g *gauges) byName(lanes []engine.LaneStatus) map[string]*engine.LaneStatus {
	named := map[string]*engine.LaneStatus{}
	g.metrics.mu.Lock()
	for name := range g.metrics.names {
		named[name] = &engine.LaneStatus{}
	}
	g.metrics.mu.Unlock()
	for i := range lanes {
		l := &lanes[i]
		name := g.Name(l.Webhook)
		if named[name] == nil && len(named) >= maxNames {
			name = otherLabel
		}
		sum := named[name]
		if sum == nil || sum.Webhook == "" {
			only := *l
			named[name] = &only
			continue
		}
		sum.FuelPercent = max(sum.FuelPercent, l.FuelPercent)
		sum.Waiting, sum.Dead = sum.Waiting+l.Waiting, sum.Dead+l.Dead
		if sum.Due.IsZero() || !l.Due.IsZero() && l.Due.Before(sum.Due) {
			sum.Due = l.Due
		}
	}
	return named
}

func laneState(l *engine.LaneStatus, now time.Time) string {
	switch {
	case l.Closed != "":
		return "closed"
	case l.BreakerOpen():
		return "breaker"
	case l.PausedUntil.After(now):
		return "resting"
	}
	return "open"
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
