// Package exposition keeps metrics and writes them in Prometheus's text format. It has what awf-hook's metrics need of Prometheus's own
// library, whose packages would take a millisecond of each start, also of commands that measure nothing.
package exposition

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Registry has the metrics of a program. Its methods that add metrics are not for concurrent use.
type Registry struct {
	mu      sync.Mutex // one text is made at a time
	metrics []*Metric
	before  []func()
}

// Before adds a function that sets metrics before each text, one call at a time.
func (r *Registry) Before(set func()) { r.before = append(r.before, set) }

// Counter adds a metric that only grows.
func (r *Registry) Counter(name, help string, labels ...string) *Metric {
	return r.add(&Metric{kind: "counter", name: name, help: help, labels: labels})
}

// Gauge adds a metric that is set.
func (r *Registry) Gauge(name, help string, labels ...string) *Metric {
	return r.add(&Metric{kind: "gauge", name: name, help: help, labels: labels})
}

// Histogram adds a metric that counts observations by the first of the ascending bounds that they do not exceed.
func (r *Registry) Histogram(name, help string, bounds []float64, labels ...string) *Metric {
	return r.add(&Metric{kind: "histogram", name: name, help: help, bounds: bounds, labels: labels})
}

// Summary adds a metric whose quantiles are set. Its label is the quantile.
func (r *Registry) Summary(name, help string) *Metric {
	return r.add(&Metric{kind: "summary", name: name, help: help, labels: []string{"quantile"}})
}

func (r *Registry) add(m *Metric) *Metric {
	m.series = map[[maxLabels]string]*Series{}
	m.sorted = make([]int, len(m.labels))
	for i := range m.sorted {
		m.sorted[i] = i
	}
	slices.SortFunc(m.sorted, func(a, b int) int { return strings.Compare(m.labels[a], m.labels[b]) })
	r.metrics = append(r.metrics, m)
	slices.SortFunc(r.metrics, func(a, b *Metric) int { return strings.Compare(a.name, b.name) })
	return m
}

// Text returns all metrics that have series, in Prometheus's text format 0.0.4.
func (r *Registry) Text() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, set := range r.before {
		set()
	}
	var text []byte
	for _, m := range r.metrics {
		text = m.append(text)
	}
	return text
}

// maxLabels is how many labels a metric has at most.
const maxLabels = 3

// Metric is a metric with its series, one for each combination of its labels' values.
type Metric struct {
	kind, name, help string
	labels           []string
	sorted           []int // the labels' places, in the order of their names
	bounds           []float64

	mu     sync.Mutex
	series map[[maxLabels]string]*Series
	total  total // of a summary
}

// total is the sum and the number of what a summary or a histogram counts.
type total struct {
	sum   float64
	count uint64
}

// With returns the series with these values of the labels, in the order in which the labels were given. It makes the series, with the
// value 0, if there is none.
func (m *Metric) With(values ...string) *Series {
	if len(values) != len(m.labels) {
		panic("exposition: " + m.name + " has " + strconv.Itoa(len(m.labels)) + " labels, got " + strconv.Itoa(len(values)))
	}
	var key [maxLabels]string
	copy(key[:], values)
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[key]
	if s == nil {
		s = &Series{bounds: m.bounds, counts: make([]uint64, len(m.bounds))}
		m.series[key] = s
	}
	return s
}

// Delete removes the series with a label's value, if the metric has the label.
func (m *Metric) Delete(label, value string) {
	at := slices.Index(m.labels, label)
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.series {
		if at >= 0 && key[at] == value {
			delete(m.series, key)
		}
	}
}

// Clear removes all series.
func (m *Metric) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.series)
}

// SetTotal sets the sum and the number of a summary.
func (m *Metric) SetTotal(sum float64, count uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = total{sum, count}
}

// Series is one series of a metric. Its methods may be called concurrently.
type Series struct {
	bounds []float64

	mu     sync.Mutex
	value  float64
	total  total    // of a histogram
	counts []uint64 // of observations, by bound; those above all bounds are only in total
}

// Set sets the value.
func (s *Series) Set(value float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = value
}

// Add adds to the value.
func (s *Series) Add(more float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value += more
}

// Observe counts an observation in a histogram.
func (s *Series) Observe(value float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.sum += value
	s.total.count++
	if at, _ := slices.BinarySearch(s.bounds, value); at < len(s.bounds) {
		s.counts[at]++
	}
}

// append appends the metric, unless it has no series.
func (m *Metric) append(text []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.series) == 0 {
		return text
	}
	text = append(text, "# HELP "+m.name+" "+helpEscapes.Replace(m.help)+"\n# TYPE "+m.name+" "+m.kind+"\n"...)
	keys := make([][maxLabels]string, 0, len(m.series))
	for key := range m.series {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b [maxLabels]string) int {
		for _, at := range m.sorted {
			if order := strings.Compare(a[at], b[at]); order != 0 {
				return order
			}
		}
		return 0
	})
	for _, key := range keys {
		text = m.series[key].append(text, m, key)
	}
	if m.kind == "summary" {
		text = m.total.append(text, m.name, "")
	}
	return text
}

// append appends the series of a metric with a key.
func (s *Series) append(text []byte, m *Metric, key [maxLabels]string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var labels []byte
	for _, at := range m.sorted {
		labels = appendLabel(labels, m.labels[at], key[at])
	}
	if m.kind != "histogram" {
		return appendLine(text, m.name, string(labels), s.value)
	}
	bucket := func(bound float64, count uint64) {
		le := appendLabel(slices.Clip(labels), "le", string(appendNumber(nil, bound)))
		text = appendLine(text, m.name+"_bucket", string(le), float64(count))
	}
	below := uint64(0)
	for i, bound := range s.bounds {
		below += s.counts[i]
		bucket(bound, below)
	}
	bucket(math.Inf(1), s.total.count)
	return s.total.append(text, m.name, string(labels))
}

func (t total) append(text []byte, name, labels string) []byte {
	return appendLine(appendLine(text, name+"_sum", labels, t.sum), name+"_count", labels, float64(t.count))
}

func appendLine(text []byte, name, labels string, value float64) []byte {
	if text = append(text, name...); labels != "" {
		text = append(append(append(text, '{'), labels...), '}')
	}
	return append(appendNumber(append(text, ' '), value), '\n')
}

// appendLabel appends a label to others. A value that is not UTF-8 gets replacement characters, since the text has to be UTF-8.
func appendLabel(labels []byte, name, value string) []byte {
	if len(labels) > 0 {
		labels = append(labels, ',')
	}
	return append(append(append(labels, name+`="`...), labelEscapes.Replace(strings.ToValidUTF8(value, "\uFFFD"))...), '"')
}

func appendNumber(text []byte, value float64) []byte {
	switch {
	case math.IsInf(value, 1):
		return append(text, "+Inf"...)
	case math.IsInf(value, -1):
		return append(text, "-Inf"...)
	}
	return strconv.AppendFloat(text, value, 'g', -1, 64)
}

var (
	helpEscapes  = strings.NewReplacer("\\", `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer("\\", `\\`, "\n", `\n`, `"`, `\"`)
)
