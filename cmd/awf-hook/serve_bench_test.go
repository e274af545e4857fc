package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Sizes of the benchmark of the intake.
const (
	intakeBatch   = 100
	intakeClients = 8
	intakeTime    = 5 * time.Second
)

// postBatches posts batches from several clients for a while, at a pace of events per second; 0 is as fast as they are
// answered. It returns the events accepted per second, and the times of the answers, sorted.
func postBatches(b *testing.B, url string, pace int) (perSecond float64, took []time.Duration) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: intakeClients}}
	var number, taken atomic.Int64
	var mu sync.Mutex
	var posting sync.WaitGroup
	began := time.Now()
	for range intakeClients {
		posting.Go(func() {
			for time.Since(began) < intakeTime {
				n := number.Add(1)
				if pace > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(n) * intakeBatch * time.Second / time.Duration(pace))))
				}
				lines := envelopes(fmt.Sprint(began.UnixNano(), "-", n), intakeBatch)
				sent := time.Now()
				if status := send(client, url, lines); status != http.StatusAccepted {
					b.Errorf("answered %d", status)
					return
				}
				mu.Lock()
				took = append(took, time.Since(sent))
				mu.Unlock()
				taken.Add(intakeBatch)
			}
		})
	}
	posting.Wait()
	slices.Sort(took)
	return float64(taken.Load()) / time.Since(began).Seconds(), took
}

// residentMiB returns a process's peak memory.
func residentMiB(b *testing.B, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, _ := strconv.Atoi(strings.Fields(rest)[0])
	return float64(kib) / 1024
}

// Events that serve takes a second, the memory that takes, how long the slowest of a hundred answers takes at half the load and
// at 5,000 events a second, and the ratio to a bare handler that appends the same bytes to a file and syncs it.
func BenchmarkIntake(b *testing.B) {
	config := writeConfig(b, "webhooks: [{name: hook, url: %q, rate: 10/s}]", serve(b, newCounted()))
	for b.Loop() {
		s := startServe(b, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(b.TempDir(), "queue.db"), "--drain-timeout", "10ms")
		perSecond, _ := postBatches(b, s.url, 0)
		_, took := postBatches(b, s.url, int(perSecond/2))
		_, calm := postBatches(b, s.url, 5000)
		rss := residentMiB(b, s.cmd.Process.Pid)
		s.end(b, syscall.SIGTERM)

		file, err := os.Create(filepath.Join(b.TempDir(), "bare"))
		if err != nil {
			b.Fatal(err)
		}
		var mu sync.Mutex
		bareURL := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			if _, err := file.Write(body); err != nil || file.Sync() != nil {
				b.Error("the bare handler cannot write")
			}
			w.WriteHeader(http.StatusAccepted)
		}))
		bare, _ := postBatches(b, bareURL, 0)
		_, bareTook := postBatches(b, bareURL, int(perSecond/2))
		file.Close()
		b.ReportMetric(perSecond, "events/s")
		b.ReportMetric(perSecond/bare, "of-bare")
		b.ReportMetric(rss, "MiB")
		b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms-at-half")
		b.ReportMetric(float64(calm[len(calm)*99/100].Milliseconds()), "p99-ms-at-5000/s")
		b.ReportMetric(float64(bareTook[len(bareTook)*99/100].Milliseconds()), "bare-p99-ms")
	}
}
