package server

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxNames is how many webhooks have series of their own. The others share the series of "other".
const maxNames = 1000

// Metrics are awf-hook's metrics. docs/serve.md lists them.
type Metrics struct {
	registry *prometheus.Registry

	received, known, refused      *prometheus.CounterVec // by source, and type or reason
	accepted, deliveries          *prometheus.CounterVec // by webhook; the second also by outcome
	attempts                      *prometheus.CounterVec // by webhook, outcome and status class
	attempt, first, latency       *prometheus.HistogramVec
	transform                     *prometheus.HistogramVec
	transformFailures             *prometheus.CounterVec
	stored                        *prometheus.HistogramVec
	spans                         *prometheus.CounterVec // by outcome
	reloadSuccessful, reloadStamp prometheus.Gauge

	mu    sync.Mutex
	names map[string]map[string]bool // webhooks that have series, and the kinds of steps that theirs tell apart
}

var (
	fast = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	slow = []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200, 86400}

	outcomes      = []delivery.Outcome{delivery.Delivered, delivery.Dead, delivery.Dropped}
	statusClasses = []string{"none", "1xx", "2xx", "3xx", "4xx", "5xx", otherLabel}
	operations    = []string{"accept", "claim", "settle"}
)

// otherLabel replaces a label's value beyond the limit.
const otherLabel = "other"

// NewMetrics makes metrics. All counters are 0.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), names: map[string]map[string]bool{}}
	m.received = m.counter("events_received_total", "Accepted events.", "source", "type")
	m.known = m.counter("events_known_total", "Accepted events whose deliveries all existed before.", "source", "type")
	m.refused = m.counter("events_refused_total", "Refused events, and refused requests without events.", "source", "reason")
	m.accepted = m.counter("deliveries_accepted_total", "New deliveries.", "webhook")
	m.deliveries = m.counter("deliveries_total", "Deliveries that got their final outcome.", "webhook", "outcome")
	m.attempts = m.counter("attempts_total", "Requests to receivers, by outcome.", "webhook", "outcome", "status_class")
	m.attempt = m.histogram("attempt_duration_seconds", "How long a request to a receiver took.", fast, "webhook")
	m.first = m.histogram("first_attempt_delay_seconds", "From an event's acceptance to its delivery's first attempt.", fast, "webhook")
	m.latency = m.histogram("delivery_latency_seconds", "From an event's acceptance, or its replay, to its arrival.", slow, "webhook")
	m.transform = m.histogram("transform_duration_seconds", "How long a step of a webhook's transform took.", fast, "webhook", "kind")
	m.transformFailures = m.counter("transform_failures_total", "Steps of transforms that failed.", "webhook", "kind", "reason")
	m.stored = m.histogram("store_operation_duration_seconds", "How long the queue took.", fast, "engine", "operation")
	m.spans = m.counter("spans_total", "Spans that were sent to a collector or dropped.", "outcome")
	m.reloadSuccessful = m.gauge("config_last_reload_successful", "1 if the last configuration was loaded, 0 if it had mistakes.")
	m.reloadStamp = m.gauge("config_last_reload_success_timestamp_seconds", "When a configuration was last loaded.")
	promauto.With(m.registry).NewGauge(prometheus.GaugeOpts{
		Name: "awf_hook_build_info", Help: "The version that runs; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, outcome := range []string{"sent", "dropped"} {
		m.spans.WithLabelValues(outcome)
	}
	return m
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return promauto.With(m.registry).NewCounterVec(prometheus.CounterOpts{Name: "awf_hook_" + name, Help: help}, labels)
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return promauto.With(m.registry).NewHistogramVec(prometheus.HistogramOpts{Name: "awf_hook_" + name, Help: help, Buckets: buckets}, labels)
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	return promauto.With(m.registry).NewGauge(prometheus.GaugeOpts{Name: "awf_hook_" + name, Help: help})
}

// Handler answers /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: answerTimeout / 2})
}

// WriteFile writes the metrics for the node exporter's textfile collector. It replaces the file at the path, so it
// refuses a device or a pipe there.
func (m *Metrics) WriteFile(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	err := prometheus.WriteToTextfile(path, m.registry)
	if temporary, ok := errors.AsType[*os.PathError](err); ok { // it names a file beside path that is gone
		return fmt.Errorf("%s: %w", path, temporary.Err)
	}
	return err
}

// Webhook says which series a webhook has.
type Webhook struct {
	Name  string
	Steps []string // the kinds of its transform's steps
}

// Loaded makes the series of a configuration's webhooks and sources, each starting at 0, and removes those of webhooks
// that are gone.
func (m *Metrics) Loaded(webhooks []Webhook, sources []string, err error) {
	if err != nil {
		m.reloadSuccessful.Set(0)
		return
	}
	m.reloadSuccessful.Set(1)
	m.reloadStamp.SetToCurrentTime()
	for _, source := range sources {
		for _, typ := range append(event.Types(), otherLabel) {
			m.received.WithLabelValues(source, typ)
			m.known.WithLabelValues(source, typ)
		}
		for _, reason := range Reasons {
			m.refused.WithLabelValues(source, string(reason))
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.names
	m.names = map[string]map[string]bool{}
	for _, w := range webhooks {
		if delete(before, w.Name); len(m.names) < maxNames {
			m.begin(w.Name)
			for _, kind := range w.Steps {
				m.beginStep(w.Name, kind)
			}
		}
	}
	for name := range before {
		m.end(name)
	}
	if len(webhooks) > maxNames {
		m.begin(otherLabel)
	}
}

// begin makes a webhook's series. The caller holds mu.
func (m *Metrics) begin(name string) {
	if m.names[name] == nil {
		m.names[name] = map[string]bool{}
	}
	m.accepted.WithLabelValues(name)
	for _, h := range []*prometheus.HistogramVec{m.attempt, m.first, m.latency} {
		h.WithLabelValues(name)
	}
	for _, outcome := range outcomes {
		m.deliveries.WithLabelValues(name, outcome.String())
	}
	for _, outcome := range []delivery.Outcome{delivery.Delivered, delivery.Retry, delivery.Dead} {
		for _, class := range statusClasses {
			m.attempts.WithLabelValues(name, outcome.String(), class)
		}
	}
}

// beginStep makes the series of a webhook's steps of one kind. The caller holds mu.
func (m *Metrics) beginStep(name, kind string) {
	m.names[name][kind] = true
	m.transform.WithLabelValues(name, kind)
	for _, reason := range engine.FailureReasons(kind) {
		m.transformFailures.WithLabelValues(name, kind, reason)
	}
}

// end removes a webhook's series. The caller holds mu.
func (m *Metrics) end(name string) {
	of := prometheus.Labels{"webhook": name}
	for _, vec := range []interface{ DeletePartialMatch(prometheus.Labels) int }{
		m.accepted, m.transformFailures, m.attempt, m.first, m.latency, m.transform, m.deliveries, m.attempts,
	} {
		vec.DeletePartialMatch(of)
	}
}

// name returns a webhook's label. A definition's webhook gets its series when its workflow first runs.
func (m *Metrics) name(webhook string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.names[webhook] != nil:
		return webhook
	case len(m.names) >= maxNames:
		return otherLabel
	}
	m.begin(webhook)
	return webhook
}

// stepOf is name for a step of the webhook's transform.
func (m *Metrics) stepOf(webhook, kind string) string {
	name := m.name(webhook)
	m.mu.Lock()
	defer m.mu.Unlock()
	if kinds := m.names[name]; kinds != nil && !kinds[kind] {
		m.beginStep(name, kind)
	}
	return name
}

// Took counts an accepted event.
func (m *Metrics) Took(source string, ev *event.Event, fate engine.Fate) {
	typ := otherLabel
	if slices.Contains(event.Types(), ev.Type) {
		typ = ev.Type
	}
	m.received.WithLabelValues(source, typ).Inc()
	if fate == engine.EventKnown {
		m.known.WithLabelValues(source, typ).Inc()
	}
}

// Refused counts refused events.
func (m *Metrics) Refused(source string, reason Reason, events int) {
	m.refused.WithLabelValues(cmp.Or(source, unknownSource), string(reason)).Add(float64(events))
}

// Spans counts spans by outcome. m may be nil.
func (m *Metrics) Spans(outcome string, spans int) {
	if m != nil {
		m.spans.WithLabelValues(outcome).Add(float64(spans))
	}
}

// Observer returns an observer that counts what an engine does. source is the source of events that do not come over
// HTTP.
func (m *Metrics) Observer(source string) engine.Observer {
	return engine.Observer{
		Event:    func(ev *event.Event, fate engine.Fate) { m.Took(source, ev, fate) },
		Accepted: func(webhook string) { m.accepted.WithLabelValues(m.name(webhook)).Inc() },
		Settled:  m.settled,
		Transformed: func(webhook, kind string, took time.Duration, reason string) {
			webhook = m.stepOf(webhook, kind)
			m.transform.WithLabelValues(webhook, kind).Observe(took.Seconds())
			if reason != "" {
				m.transformFailures.WithLabelValues(webhook, kind, reason).Inc()
			}
		},
		Stored: func(engine, operation string, took time.Duration) {
			m.stored.WithLabelValues(engine, operation).Observe(took.Seconds())
		},
	}
}

func (m *Metrics) settled(webhook string, st *delivery.Settlement) {
	webhook = m.name(webhook)
	d := &st.Claim.Delivery
	if a := st.Attempt; a != nil {
		m.attempts.WithLabelValues(webhook, st.Outcome.String(), statusClass(a.Status)).Inc()
		m.attempt.WithLabelValues(webhook).Observe(a.Took.Seconds())
		if a.Number == 1 {
			m.first.WithLabelValues(webhook).Observe(max(0, a.At.Sub(d.Since).Seconds()))
		}
		if st.Outcome == delivery.Delivered {
			m.latency.WithLabelValues(webhook).Observe(max(0, a.At.Add(a.Took).Sub(d.Since).Seconds()))
		}
	}
	if st.Outcome != delivery.Retry {
		m.deliveries.WithLabelValues(webhook, st.Outcome.String()).Inc()
	}
}

// statusClass returns the label of a status. 0 means that there was no answer.
func statusClass(status int) string {
	if of := status / 100; status > 0 && (of == 0 || of > 5) {
		return otherLabel
	}
	return statusClasses[status/100]
}

// fileSize returns the size of a database file and its log.
func fileSize(path string) (size float64) {
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			size += float64(info.Size())
		}
	}
	return size
}
