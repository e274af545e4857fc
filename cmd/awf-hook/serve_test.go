package main

import (
	"bufio"
	"context"
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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// served is a running awf-hook serve.
type served struct {
	cmd  *exec.Cmd
	url  string
	mu   sync.Mutex
	said strings.Builder
	read sync.WaitGroup
}

// startServe starts "awf-hook serve" and waits until it listens.
func startServe(t testing.TB, args ...string) *served {
	t.Helper()
	return startServeIn(t, nil, args...)
}

// startServeIn is startServe with further environment variables.
func startServeIn(t testing.TB, env []string, args ...string) *served {
	t.Helper()
	s := &served{cmd: exec.Command("awf-hook", append([]string{"serve", "--lame-duck", "0s", "--log-level", "info"}, args...)...)}
	s.cmd.Env = append(os.Environ(), env...)
	talk, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, s.cmd)
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	listening := make(chan string, 1)
	s.read.Go(func() {
		defer close(listening)
		for lines := bufio.NewScanner(talk); lines.Scan(); {
			s.mu.Lock()
			fmt.Fprintln(&s.said, lines.Text())
			s.mu.Unlock()
			if addr, is := strings.CutPrefix(lines.Text(), "awf-hook: listening on "); is {
				listening <- addr
			}
		}
	})
	addr, isListening := <-listening
	if !isListening {
		t.Fatalf("serve does not listen: %s", s.talk())
	}
	s.url = "http://" + addr
	return s
}

func (s *served) talk() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// end sends a signal and returns the exit code; -1 after SIGKILL.
func (s *served) end(t testing.TB, sig syscall.Signal) int {
	t.Helper()
	_ = s.cmd.Process.Signal(sig)
	s.read.Wait()
	if err := s.cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return exit.ExitCode()
	}
	return 0
}

// send posts lines. It returns the status; 0 without an answer.
func send(client *http.Client, url, lines string) int {
	resp, err := client.Post(url+"/v1/events", "application/x-ndjson", strings.NewReader(lines))
	if err != nil {
		return 0
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

// counted is a receiver that counts deliveries by id and by run.
type counted struct {
	mu   sync.Mutex
	ids  map[string]int
	runs map[string]map[string]bool // the ids of a run's deliveries
}

func newCounted() *counted {
	return &counted{ids: map[string]int{}, runs: map[string]map[string]bool{}}
}

func (c *counted) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		Run string `json:"workflow_id"`
	}
	text, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(text, &body)
	c.mu.Lock()
	defer c.mu.Unlock()
	id := r.Header.Get("X-AWF-Delivery")
	c.ids[id]++
	if c.runs[body.Run] == nil {
		c.runs[body.Run] = map[string]bool{}
	}
	c.runs[body.Run][id] = true
}

func (c *counted) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.runs)
}

// Sizes of the kill test. SOAK=1 (make soak) runs a long one.
const (
	killRequests = 200
	killBatch    = 20
	killClients  = 8
	killKills    = 5
)

// Events that were answered with 202 arrive, through SIGKILLs at random moments. Requests without an answer are sent
// again, and still make one delivery.
func TestServeKilledLosesNothingItTook(t *testing.T) {
	t.Parallel()
	requests, batch, clients, kills := killRequests, killBatch, killClients, killKills
	if os.Getenv("SOAK") != "" {
		requests, batch, clients, kills = 500, 100, 16, 20
	}
	receiver := newCounted()
	config := writeConfig(t, "webhooks: [{name: hook, url: %q, max_in_flight: 32, retry: {delay: 20ms, max_attempts: 50}}]",
		serve(t, receiver))
	port := freePort()
	args := []string{"-c", config, "--listen", "127.0.0.1:" + port, "--queue", filepath.Join(t.TempDir(), "queue.db")}
	s := startServe(t, args...)

	work := make(chan int)
	var sending sync.WaitGroup
	var mu sync.Mutex
	answered, again := map[int]bool{}, 0
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	url := s.url
	for range clients {
		sending.Go(func() {
			for n := range work {
				for lines := envelopes("r"+strconv.Itoa(n), batch); send(client, url, lines) != http.StatusAccepted; {
					mu.Lock()
					again++
					mu.Unlock()
					time.Sleep(10 * time.Millisecond)
				}
				mu.Lock()
				answered[n] = true
				mu.Unlock()
			}
		})
	}
	sending.Go(func() {
		defer close(work)
		for n := range requests {
			work <- n
			time.Sleep(5 * time.Millisecond) // the kills happen meanwhile
		}
	})
	for range kills {
		time.Sleep(time.Duration(20+rand.IntN(150)) * time.Millisecond)
		s.end(t, syscall.SIGKILL)
		s = startServe(t, args...)
	}
	sending.Wait()
	if len(answered) != requests {
		t.Fatalf("%d requests were answered, want %d", len(answered), requests)
	}
	for deadline := time.Now().Add(120 * time.Second); receiver.count() < requests*batch && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
	twice := 0
	for run, ids := range receiver.runs {
		if len(ids) != 1 {
			t.Errorf("%s came with %d ids, want one", run, len(ids))
		}
	}
	for _, n := range receiver.ids {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d events in %d requests by %d clients, %d kills: %d arrived, %d requests sent again, "+
		"%d deliveries in flight at a kill came twice",
		requests*batch, requests, clients, kills, len(receiver.runs), again, twice)
	if len(receiver.runs) != requests*batch {
		t.Errorf("%d of %d events arrived", len(receiver.runs), requests*batch)
	}
}

// serve loads a changed configuration within two seconds, and on SIGHUP. It reports a configuration with mistakes and keeps the old one.
func TestServeTakesUpAChange(t *testing.T) {
	receiver := newCounted()
	url := serve(t, receiver)
	config := writeConfig(t, "webhooks: [{name: hook, url: %q, events: [nothing]}]", url)
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"))
	rewrite := func(format string, args ...any) {
		t.Helper()
		if err := os.WriteFile(config, fmt.Appendf(nil, format, args...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	arrives := func(run string) {
		t.Helper()
		if status := send(http.DefaultClient, s.url, envelopes(run, 1)); status != http.StatusAccepted {
			t.Fatalf("%s: %d", run, status)
		}
		waitFor(t, run, func() bool {
			receiver.mu.Lock()
			defer receiver.mu.Unlock()
			return receiver.runs[run+"-0"] != nil
		})
	}
	began := time.Now()
	rewrite("webhooks: [{name: hook, url: %q}]", url)
	waitFor(t, "the change taken up", func() bool { return strings.Contains(s.talk(), "configuration was loaded") })
	if took := time.Since(began); took > 2*time.Second*slowdown {
		t.Errorf("the change was taken up after %v, want 2 s at most", took)
	}
	arrives("changed")

	rewrite("webhooks: [{name: hook, url: %q, filter: 'no_such == 1'}]", url)
	waitFor(t, "the mistake", func() bool {
		return strings.Contains(s.talk(), "no_such") && strings.Contains(s.talk(), "was not loaded")
	})
	arrives("broken")
	resp, err := http.Get(s.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(text), `"stale_configuration":true`) {
		t.Errorf("readyz says %d %s, want that the configuration is stale", resp.StatusCode, text)
	}

	rewrite("webhooks: [{name: hook, url: %q}]", url)
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the mended file taken up", func() bool { return strings.Count(s.talk(), "configuration was loaded") >= 2 })
	arrives("mended")
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
}

// On SIGTERM serve becomes unready, accepts events for the lame-duck time, and then delivers the rest.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	slow := newCounted()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond)
		slow.ServeHTTP(w, r)
	})
	config := writeConfig(t, "webhooks: [{name: hook, url: %q, max_in_flight: 4}]", serve(t, handler))
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"), "--lame-duck", "500ms")
	if status := send(http.DefaultClient, s.url, envelopes("before", 40)); status != http.StatusAccepted {
		t.Fatal(status)
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	waitFor(t, "unready", func() bool {
		resp, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	if status := send(http.DefaultClient, s.url, envelopes("after", 1)); status != http.StatusAccepted {
		t.Errorf("an event in the lame duck's time: %d, want 202", status)
	}
	s.read.Wait()
	if err := s.cmd.Wait(); err != nil || slow.count() != 41 {
		t.Errorf("%v, %d events arrived, want 41; said %s", err, slow.count(), s.talk())
	}
}

// serve listens on a public address only with a token and TLS, and needs a queue that is not in memory.
func TestServeRefuses(t *testing.T) {
	config := writeConfig(t, "webhooks: [{name: hook, url: 'http://127.0.0.1:1/'}]")
	for _, tt := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, 1, "--insecure-listen"},
		{[]string{"--listen", "[::]:0"}, 1, "--insecure-listen"},
		{[]string{"--listen", "unix:" + config}, 1, "not a socket"},
		{[]string{"--listen", "unix:@awf-hook"}, 1, "want the path of a file"},
		{[]string{"--listen", "unix:/tmp/" + strings.Repeat("x", 150)}, 1, "want a path of up to 10"},
		{[]string{"--follow", "nowhere/audit.jsonl", "--listen", "0.0.0.0:0"}, 1, "no such file or directory: serve waits for it"},
		{[]string{"--follow", "/dev/null", "--listen", "0.0.0.0:0"}, 1, "/dev/null: neither a file nor a folder: serve reads nothing"},
		{[]string{"--listen", "127.0.0.1:99999"}, 2, "--listen: want an address with its port"},
		{[]string{"--listen", "8470"}, 2, `or unix:PATH, got "8470"`},
		{[]string{"--listen", "::1"}, 2, "--listen: want an address with its port"},
		{[]string{"--listen", "http://127.0.0.1:8470"}, 2, "--listen: want an address with its port"},
		{[]string{"--listen", "unix:"}, 2, "--listen: want an address with its port"},
		{[]string{"--queue", "memory:"}, 3, "queue in a file"},
		{[]string{"--listen", "0.0.0.0:0", "--insecure-listen", "--debug"}, 1, "--debug"},
		{[]string{"PATH"}, 2, `got the argument "PATH"`},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := exec.CommandContext(ctx, "awf-hook", append([]string{"serve", "-c", config}, tt.args...)...)
		out, err := cmd.CombinedOutput()
		cancel()
		if got := exitCode(t, err); got != tt.exit || !strings.Contains(string(out), tt.says) {
			t.Errorf("%v: exit code %d, said %s, want %d and %q", tt.args, got, out, tt.exit, tt.says)
		}
	}
}

// Thousands of idle connections, and clients that send a byte per second, keep nobody out.
func TestServeIsNotKeptBusyByIdleConnections(t *testing.T) {
	idle := 2000
	if os.Getenv("SOAK") != "" {
		idle = 10_000
	}
	receiver := newCounted()
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"))
	addr := strings.TrimPrefix(s.url, "http://")
	var conns []net.Conn
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for i := range idle {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if conns = append(conns, conn); i%2 == 1 {
			_, _ = io.WriteString(conn, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Slow: ")
		}
	}
	began := time.Now()
	client := &http.Client{Timeout: 20 * time.Second}
	for i := range 20 {
		if status := send(client, s.url, envelopes(strconv.Itoa(i), 1)); status != http.StatusAccepted {
			t.Fatalf("request %d beside %d idle connections: %d", i, idle, status)
		}
	}
	t.Logf("20 requests beside %d idle connections took %v", idle, time.Since(began))
	if took := time.Since(began); took > 5*time.Second*slowdown {
		t.Errorf("they took %v", took)
	}
	s.end(t, syscall.SIGTERM)
}
