package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
)

// gate is a receiver that holds every request until it is opened.
type gate struct {
	mu    sync.Mutex
	open  chan struct{}
	begun int
	taken map[string]int // by delivery id
}

func startGate(t *testing.T) (g *gate, url string) {
	g = &gate{open: make(chan struct{}), taken: map[string]int{}}
	url = serve(t, g)
	t.Cleanup(g.release)
	return g, url
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	g.mu.Lock()
	g.begun++
	g.mu.Unlock()
	select {
	case <-g.open:
	case <-r.Context().Done():
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken[r.Header.Get("X-AWF-Delivery")]++
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

// wait waits until n requests have begun.
func (g *gate) wait(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		g.mu.Lock()
		begun := g.begun
		g.mu.Unlock()
		if begun >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests began, want %d", begun, n)
		}
	}
}

func (g *gate) ids() (ids, requests int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range g.taken {
		requests += n
	}
	return len(g.taken), requests
}

// house is where a command and its successor run.
type house struct {
	*testing.T
	gate                  *gate
	dir, config, events   string
	auditLines, envelopes string
}

const killedEvents = 7

func newHouse(t *testing.T, timeout string) *house {
	h := &house{T: t, dir: t.TempDir(), envelopes: envelopes("e", killedEvents)}
	var url string
	h.gate, url = startGate(t)
	h.config = writeConfig(t, "webhooks: [{name: one, url: %q, max_in_flight: 3, timeout: %s, events: [workflow_end]}]", url, timeout)
	var lines strings.Builder
	for i := range killedEvents {
		fmt.Fprintf(&lines, `{"event":"workflow.completed","execution_id":"e%d","workflow_name":"n",`+
			`"timestamp":"2026-11-24T01:24:00Z","status":"success"}`+"\n", i)
	}
	h.auditLines, h.events = lines.String(), filepath.Join(h.dir, "events.jsonl")
	write(t, h.events, h.auditLines)
	return h
}

func (h *house) hook(args ...string) *exec.Cmd {
	cmd := exec.Command("awf-hook", args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(h.dir, "state"), "EVENTS="+h.events)
	return cmd
}

// deliverers are all commands that deliver. They deliver this house's events while in is open.
var deliverers = map[string]func(h *house, in io.Reader) *exec.Cmd{
	"run": func(h *house, in io.Reader) *exec.Cmd {
		cmd := h.hook("run", "-c", h.config)
		cmd.Stdin = io.MultiReader(strings.NewReader(h.envelopes), in)
		return cmd
	},
	"exec": func(h *house, _ io.Reader) *exec.Cmd {
		return h.hook("exec", "-c", h.config, "--", "sh", "-c", `cat "$EVENTS" >>"$AWF_AUDIT_LOG"`)
	},
	"emit": func(h *house, _ io.Reader) *exec.Cmd {
		return h.hook("emit", "-c", h.config, "--event", "workflow_end", "--id", "one", "--drain-timeout", "30s")
	},
	"follow": func(h *house, _ io.Reader) *exec.Cmd {
		return h.hook("follow", "-c", h.config, "--from-start", h.events)
	},
	"deliveries send": func(h *house, _ io.Reader) *exec.Cmd {
		fill := h.hook("run", "-c", h.config, "--drain-timeout", "0s", "--log-level", "error")
		fill.Stdin = strings.NewReader(h.envelopes)
		if out, err := fill.CombinedOutput(); err != nil {
			h.Fatalf("%v: %s", err, out)
		}
		return h.hook("deliveries", "send", "-c", h.config)
	},
}

// If any command is killed while it delivers, any next command delivers the rest at once: no lease holds it up, even if
// other processes have all the process ids after a restart of the host.
func TestKilledCommandsDeliveriesAreDueAtOnce(t *testing.T) {
	t.Parallel()
	next := map[string]string{"run": "exec", "exec": "emit", "emit": "follow", "follow": "deliveries send", "deliveries send": "run"}
	for victim, start := range deliverers {
		t.Run(victim+" then "+next[victim], func(t *testing.T) {
			h := newHouse(t, "10s")
			in, end := io.Pipe()
			defer end.Close()
			cmd := start(h, in)
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			events := killedEvents
			if victim == "emit" {
				events = 1
			}
			h.gate.wait(t, min(events, 3))
			_ = cmd.Process.Kill()
			_ = end.Close()
			_ = cmd.Wait()
			h.gate.release()
			waiting := deliveryIDs(t, filepath.Join(h.dir, "state", "awf-hook", "queue.db"), "state = 0")
			if len(waiting) != events {
				t.Fatalf("%d wait after the kill, want %d: %s", len(waiting), events, said.String())
			}
			begun := time.Now()
			h.succeed(next[victim], waiting)
			if took := time.Since(begun); took > 10*slowdown*time.Second {
				t.Errorf("it took %v: a lease lasts half a minute", took)
			}
		})
	}
}

// succeed runs a command alone until everything that waited has arrived.
func (h *house) succeed(name string, waiting map[string]int) {
	h.Helper()
	var args []string
	switch name {
	case "run":
		args = []string{"run", "-c", h.config}
	case "exec":
		args = []string{"exec", "-c", h.config, "--drain-timeout", "20s", "--", "true"}
	case "emit":
		args = []string{"emit", "-c", h.config, "--event", "other", "--drain-timeout", "20s"}
	case "follow":
		args = []string{"follow", "-c", h.config, filepath.Join(h.dir, "nothing")}
	default:
		args = []string{"deliveries", "send", "-c", h.config}
	}
	cmd := h.hook(args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		missing := 0
		h.gate.mu.Lock()
		for id := range waiting {
			if h.gate.taken[id] == 0 {
				missing++
			}
		}
		h.gate.mu.Unlock()
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			h.Fatalf("%d of %d did not arrive: %s", missing, len(waiting), said.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	if name == "follow" { // one that arrived may be the killed command's own request; the next one follows once it has settled
		queue := filepath.Join(h.dir, "state", "awf-hook", "queue.db")
		waitFor(h.T, "follow settles what arrived", func() bool { return len(deliveryIDs(h.T, queue, "state = 0")) == 0 })
		_ = cmd.Process.Signal(syscall.SIGINT)
	}
	if err := cmd.Wait(); err != nil {
		h.Errorf("%v: %s", err, said.String())
	}
	if ids, requests := h.gate.ids(); requests > ids+3 {
		h.Errorf("%d requests for %d deliveries: none but the 3 that were on their way is sent again", requests, ids)
	}
}

// A process that hangs keeps its deliveries in flight for its lease: another process says so and does not send them. When
// the first one continues, it delivers all of them, once each.
func TestStoppedProcessGoesOn(t *testing.T) {
	h := newHouse(t, "10s")
	in, end := io.Pipe()
	defer end.Close()
	stopped, said := h.stop(in)
	code, other := h.report("deliveries", "send", "-c", h.config, "--drain-timeout", "500ms")
	if code != exitOK || other.Earlier != (engine.Earlier{InFlight: killedEvents}) {
		t.Errorf("exit code %d, another process says %+v, want all in flight elsewhere", code, other.Earlier)
	}
	h.gate.release()
	r := h.goOn(stopped, said, end)
	if r.Delivered != killedEvents || r.Taken+r.InFlight > 0 {
		t.Errorf("it says %+v, want all delivered", r)
	}
	if ids, requests := h.gate.ids(); ids != killedEvents || requests != killedEvents {
		t.Errorf("%d requests for %d deliveries, want %d", requests, ids, killedEvents)
	}
}

// A process that comes back after its lease has ended finds that another one has sent what it had claimed: it counts none of it as its own,
// and sends nothing of it but what was on its way. make soak waits for the lease's end; else it is set, which the process's own clock
// does not tell it, so that it sends the rest too.
func TestStoppedProcessComesBackLate(t *testing.T) {
	h := newHouse(t, "1s")
	in, end := io.Pipe()
	defer end.Close()
	stopped, said := h.stop(in)
	most := 2 * killedEvents
	if os.Getenv("SOAK") != "" {
		most = killedEvents + 3
		time.Sleep(35 * time.Second)
	} else {
		h.endLeases()
	}
	h.gate.release()
	code, other := h.report("deliveries", "send", "-c", h.config)
	if code != exitOK || other.Earlier != (engine.Earlier{Delivered: killedEvents}) {
		t.Errorf("exit code %d, another process says %+v, want all delivered", code, other.Earlier)
	}
	r := h.goOn(stopped, said, end)
	if r.Taken != killedEvents || r.Delivered != 0 {
		t.Errorf("it says %+v, want all taken over by another process", r)
	}
	if ids, requests := h.gate.ids(); ids != killedEvents || requests > most {
		t.Errorf("%d requests for %d deliveries, want %d at most", requests, ids, most)
	}
}

func (h *house) endLeases() {
	h.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.dir, "state", "awf-hook", "queue.db"))
	if err != nil {
		h.Fatal(err)
	}
	defer db.Close()
	if _, err = db.Exec(`UPDATE deliveries SET due_at = 1 WHERE state = 0`); err != nil {
		h.Fatal(err)
	}
}

// stop starts a run and stops it when everything is in flight.
func (h *house) stop(in io.Reader) (*exec.Cmd, *bytes.Buffer) {
	h.Helper()
	cmd := h.hook("run", "-c", h.config, "--json", "--log-level", "error")
	cmd.Stdin = io.MultiReader(strings.NewReader(h.envelopes), in)
	said := new(bytes.Buffer)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = cmd.Process.Kill() })
	h.gate.wait(h.T, 3)
	file := filepath.Join(h.dir, "state", "awf-hook", "queue.db")
	inFlight := func() int { return len(deliveryIDs(h.T, file, "owner <> 0")) }
	for deadline := time.Now().Add(10 * time.Second); inFlight() < killedEvents; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.Fatalf("%d in flight, want %d", inFlight(), killedEvents)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		h.Fatal(err)
	}
	return cmd, said
}

func (h *house) goOn(cmd *exec.Cmd, said *bytes.Buffer, end io.Closer) engine.Report {
	h.Helper()
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		h.Fatal(err)
	}
	_ = end.Close()
	if err := cmd.Wait(); err != nil {
		h.Errorf("%v: %s", err, said.String())
	}
	return lastReport(h.T, said.String())
}

func (h *house) report(args ...string) (code int, r engine.Report) {
	h.Helper()
	cmd := h.hook(append(args, "--json")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	return exitCode(h.T, err), lastReport(h.T, said.String())
}
