package server

import (
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/exposition"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// maxNames is how many webhooks have series of their own. The others share the series of "other".
const maxNames = 1000

// Metrics are awf-hook's metrics. docs/serve.md lists them.
type Metrics struct {
	registry exposition.Registry

	received, known, refused      *exposition.Metric // by source, and type or reason
	accepted, deliveries          *exposition.Metric // by webhook; the second also by outcome
	attempts                      *exposition.Metric // by webhook, outcome and status class
	attempt, first, latency       *exposition.Metric
	transform                     *exposition.Metric
	transformFailures             *exposition.Metric
	stored                        *exposition.Metric
	spans                         *exposition.Metric // by outcome
	reloadSuccessful, reloadStamp *exposition.Series

	mu    sync.Mutex
	names map[string]map[string]bool // webhooks that have series, and the kinds of steps that theirs tell apart
}

var (
	fast = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	slow = []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200, 86400}

	outcomes      = []delivery.Outcome{delivery.Delivered, delivery.Dead, delivery.Dropped}
	statusClasses = []string{"none", "1xx", "2xx", "3xx", "4xx", "5xx", otherLabel}
	operations    = []string{"accept", "claim", "settle"}
	eventTypes    = []string{
		event.WorkflowStart, event.WorkflowEnd, event.WorkflowError, event.WorkflowCancel, event.StepStart, event.StepComplete,
		"message_user", "message_assistant", "tool_call", "tool_result",
	}
)

// otherLabel replaces a label's value beyond the limit.
const otherLabel = "other"

// NewMetrics makes metrics. All counters are 0.
func NewMetrics(version string) *Metrics {
	m := &Metrics{names: map[string]map[string]bool{}}
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
	m.reloadSuccessful = m.gauge("config_last_reload_successful", "1 if the last configuration was loaded, 0 if it had mistakes.").With()
	m.reloadStamp = m.gauge("config_last_reload_success_timestamp_seconds", "When a configuration was last loaded.").With()
	m.gauge("build_info", "The version that runs; always 1.", "version", "goversion").With(version, runtime.Version()).Set(1)
	m.registry.Runtime(time.Now())
	for _, outcome := range []string{"sent", "dropped"} {
		m.spans.With(outcome)
	}
	return m
}

func (m *Metrics) counter(name, help string, labels ...string) *exposition.Metric {
	return m.registry.Counter("awf_hook_"+name, help, labels...)
}

func (m *Metrics) histogram(name, help string, bounds []float64, labels ...string) *exposition.Metric {
	return m.registry.Histogram("awf_hook_"+name, help, bounds, labels...)
}

func (m *Metrics) gauge(name, help string, labels ...string) *exposition.Metric {
	return m.registry.Gauge("awf_hook_"+name, help, labels...)
}

// maxScrapes is how many requests for /metrics are answered at a time.
const maxScrapes = 4

// Handler answers /metrics.
func (m *Metrics) Handler() http.Handler {
	scrapes := make(chan struct{}, maxScrapes)
	return http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case scrapes <- struct{}{}:
			defer func() { <-scrapes }()
		default:
			http.Error(w, fmt.Sprintf("%d requests for metrics are being answered: try again later", maxScrapes), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Add("Vary", "Accept-Encoding")
		text := m.registry.Text()
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Write(text)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err == nil {
			packed.Write(text)
			packed.Close()
		}
	}), answerTimeout/2, "the queue did not answer in time")
}

// WriteFile writes the metrics for the node exporter's textfile collector. It replaces the file at the path, so it
// refuses a device or a pipe there.
func (m *Metrics) WriteFile(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)) // a reader sees the old text or the new one
	if err != nil {
		return err
	}
	_, err = f.Write(m.registry.Text())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
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
	m.reloadStamp.Set(float64(time.Now().UnixNano()) / 1e9)
	for _, source := range sources {
		for _, typ := range append(eventTypes, otherLabel) {
			m.received.With(source, typ)
			m.known.With(source, typ)
		}
		for _, reason := range Reasons {
			m.refused.With(source, string(reason))
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
	m.accepted.With(name)
	for _, h := range []*exposition.Metric{m.attempt, m.first, m.latency} {
		h.With(name)
	}
	for _, outcome := range outcomes {
		m.deliveries.With(name, outcome.String())
	}
	for _, outcome := range []delivery.Outcome{delivery.Delivered, delivery.Retry, delivery.Dead} {
		for _, class := range statusClasses {
			m.attempts.With(name, outcome.String(), class)
		}
	}
}

// beginStep makes the series of a webhook's steps of one kind. The caller holds mu.
func (m *Metrics) beginStep(name, kind string) {
	m.names[name][kind] = true
	m.transform.With(name, kind)
	for _, reason := range engine.FailureReasons(kind) {
		m.transformFailures.With(name, kind, reason)
	}
}

// end removes a webhook's series. The caller holds mu.
func (m *Metrics) end(name string) {
	for _, metric := range []*exposition.Metric{
		m.accepted, m.transformFailures, m.attempt, m.first, m.latency, m.transform, m.deliveries, m.attempts,
	} {
		metric.Delete("webhook", name)
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
	for _, known := range eventTypes {
		if ev.Type == known {
			typ = known
		}
	}
	m.received.With(source, typ).Add(1)
	if fate == engine.EventKnown {
		m.known.With(source, typ).Add(1)
	}
}

// Refused counts refused events.
func (m *Metrics) Refused(source string, reason Reason, events int) {
	if source == "" {
		source = unknownSource
	}
	m.refused.With(source, string(reason)).Add(float64(events))
}

// Spans counts spans by outcome. m may be nil.
func (m *Metrics) Spans(outcome string, spans int) {
	if m != nil {
		m.spans.With(outcome).Add(float64(spans))
	}
}

// Observer returns an observer that counts what an engine does. source is the source of events that do not come over
// HTTP.
func (m *Metrics) Observer(source string) engine.Observer {
	return engine.Observer{
		Event:    func(ev *event.Event, fate engine.Fate) { m.Took(source, ev, fate) },
		Accepted: func(webhook string) { m.accepted.With(m.name(webhook)).Add(1) },
		Settled:  m.settled,
		Transformed: func(webhook, kind string, took time.Duration, reason string) {
			webhook = m.stepOf(webhook, kind)
			m.transform.With(webhook, kind).Observe(took.Seconds())
			if reason != "" {
				m.transformFailures.With(webhook, kind, reason).Add(1)
			}
		},
		Stored: func(engine, operation string, took time.Duration) {
			m.stored.With(engine, operation).Observe(took.Seconds())
		},
	}
}

func (m *Metrics) settled(webhook string, st *delivery.Settlement) {
	webhook = m.name(webhook)
	d := &st.Claim.Delivery
	if a := st.Attempt; a != nil {
		m.attempts.With(webhook, st.Outcome.String(), statusClass(a.Status)).Add(1)
		m.attempt.With(webhook).Observe(a.Took.Seconds())
		if a.Number == 1 {
			m.first.With(webhook).Observe(max(0, a.At.Sub(d.Since).Seconds()))
		}
		if st.Outcome == delivery.Delivered {
			m.latency.With(webhook).Observe(max(0, a.At.Add(a.Took).Sub(d.Since).Seconds()))
		}
	}
	if st.Outcome != delivery.Retry {
		m.deliveries.With(webhook, st.Outcome.String()).Add(1)
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
