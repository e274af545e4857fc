package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// lanesPeriod is how old the gauges' data may be: scrapes query the queue no more often.
	lanesPeriod = 2 * time.Second
	// lanesShare bounds the cost of counting: the next count comes at least this many times the duration of the last one later.
	lanesShare = 20
	// standingTimeout is for the count that may read all that waits.
	standingTimeout = 2 * readyTimeout
)

// Queue is the source of the queue's gauges.
type Queue struct {
	Engine   string // what stores it
	Lanes    func(ctx context.Context) ([]engine.LaneStatus, error)
	Standing func(ctx context.Context) (map[string]engine.Standing, error)
	Ready    func(ctx context.Context) error
	Keeps    func() bool                  // only the process that keeps house exports the gauges, so that sums are right
	Name     func(identity string) string // the name of a webhook
	File     string
	Log      *slog.Logger
}

// NewQueue returns the source of an engine's gauges. The file is "" if the queue is not in a file.
func NewQueue(eng *engine.Engine, file string, log *slog.Logger) Queue {
	queue := eng.Queue()
	return Queue{
		Engine: eng.QueueEngine(), Lanes: queue.Lanes, Standing: queue.Standing, Ready: eng.Ready, Keeps: eng.KeepsHouse, Name: eng.Name,
		File: file, Log: log,
	}
}

// laneStates are the values of lane_state's label, by the words of the API.
var laneStates = map[string]string{"open": "open", "resting": "resting", "failing": "breaker", "closed": "closed"}

// gauges exports the content of a queue.
type gauges struct {
	Queue
	metrics *Metrics

	waiting, dead, overdue, state, fuel, up, size, keeper *prometheus.Desc

	mu       sync.Mutex
	until    time.Time // isUp and keeps are valid until then
	isUp     bool
	keeps    bool
	lanes    count[[]engine.LaneStatus]
	standing count[map[string]engine.Standing]
}

// count is the last answer to a query that may cost much.
type count[T any] struct {
	answer  T
	isKnown bool
	until   time.Time // the answer, or the failure, is valid until then
	failing bool
}

// ask makes the query, unless its last answer is still valid. Of several failures in a row it returns only the first.
func (c *count[T]) ask(timeout time.Duration, query func(context.Context) (T, error)) (first error) {
	began := time.Now()
	if began.Before(c.until) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer, err := query(ctx)
	if err != nil {
		if answer = *new(T); !c.failing {
			first = err
		}
	}
	c.answer, c.isKnown, c.failing = answer, err == nil, err != nil
	now := time.Now()
	c.until = now.Add(max(lanesPeriod, lanesShare*now.Sub(began)))
	return first
}

// waiting is a lane with the states of its waiting deliveries.
type waiting struct {
	engine.LaneStatus
	engine.Standing
	states map[string]bool // of the lanes of this label
}

// standings are the values of deliveries_waiting's label.
var standings = []struct {
	state string
	of    func(*engine.Standing) *int
}{
	{"due", func(s *engine.Standing) *int { return &s.Due }}, {"later", func(s *engine.Standing) *int { return &s.Later }},
	{"behind", func(s *engine.Standing) *int { return &s.Behind }}, {"in_flight", func(s *engine.Standing) *int { return &s.InFlight }},
}

// Watch adds the gauges of a queue.
func (m *Metrics) Watch(q Queue) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("awf_hook_"+name, help, labels, nil)
	}
	queue := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("awf_hook_"+name, help, nil, prometheus.Labels{"engine": q.Engine})
	}
	for _, operation := range operations {
		m.stored.WithLabelValues(q.Engine, operation)
	}
	m.registry.MustRegister(&gauges{
		Queue: q, metrics: m,
		waiting: desc("deliveries_waiting", "Deliveries without a final outcome.", "webhook", "state"),
		dead:    desc("dead_letters", "Dead letters that are kept.", "webhook"),
		overdue: desc("oldest_due_age_seconds", "How long the next delivery has been due; 0 if none is.", "webhook"),
		state:   desc("lane_state", "1 for the state of a webhook's lane, or for each state that lanes of this label have.", "webhook", "state"),
		fuel:    desc("transform_fuel_ratio", "The most that a wasm module used of its fuel in one event; 0 if none ran.", "webhook"),
		up:      queue("store_up", "1 if the queue accepts events, 0 if it does not."),
		size:    queue("store_size_bytes", "The size of the queue's file."),
		keeper:  queue("keeper", "1 on the process that prunes the queue and exports its gauges."),
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
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ask()
	one(g.up, number(g.isUp))
	one(g.keeper, number(g.keeps))
	if !g.keeps {
		return
	}
	if g.File != "" {
		one(g.size, fileSize(g.File))
	}
	now := time.Now()
	for name, l := range g.byName() {
		if g.standing.isKnown {
			for _, s := range standings {
				one(g.waiting, float64(*s.of(&l.Standing)), name, s.state)
			}
		}
		if !g.lanes.isKnown {
			continue
		}
		one(g.dead, float64(l.Dead), name)
		overdue := 0.0
		if due := l.LaneStatus.Due; !due.IsZero() {
			overdue = max(0, now.Sub(due).Seconds())
		}
		one(g.overdue, overdue, name)
		one(g.fuel, float64(l.FuelPercent)/100, name)
		for state, label := range laneStates {
			one(g.state, number(l.states[state] || l.states == nil && state == "open"), name, label)
		}
	}
}

// ask queries the queue, unless it did so a moment ago. The caller holds mu.
func (g *gauges) ask() {
	if began := time.Now(); !began.Before(g.until) {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		g.keeps, g.isUp = g.Keeps(), g.Ready(ctx) == nil
		g.until = time.Now().Add(lanesPeriod)
	}
	if !g.keeps {
		return
	}
	if err := g.lanes.ask(readyTimeout, g.Lanes); err != nil {
		g.Log.Warn("the queue's lanes cannot be counted: their gauges, such as awf_hook_dead_letters, are missing until they can",
			"err", err)
	}
	if err := g.standing.ask(standingTimeout, g.Standing); err != nil {
		g.Log.Warn("waiting deliveries cannot be counted: awf_hook_deliveries_waiting is missing until they can", "err", err)
	}
}

// byName sums up both counts by label: webhooks that share a name, and those beyond the limit. Webhooks without deliveries
// get zeros.
func (g *gauges) byName() map[string]*waiting {
	named := map[string]*waiting{}
	g.metrics.mu.Lock()
	for name := range g.metrics.names {
		named[name] = &waiting{}
	}
	g.metrics.mu.Unlock()
	of := func(webhook string) *waiting {
		name := g.Name(webhook)
		if named[name] == nil && len(named) >= maxNames {
			name = otherLabel
		}
		if named[name] == nil {
			named[name] = &waiting{}
		}
		return named[name]
	}
	for i := range g.lanes.answer {
		of(g.lanes.answer[i].Webhook).add(&g.lanes.answer[i])
	}
	for webhook, standing := range g.standing.answer {
		sum := of(webhook)
		for _, s := range standings {
			*s.of(&sum.Standing) += *s.of(&standing)
		}
	}
	return named
}

// add adds a lane of the same label.
func (w *waiting) add(l *engine.LaneStatus) {
	state := api.NewLane(l).State
	if w.states == nil {
		w.LaneStatus, w.states = *l, map[string]bool{state: true}
		return
	}
	w.states[state] = true
	w.FuelPercent, w.Dead = max(w.FuelPercent, l.FuelPercent), w.Dead+l.Dead
	if of := &w.LaneStatus; of.Due.IsZero() || !l.Due.IsZero() && l.Due.Before(of.Due) {
		of.Due = l.Due
	}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
