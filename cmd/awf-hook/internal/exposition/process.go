package exposition

import (
	"math"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// memory are the metrics of Go's memory.
var memory = []struct {
	kind, name, help string
	field            string // of runtime.MemStats
}{
	{"gauge", "alloc_bytes", "Bytes of objects in the heap.", "Alloc"},
	{"counter", "alloc_bytes_total", "Bytes allocated in the heap.", "TotalAlloc"},
	{"gauge", "sys_bytes", "Bytes obtained from the system.", "Sys"},
	{"counter", "mallocs_total", "Objects allocated in the heap.", "Mallocs"},
	{"counter", "frees_total", "Objects freed.", "Frees"},
	{"gauge", "heap_alloc_bytes", "Bytes of objects in the heap.", "HeapAlloc"},
	{"gauge", "heap_sys_bytes", "Bytes of the heap obtained from the system.", "HeapSys"},
	{"gauge", "heap_idle_bytes", "Bytes of the heap that wait to be used.", "HeapIdle"},
	{"gauge", "heap_inuse_bytes", "Bytes of the heap in use.", "HeapInuse"},
	{"gauge", "heap_released_bytes", "Bytes of the heap given back to the system.", "HeapReleased"},
	{"gauge", "heap_objects", "Objects in the heap.", "HeapObjects"},
	{"gauge", "stack_inuse_bytes", "Bytes of stacks in use.", "StackInuse"},
	{"gauge", "stack_sys_bytes", "Bytes of stacks obtained from the system.", "StackSys"},
	{"gauge", "mspan_inuse_bytes", "Bytes of mspan structures in use.", "MSpanInuse"},
	{"gauge", "mspan_sys_bytes", "Bytes of mspan structures obtained from the system.", "MSpanSys"},
	{"gauge", "mcache_inuse_bytes", "Bytes of mcache structures in use.", "MCacheInuse"},
	{"gauge", "mcache_sys_bytes", "Bytes of mcache structures obtained from the system.", "MCacheSys"},
	{"gauge", "buck_hash_sys_bytes", "Bytes of the table for profiles.", "BuckHashSys"},
	{"gauge", "gc_sys_bytes", "Bytes of the garbage collector's own data.", "GCSys"},
	{"gauge", "other_sys_bytes", "Bytes obtained from the system for anything else.", "OtherSys"},
	{"gauge", "next_gc_bytes", "Bytes of the heap at which the next garbage collection begins.", "NextGC"},
}

// Runtime adds metrics of Go's runtime and of the process, with the names that Prometheus's own library gives them: go_… and process_….
// What the system does not tell is left out.
func (r *Registry) Runtime(began time.Time) {
	r.Gauge("go_info", "The version of Go.", "version").With(runtime.Version()).Set(1)
	r.Gauge("process_start_time_seconds", "When the process began.").With().Set(float64(began.UnixNano()) / 1e9)
	goroutines := r.Gauge("go_goroutines", "Goroutines.").With()
	threads := r.Gauge("go_threads", "Threads of the operating system that were created.").With()
	processors := r.Gauge("go_sched_gomaxprocs_threads", "GOMAXPROCS.").With()
	percent := r.Gauge("go_gc_gogc_percent", "GOGC; -1 if it is off.").With()
	limit := r.Gauge("go_gc_gomemlimit_bytes", "GOMEMLIMIT.").With()
	pauses := r.Summary("go_gc_duration_seconds", "Pauses for garbage collection.")
	var memories []*Series
	for _, m := range memory {
		memories = append(memories, r.add(&Metric{kind: m.kind, name: "go_memstats_" + m.name, help: m.help}).With())
	}
	collected := r.Gauge("go_memstats_last_gc_time_seconds", "When the last garbage collection ended.").With()
	process := r.process()
	r.Before(func() {
		goroutines.Set(float64(runtime.NumGoroutine()))
		created, _ := runtime.ThreadCreateProfile(nil)
		threads.Set(float64(created))
		processors.Set(float64(runtime.GOMAXPROCS(0)))
		percent.Set(gogc(os.Getenv("GOGC")))
		limit.Set(float64(debug.SetMemoryLimit(-1)))
		setPauses(pauses)
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		fields := reflect.ValueOf(stats)
		for i, m := range memory {
			memories[i].Set(float64(fields.FieldByName(m.field).Uint()))
		}
		collected.Set(float64(stats.LastGC) / 1e9)
		process()
	})
}

// gogc returns the percentage that an environment variable sets, as the runtime reads it. Nothing else sets it in awf-hook.
func gogc(text string) float64 {
	if text == "off" {
		return -1
	}
	if percent, err := strconv.ParseInt(text, 10, 32); err == nil {
		return float64(max(percent, -1))
	}
	return 100
}

func setPauses(m *Metric) {
	stats := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&stats)
	for i, quantile := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		m.With(quantile).Set(stats.PauseQuantiles[i].Seconds())
	}
	m.SetTotal(stats.PauseTotal.Seconds(), uint64(stats.NumGC))
}

// process adds metrics of the process and returns a function that sets them.
func (r *Registry) process() (set func()) {
	cpu := r.Counter("process_cpu_seconds_total", "Processor time.")
	files := r.Gauge("process_open_fds", "Open files.")
	maxFiles := r.Gauge("process_max_fds", "The most files that may be open.")
	virtual := r.Gauge("process_virtual_memory_bytes", "Virtual memory.")
	maxVirtual := r.Gauge("process_virtual_memory_max_bytes", "The most virtual memory that the process may have.")
	resident := r.Gauge("process_resident_memory_bytes", "Resident memory.")
	received := r.Counter("process_network_receive_bytes_total", "Bytes received over the network, by all processes of the network namespace.")
	sent := r.Counter("process_network_transmit_bytes_total", "Bytes sent over the network, by all processes of the network namespace.")
	return func() {
		var usage syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
			cpu.With().Set(float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9)
		}
		for m, resource := range map[*Metric]int{maxFiles: syscall.RLIMIT_NOFILE, maxVirtual: syscall.RLIMIT_AS} {
			var limit syscall.Rlimit
			if syscall.Getrlimit(resource, &limit) == nil {
				m.With().Set(float64(limit.Cur))
			}
		}
		if open, err := os.ReadDir("/dev/fd"); err == nil {
			files.With().Set(float64(len(open)))
		}
		if text, err := os.ReadFile("/proc/self/statm"); err == nil {
			setNumbers(strings.Fields(string(text)), map[int]*Metric{0: virtual, 1: resident}, float64(os.Getpagesize()))
		}
		if text, err := os.ReadFile("/proc/self/net/netstat"); err == nil {
			names, values := table(string(text), "IpExt:")
			at := map[int]*Metric{}
			for i, name := range names {
				switch name {
				case "InOctets":
					at[i] = received
				case "OutOctets":
					at[i] = sent
				}
			}
			setNumbers(values, at, 1)
		}
	}
}

// setNumbers sets metrics to fields, each times unit. A field that is missing or no number sets nothing.
func setNumbers(fields []string, at map[int]*Metric, unit float64) {
	for i, m := range at {
		if i < len(fields) {
			if value, err := strconv.ParseFloat(fields[i], 64); err == nil && !math.IsNaN(value) {
				m.With().Set(value * unit)
			}
		}
	}
}

// table returns the names and the values of a table in /proc/net/netstat: two lines that begin with the same word.
func table(text, word string) (names, values []string) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == word {
			names, values = values, fields
		}
	}
	return names, values
}
