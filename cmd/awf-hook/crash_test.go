package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
	_ "modernc.org/sqlite"
)

// Sizes of the crash test. make soak runs 200 rounds.
const (
	crashRounds    = 20
	crashProcesses = 4
	crashEvents    = 60 // of each process in each round
)

// flaky is a receiver that answers every third request with 503, and counts how often it accepted each delivery, and for
// which event.
type flaky struct {
	mu       sync.Mutex
	requests int
	taken    map[string]int    // by delivery id
	eventOf  map[string]string // by delivery id
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if f.requests%3 == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	id := r.Header.Get("webhook-id")
	f.taken[id]++
	if event := f.eventOf[id]; event != "" && event != string(body) {
		f.eventOf[id] = "two events: " + event + " and " + string(body)
	} else {
		f.eventOf[id] = string(body)
	}
}

func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return "http://" + ln.Addr().String()
}

// earlierDelivered is the report of a run that reads no events and delivers those of earlier runs.
const earlierDelivered = "awf-hook: 0 events, 0 deliveries: 0 delivered, 0 to retry, 0 dead\n" +
	"awf-hook: of earlier runs: %d delivered, 0 to retry, 0 dead\n"

func envelopes(prefix string, n int) string {
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, `{"id":"%[1]s-%[2]d","event":"workflow_end","workflow_id":"%[1]s-%[2]d","workflow_name":"n",`+
			`"timestamp":"2026-11-24T01:24:00Z","payload":{}}`+"\n", prefix, i)
	}
	return lines.String()
}

// deliveryIDs returns the ids of the deliveries in a queue's file, with the number of leases that ended without an outcome.
func deliveryIDs(t *testing.T, file, where string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT id, token - attempts FROM deliveries WHERE ` + where)
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return nil // killed before it was made
	}
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	ids := map[string]int{}
	for rows.Next() {
		var id string
		var lost int
		if err := rows.Scan(&id, &lost); err != nil {
			t.Fatal(err)
		}
		ids[id] = lost
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

func checkIntegrity(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var result string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity_check: %s, %v", result, err)
	}
}

func setSchema(t *testing.T, file string, version int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		t.Fatal(err)
	}
}

// lastReport returns the report that --json prints on the last line.
func lastReport(t *testing.T, said string) engine.Report {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(said), "\n")
	var report engine.Report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return report
}

// Four processes share a queue and are killed at random moments, round after round. Every accepted event arrives. Only deliveries whose
// process was killed before it stored their outcome arrive again, once for each such kill, with the same id.
func TestCrash(t *testing.T) {
	t.Parallel()
	rounds := crashRounds
	if os.Getenv("SOAK") != "" {
		rounds = 200
	}
	receiver := &flaky{taken: map[string]int{}, eventOf: map[string]string{}}
	config := writeConfig(t, "webhooks: [{name: hook, url: %q, secret: %q, retry: {delay: 20ms, max_attempts: 50}}]",
		serve(t, receiver), secret)
	file := filepath.Join(t.TempDir(), "queue.db")
	args := []string{"run", "-c", config, "--queue", file, "--drain-timeout", (60 * slowdown * time.Second).String()}

	accepted := map[string]bool{}
	for round := range rounds {
		var hooks []*exec.Cmd
		said := make([]bytes.Buffer, crashProcesses)
		for i := range crashProcesses {
			hook := exec.Command("awf-hook", append(args, "--log-level", "error")...)
			hook.Stderr = &said[i]
			hook.Stdin = strings.NewReader(envelopes(fmt.Sprintf("%d-%d", round, i), crashEvents))
			start(t, hook)
			hooks = append(hooks, hook)
		}
		for i, hook := range hooks {
			time.Sleep(time.Duration(rand.IntN(60*slowdown)) * time.Millisecond)
			_ = hook.Process.Kill()
			_ = hook.Wait()
			if strings.Contains(said[i].String(), "level=ERROR") {
				t.Errorf("round %d: said %s", round, said[i].String())
			}
			if _, err := os.Stat(file); err == nil {
				for id := range deliveryIDs(t, file, "state < 10") {
					accepted[id] = true
				}
			}
		}
	}
	if len(accepted) < rounds*crashEvents/4 {
		t.Fatalf("%d deliveries were accepted before the kills: the kills come too early to test anything", len(accepted))
	}
	hook := exec.Command("awf-hook", args...)
	said := new(bytes.Buffer)
	hook.Stderr = said
	if err := hook.Run(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if left := deliveryIDs(t, file, "state IN (0, 2, 5)"); len(left) > 0 {
		t.Errorf("%d deliveries are left: %s", len(left), said)
	}
	checkIntegrity(t, file)

	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	lost, twice := 0, 0
	for id, kills := range deliveryIDs(t, file, "1") {
		if n := receiver.taken[id]; n > 1+kills {
			t.Errorf("%s arrived %d times and was in flight at %d kills", id, n, kills)
		}
	}
	for id := range accepted {
		if receiver.taken[id] == 0 {
			lost++
		}
	}
	for id, n := range receiver.taken {
		if n > 1 {
			twice++
		}
		if !accepted[id] || strings.HasPrefix(receiver.eventOf[id], "two events") {
			t.Errorf("%s: %s, accepted: %v", id, receiver.eventOf[id], accepted[id])
		}
	}
	t.Logf("%d rounds: %d accepted, %d lost, %d arrived twice", rounds, len(accepted), lost, twice)
	if lost > 0 {
		t.Errorf("%d of %d accepted deliveries were lost", lost, len(accepted))
	}
}

// If a receiver is down for a whole run, the next run delivers everything to it, even with an empty stdin.
func TestReceiverDownForAWholeRun(t *testing.T) {
	t.Parallel()
	port := freePort()
	config := writeConfig(t, "webhooks: [{url: 'http://127.0.0.1:%s/', retry: {delay: 100ms, max_attempts: 50}}]", port)
	file := filepath.Join(t.TempDir(), "queue.db")
	args := []string{"run", "-c", config, "--queue", file, "--log-level", "error"}
	const events = 50
	_, said := runHook(t, exitOK, strings.NewReader(envelopes("e", events)), append(args, "--drain-timeout", "1s")...)
	if want := fmt.Sprintf("awf-hook: %d kept in %s\n", events, file); !strings.Contains(said, want) {
		t.Errorf("said %q, want %q in it", said, want)
	}
	receiver := &counter{deliveries: map[string]int{}, first: make(chan struct{})}
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: receiver}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ln) })
	defer serving.Wait()
	defer server.Close()
	_, said = runHook(t, exitOK, strings.NewReader(""), args...)
	if want := fmt.Sprintf(earlierDelivered, events); said != want {
		t.Errorf("said %q, want %q", said, want)
	}
	if got := len(receiver.deliveries); got != events {
		t.Errorf("%d deliveries arrived, want %d", got, events)
	}
}
