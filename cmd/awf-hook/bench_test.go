package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// buildPrograms builds awf-hook and the bare client as a release does: without cgo, which takes milliseconds of each start.
func buildPrograms(b *testing.B) (hook, bare string) {
	b.Helper()
	dir := b.TempDir()
	for name, pkg := range map[string]string{"awf-hook": ".", "bareclient": "../../testdata/bareclient"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, name), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	return filepath.Join(dir, "awf-hook"), filepath.Join(dir, "bareclient")
}

// wantedLines returns the lines of a load file that awf-hook sends.
func wantedLines(b *testing.B, file string) []byte {
	b.Helper()
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var wanted bytes.Buffer
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); strings.Contains(line, `"event":"workflow_end"`) {
			fmt.Fprintln(&wanted, line)
		}
	}
	return wanted.Bytes()
}

// BenchmarkThroughput prints the CPU time of awf-hook for 100,000 events, half of which are filtered, reshaped, signed
// twice and delivered, as a ratio to a bare client that posts as many bodies, measured in turns, and awf-hook's peak
// memory. BENTO names a Bento binary to measure for the same job.
func BenchmarkThroughput(b *testing.B) {
	hook, bare := buildPrograms(b)
	file := loadFile(b)
	bodies := filepath.Join(b.TempDir(), "bodies")
	if err := os.WriteFile(bodies, wantedLines(b, file), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, queue := range []string{"file", "memory"} {
		b.Run(queue, func(b *testing.B) {
			var hookCPU, bareCPU time.Duration
			var memory int64
			for range 3 * b.N {
				_, url := startCounter(b)
				config := writeConfig(b, `webhooks:
  - url: %q
    events: [workflow_end]
    filter: payload.status == "success"
    secret: %q
    max_in_flight: %d
    transform: {map: {text: "${event} of *${workflow_name}*", blocks: [{type: section, text: "=payload.note"}]}}`,
					url, secret, loadMaxInFlight)
				path := "memory:"
				if queue == "file" {
					path = filepath.Join(b.TempDir(), "queue.db")
				}
				ours := measure(b, file, hook, "run", "-c", config, "--queue", path, "--drain-timeout", "2m")
				hookCPU, memory = hookCPU+ours.CPU, max(memory, ours.Memory)
				bareCPU += measure(b, bodies, bare, url, fmt.Sprint(loadMaxInFlight)).CPU
			}
			b.ReportMetric(float64(hookCPU)/float64(bareCPU), "x-bare-CPU")
			b.ReportMetric(float64(memory>>20), "MiB-RSS")
			b.ReportMetric(0, "ns/op")
		})
	}
	bento := os.Getenv("BENTO")
	if bento == "" {
		return
	}
	b.Run("bento", func(b *testing.B) {
		var bentoCPU, bareCPU time.Duration
		for range 3 * b.N {
			_, url := startCounter(b)
			b.Setenv("URL", url)
			b.Setenv("SECRET", secret)
			bentoCPU += measure(b, file, bento, "-c", "../../testdata/peers/bento.yaml").CPU
			bareCPU += measure(b, bodies, bare, url, fmt.Sprint(loadMaxInFlight)).CPU
		}
		b.ReportMetric(float64(bentoCPU)/float64(bareCPU), "x-bare-CPU")
		b.ReportMetric(0, "ns/op")
	})
}

// measure runs a program with a file as stdin.
func measure(b *testing.B, in string, name string, args ...string) (c costs) {
	b.Helper()
	f, err := os.Open(in)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("measured", append([]string{name}, args...)...)
	cmd.Stdin = f
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil || c.Code != 0 {
		b.Fatalf("%v, exit code %d: %s", err, c.Code, c.Said)
	}
	return c
}

// cpu runs a program and returns its processor time.
func cpu(b *testing.B, in []byte, name string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// BenchmarkColdStart measures the time from the process's start to the first POST, as a ratio to the bare client's:
// without a module, and with one whose compiled code is in the cache.
func BenchmarkColdStart(b *testing.B) {
	hook, bare := buildPrograms(b)
	guests, err := filepath.Abs("../../testdata/wasm/guests")
	if err != nil {
		b.Fatal(err)
	}
	goGuest := filepath.Join(b.TempDir(), "go.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", goGuest, filepath.Join(guests, "go/reactor"))
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for _, bb := range []struct{ name, transform string }{
		{"none", ""},
		{"c", ", transform: {wasm: " + filepath.Join(guests, "reshape.wasm") + "}"},
		{"go", ", transform: {wasm: " + goGuest + "}"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.Setenv("XDG_CACHE_HOME", b.TempDir())
			event := []byte(`{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z",` +
				`"payload":{"status":"success"}}` + "\n")
			var hookTimes, bareTimes []time.Duration
			for range b.N {
				for range 31 { // the first one may compile
					receiver, url := startCounter(b)
					config := writeConfig(b, "webhooks: [{url: %q, filter: 'payload.status == \"success\"', secret: %q"+bb.transform+"}]", url, secret)
					hookTimes = append(hookTimes, firstPost(b, receiver, event, hook, "run", "-c", config))
					receiver, url = startCounter(b)
					bareTimes = append(bareTimes, firstPost(b, receiver, event, bare, url, "1"))
				}
			}
			slices.Sort(hookTimes)
			slices.Sort(bareTimes)
			hookTime, bareTime := hookTimes[len(hookTimes)/2], bareTimes[len(bareTimes)/2]
			b.ReportMetric(float64(hookTime)/float64(bareTime), "x-bare-start")
			b.ReportMetric(float64(hookTime)/1e6, "ms-median")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func firstPost(b *testing.B, receiver *counter, in []byte, name string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	select {
	case <-receiver.first:
	case <-time.After(30 * time.Second):
		b.Fatal("nothing arrived")
	}
	took := time.Since(began)
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return took
}
