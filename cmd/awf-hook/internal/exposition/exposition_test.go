package exposition

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// parse reads a text as Prometheus does.
func parse(t testing.TB, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return families
}

// gathered writes what Prometheus's own library gathers.
func gathered(t testing.TB, r *prometheus.Registry) []byte {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}

// FuzzTextIsAsPrometheusWrites gives the same numbers and labels to this package and to Prometheus's own library: both write
// the same bytes.
func FuzzTextIsAsPrometheusWrites(f *testing.F) {
	f.Add("deploy", "a\\b\"c\nd", 0.25, int64(3))
	f.Add("", "ünï 😀", math.Inf(1), int64(0))
	f.Add("2xx", "other", 1e21, int64(-1))
	f.Add("x", "y", 1e-7, int64(1<<60))
	f.Fuzz(func(t *testing.T, first, second string, value float64, more int64) {
		first, second = strings.ToValidUTF8(first, "?"), strings.ToValidUTF8(second, "?")
		ours, theirs := &Registry{}, prometheus.NewRegistry()
		bounds := []float64{-1, .1, 1, 2.5, 1e6}

		counter := ours.Counter("z_total", "Help with \\ and\nlines.", "webhook", "outcome")
		wantCounter := prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "z_total", Help: "Help with \\ and\nlines."}, []string{"webhook", "outcome"})
		gauge := ours.Gauge("a", "A \"gauge\".")
		wantGauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "a", Help: "A \"gauge\"."})
		histogram := ours.Histogram("m_seconds", "", bounds, "x")
		wantHistogram := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "m_seconds", Buckets: bounds}, []string{"x"})
		ours.Counter("none_total", "No series.", "x")
		theirs.MustRegister(wantCounter, wantGauge, wantHistogram)

		for _, labels := range [][]string{{first, second}, {second, first}, {"gone", second}} {
			counter.With(labels...).Add(math.Abs(float64(more)))
			wantCounter.WithLabelValues(labels...).Add(math.Abs(float64(more)))
		}
		counter.Delete("webhook", "gone")
		counter.Delete("nothing", "gone")
		wantCounter.DeletePartialMatch(prometheus.Labels{"webhook": "gone"})
		gauge.With().Set(value)
		wantGauge.Set(value)
		for _, v := range []float64{value, float64(more), .1, 1, 7} {
			histogram.With(second).Observe(v)
			wantHistogram.WithLabelValues(second).Observe(v)
		}
		if got, want := ours.Text(), gathered(t, theirs); !bytes.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		parse(t, ours.Text())
	})
}

// The runtime and the process have the metrics that Prometheus's own library exports, of the same types and with the same labels.
func TestRuntimeIsAsPrometheusExports(t *testing.T) {
	ours, theirs := &Registry{}, prometheus.NewRegistry()
	began := time.Now()
	ours.Runtime(began)
	theirs.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	got, want := parse(t, ours.Text()), parse(t, gathered(t, theirs))
	for name, w := range want {
		g := got[name]
		if g == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		delete(got, name)
		if g.GetType() != w.GetType() || len(g.Metric) != len(w.Metric) || len(g.Metric[0].Label) != len(w.Metric[0].Label) {
			t.Errorf("%s is %v, want %v", name, g, w)
		}
	}
	for name := range got {
		t.Errorf("%s is not what Prometheus's library exports", name)
	}
	at := func(name string, families map[string]*dto.MetricFamily) float64 {
		m := families[name].Metric[0]
		return m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	got = parse(t, ours.Text())
	for _, name := range []string{
		"go_gc_gogc_percent", "go_gc_gomemlimit_bytes", "go_info", "go_sched_gomaxprocs_threads", "process_max_fds",
		"process_virtual_memory_max_bytes",
	} {
		if g, w := at(name, got), at(name, want); g != w {
			t.Errorf("%s is %v, want %v", name, g, w)
		}
	}
	for _, name := range []string{
		"process_resident_memory_bytes", "process_virtual_memory_bytes", "go_memstats_sys_bytes", "process_open_fds",
	} {
		if g, w := at(name, got), at(name, want); g < w/2 || g > 2*w {
			t.Errorf("%s is %v, want about %v", name, g, w)
		}
	}
	if g, w := at("process_start_time_seconds", got), float64(began.UnixNano())/1e9; g != w {
		t.Errorf("process_start_time_seconds is %v, want %v", g, w)
	}
}

// GOGC is read as the runtime reads it.
func TestGOGC(t *testing.T) {
	for text, want := range map[string]float64{"": 100, "off": -1, "400": 400, "0": 0, "-5": -1, "much": 100, "99999999999": 100} {
		if got := gogc(text); got != want {
			t.Errorf("GOGC=%s is %v, want %v", text, got, want)
		}
	}
}

// Series may be counted, removed and written at once.
func TestConcurrentUse(t *testing.T) {
	r := &Registry{}
	c, h := r.Counter("c_total", "C.", "webhook"), r.Histogram("h", "H.", []float64{1}, "webhook")
	r.Before(func() { c.With("set").Set(1) })
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 500 {
				c.With("a").Add(1)
				h.With("a").Observe(float64(i))
				c.With("gone").Add(1)
				c.Delete("webhook", "gone")
				if i%50 == 0 {
					parse(t, r.Text())
				}
			}
		})
	}
	all.Wait()
	if text := string(r.Text()); !slices.Contains(strings.Split(text, "\n"), `c_total{webhook="a"} 2000`) {
		t.Errorf("want 2000 in:\n%s", text)
	}
}

// What the system does not tell, or tells in another form, sets nothing.
func TestStrangeTables(t *testing.T) {
	r := &Registry{}
	m := r.Gauge("m", "M.")
	setNumbers(nil, map[int]*Metric{0: m}, 1)
	setNumbers([]string{"IpExt:"}, map[int]*Metric{0: m, 7: m}, 1)
	if text := r.Text(); len(text) > 0 {
		t.Errorf("got %s, want nothing", text)
	}
	for _, text := range []string{"", "IpExt:", "TcpExt: a\nTcpExt: 1\n", "\n\n"} {
		if names, values := table(text, "IpExt:"); len(names) > 1 || len(values) > 1 {
			t.Errorf("table(%q) = %v, %v", text, names, values)
		}
	}
}
