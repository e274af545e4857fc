package wasm_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process watches what this process takes: its time on the processors, and how much memory it has at most.
type process struct {
	t     testing.TB
	from  time.Duration
	base  int64
	peak  atomic.Int64
	ended chan struct{}
}

// watchProcess samples the memory until the test ends.
func watchProcess(t testing.TB) *process {
	p := &process{t: t, ended: make(chan struct{})}
	stop := make(chan struct{})
	go func() {
		defer close(p.ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				p.sample()
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-p.ended
	})
	return p
}

func (p *process) sample() {
	now := rss()
	for {
		peak := p.peak.Load()
		if now <= peak || p.peak.CompareAndSwap(peak, now) {
			return
		}
	}
}

func (p *process) begin() {
	p.base = rss()
	p.peak.Store(p.base)
	p.from = processorTime()
}

// end returns the time used since begin, and by how much the memory grew at most, in bytes.
func (p *process) end() (used time.Duration, over int64) {
	used = processorTime() - p.from
	p.sample()
	return used, p.peak.Load() - p.base
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rss is the process's physical memory in bytes, 0 where the platform does not say.
func rss() int64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
