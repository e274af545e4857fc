package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// follow starts "awf-hook follow" with the home's own paths.
func (h *home) follow(config string, args ...string) *exec.Cmd {
	h.t.Helper()
	cmd := h.command(h.hook, append([]string{"follow", "-c", config}, args...)...)
	cmd.Stderr = h.t.Output()
	start(h.t, cmd)
	h.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// stop ends a follow as systemd does.
func stop(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := exitCode(t, cmd.Wait()); got != 0 {
		t.Errorf("follow: exit code %d", got)
	}
}

// begun waits until a follow has saved where it starts.
func (h *home) begun() {
	h.t.Helper()
	waitFor(h.t, "follow's state", func() bool {
		names, _ := filepath.Glob(h.dir + "/state/awf-hook/follow/*.json")
		return len(names) == 2
	})
}

// readAll waits until a follow has stored everything that was written.
func (h *home) readAll() {
	h.t.Helper()
	var last time.Time
	for _, pattern := range []string{"/data/awf/audit.jsonl", "/data/awf/transcripts/*"} {
		names, _ := filepath.Glob(h.dir + pattern)
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && info.ModTime().After(last) {
				last = info.ModTime()
			}
		}
	}
	waitFor(h.t, "follow", func() bool {
		names, _ := filepath.Glob(h.dir + "/state/awf-hook/follow/*.json")
		for _, name := range names {
			var state struct{ Seen time.Time }
			text, _ := os.ReadFile(name)
			if json.Unmarshal(text, &state) != nil || !state.Seen.After(last) {
				return false
			}
		}
		return len(names) == 2
	})
}

// Lines from before the first follow are not sent. Later lines are, in order, including those between two follows, and
// none twice.
func TestFollow(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, awf)
	h.run(h.command(awf, "run", abs(t, recordings+"/valid-parallel.jsonl")), 0)
	follow := h.follow(config)
	h.begun()
	h.run(h.command(awf, "run", abs(t, recordings+"/nested-files"), "--speed", "1"), 0)
	h.readAll()
	stop(t, follow)
	h.run(h.command(awf, "run", abs(t, recordings+"/loop-nested.jsonl")), 0)
	follow = h.follow(config)
	h.readAll()
	stop(t, follow)
	follow = h.follow(config) // has nothing to read but what is written now
	h.run(h.command(awf, "run", abs(t, recordings+"/loop-foreach.jsonl")), 0)
	h.readAll()
	stop(t, follow)
	got, synthetic := arrived(t, end())
	want := slices.Concat(wanted(t, "nested-files"), wanted(t, "loop-nested.jsonl"), wanted(t, "loop-foreach.jsonl"))
	if diff := cmp.Diff(want, got); diff != "" || len(synthetic) > 0 {
		t.Errorf("bodies (-want +got):\n%s%q", diff, synthetic)
	}
}

// With --from-start everything in the files is sent. A run that is under way when follow starts keeps its name.
func TestFollowBegins(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	recording := abs(t, recordings+"/nested-files")
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, awf)
	h.run(h.command(awf, "run", recording), 0)
	follow := h.follow(config, "--from-start")
	h.readAll()
	stop(t, follow)
	got, _ := arrived(t, end())
	if diff := cmp.Diff(wanted(t, "nested-files"), got); diff != "" {
		t.Errorf("from the start (-want +got):\n%s", diff)
	}

	url, end = startListen(t, "--json")
	config = writeConfig(t, everything, url)
	h = newHome(t, awf)
	h.run(h.command(awf, "run", recording, "--lines", "7"), 0)
	follow = h.follow(config)
	h.begun()
	h.run(h.command(awf, "run", recording, "--after", "7"), 0)
	h.readAll()
	stop(t, follow)
	got, _ = arrived(t, end())
	if diff := cmp.Diff(wanted(t, "nested-files")[7:], got); diff != "" {
		t.Errorf("under way (-want +got):\n%s", diff)
	}
}

// A run that is quiet for --orphan-after gets one end, children first, even across a restart.
func TestFollowOrphans(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, awf)
	h.run(h.command(awf, "run", abs(t, recordings+"/nested-files"), "--lines", "6"), 0)
	follow := h.follow(config, "--from-start")
	h.readAll()
	stop(t, follow)
	for range 2 {
		follow = h.follow(config, "--orphan-after", "1s")
		time.Sleep(2200 * time.Millisecond)
		stop(t, follow)
	}
	bodies, synthetic := arrived(t, end())
	if len(bodies) != 6 || len(synthetic) != 2 {
		t.Fatalf("%d events, ends of our making %q; want 6 and 2", len(bodies), synthetic)
	}
	for i, name := range []string{"kid", "mum"} {
		if !strings.Contains(synthetic[i], `"workflow_name":"`+name+`"`) ||
			!strings.Contains(synthetic[i], "no line of the run was seen for 1s") {
			t.Errorf("end %d is %s", i, synthetic[i])
		}
	}
}

// Two follows of one file would both read it: the second one refuses.
func TestFollowTwice(t *testing.T) {
	h := newHome(t, "")
	config := writeConfig(t, "webhooks: []")
	follow := h.follow(config)
	waitFor(t, "the lock", func() bool {
		names, _ := filepath.Glob(h.dir + "/state/awf-hook/follow/*.lock")
		return len(names) == 2
	})
	time.Sleep(100 * time.Millisecond)
	if out := h.run(h.command(h.hook, "follow", "-c", config), exitFailure); !strings.Contains(out, "is followed by another process") {
		t.Errorf("it said %q", out)
	}
	stop(t, follow)
}

// ledger is a receiver that records which deliveries arrived for which run.
type ledger struct {
	mu         sync.Mutex
	deliveries map[string]map[string]bool // by run
}

func startLedger(t testing.TB) (*ledger, string) {
	t.Helper()
	l := &ledger{deliveries: map[string]map[string]bool{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: l}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return l, "http://" + ln.Addr().String()
}

func (l *ledger) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	var body struct {
		WorkflowID string `json:"workflow_id"`
	}
	_ = json.Unmarshal(text, &body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deliveries[body.WorkflowID] == nil {
		l.deliveries[body.WorkflowID] = map[string]bool{}
	}
	l.deliveries[body.WorkflowID][r.Header.Get("X-AWF-Delivery")] = true
}

func (l *ledger) runs() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.deliveries)
}

// wait waits until the given number of runs have arrived.
func (l *ledger) wait(t testing.TB, runs int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); l.runs() < runs; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			var missing []int
			for i := range runs {
				if l.deliveries[fmt.Sprintf("run-%d", i)] == nil {
					missing = append(missing, i)
				}
			}
			t.Fatalf("%d of %d runs came, not %v", l.runs(), runs, missing)
		}
	}
}

// Through all kinds of rotation and SIGKILLs at random moments, every line of the audit file becomes exactly one
// delivery. SOAK=1 (make soak) runs longer.
func TestFollowRotationsAndKills(t *testing.T) {
	t.Parallel()
	for name, rotate := range map[string]func(t *testing.T, file string, n int){"file": rotateFile, "link": switchLink} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			followRotations(t, rotate)
		})
	}
}

func followRotations(t *testing.T, rotate func(t *testing.T, file string, n int)) {
	rotations := 12
	if os.Getenv("SOAK") != "" {
		rotations = 50
	}
	book, url := startLedger(t)
	config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_start], max_in_flight: 16}]", url)
	h := newHome(t, "")
	file := filepath.Join(h.dir, "data/awf/audit.jsonl")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	follow := h.follow(config, "--from-start")
	h.begun()
	lines := 0
	write := func(n int) {
		writeRuns(t, file, lines, n)
		lines += n
	}
	kills := 0
	for n := range rotations {
		write(1 + rand.IntN(40))
		if rand.IntN(2) == 0 {
			time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		}
		if err := follow.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = follow.Wait()
		kills++
		write(rand.IntN(40))
		if n%3 == 2 { // only a process that has a removed file open can read it
			follow = h.follow(config, "--from-start")
			book.wait(t, lines)
		}
		rotate(t, file, n)
		write(rand.IntN(40))
		if n%3 != 2 {
			follow = h.follow(config, "--from-start")
		}
	}
	book.wait(t, lines)
	stop(t, follow)
	for run, deliveries := range book.deliveries {
		if len(deliveries) != 1 {
			t.Errorf("%s has %d deliveries", run, len(deliveries))
		}
	}
	t.Logf("%d lines, %d rotations, %d kills", lines, rotations, kills)
}

// writeRuns writes the starts of n runs, each line in two parts, so that a reader may see only one.
func writeRuns(t *testing.T, file string, from, n int) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range n {
		text := fmt.Sprintf(`{"event":"workflow.started","execution_id":"run-%d","timestamp":"2026-11-24T03:14:59.220Z",`+
			`"user":"root","workflow_name":"w","schema_version":1}`+"\n", from+i)
		for _, part := range []string{text[:40], text[40:]} {
			if _, err := f.WriteString(part); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// rotateFile rotates a file in one of three ways: rename, so that the next writer makes a new one; copy and truncate;
// remove.
func rotateFile(t *testing.T, file string, n int) {
	t.Helper()
	old := fmt.Sprintf("%s.%d", file, n)
	var err error
	switch n % 3 {
	case 0:
		err = os.Rename(file, old)
	case 1:
		var text []byte
		if text, err = os.ReadFile(file); err == nil {
			err = os.WriteFile(old, text, 0o600)
		}
		if err == nil {
			err = os.Truncate(file, 0)
		}
	default:
		err = os.Remove(file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// switchLink makes the file a link to another file, in a folder of its own, that is named like the one before except for its number. The
// first time it moves the file there.
func switchLink(t *testing.T, file string, n int) {
	t.Helper()
	logs := filepath.Join(filepath.Dir(file), "logs")
	link, target := file+".new", filepath.Join(logs, fmt.Sprintf("run-%d.log", n))
	err := os.MkdirAll(logs, 0o700)
	if n == 0 {
		err = errors.Join(err, os.Rename(file, filepath.Join(logs, "run-9999.log")))
	}
	if err = errors.Join(err, os.WriteFile(target, nil, 0o600), os.Symlink(target, link), os.Rename(link, file)); err != nil {
		t.Fatal(err)
	}
}
