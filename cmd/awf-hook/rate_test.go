package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Sizes of the test of a shared rate.
const (
	rateProcesses = 8
	rateEvents    = 5 // of each process
	rateKeys      = 4
	ratePerSecond = 5
	rateBurst     = 1 // a tenth of it, and at least 1
)

// killer is a receiver that notes what came when. Before it answers some requests, it kills their processes.
type killer struct {
	kill map[int]bool // at these requests

	mu     sync.Mutex
	hooks  [rateProcesses]*exec.Cmd
	times  []time.Time
	ids    []string
	killed map[string]bool // deliveries that were in flight at a kill
}

func (k *killer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	_, _ = io.Copy(io.Discard, r.Body)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.times = append(k.times, now)
	id := r.Header.Get("X-AWF-Delivery")
	k.ids = append(k.ids, id)
	if k.kill[len(k.ids)] {
		process, _ := strconv.Atoi(r.Header.Get("X-Process"))
		_ = k.hooks[process].Process.Kill()
		k.killed[id] = true
	}
}

// most returns the largest number of requests within a second.
func (k *killer) most() (most int) {
	for i, first := range k.times {
		n := 0
		for _, later := range k.times[i:] {
			if later.Sub(first) < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// firsts returns the deliveries in the order of their first arrival.
func (k *killer) firsts() (order []string, times map[string]int) {
	times = map[string]int{}
	for _, id := range k.ids {
		if times[id]++; times[id] == 1 {
			order = append(order, id)
		}
	}
	return order, times
}

// keyedOrder lists the ids of a queue's deliveries by order key, in the order of acceptance.
func keyedOrder(t *testing.T, file string) (byKey map[string][]string, keyOf map[string]string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT id, order_key FROM deliveries ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	byKey, keyOf = map[string][]string{}, map[string]string{}
	for rows.Next() {
		var id, key string
		if err := rows.Scan(&id, &key); err != nil {
			t.Fatal(err)
		}
		byKey[key] = append(byKey[key], id)
		keyOf[id] = key
	}
	return byKey, keyOf
}

// Eight processes share a queue, the rate of a webhook and the order of its keys, and three of them are killed in the middle of an attempt.
// No second sees more requests than the rate and its burst, and what is of one key arrives in order.
func TestRateAndOrderAreSharedByProcesses(t *testing.T) {
	receiver := &killer{kill: map[int]bool{4: true, 11: true, 19: true}, killed: map[string]bool{}}
	config := writeConfig(t, "webhooks: [{name: hook, url: %q, rate: %d/s, order_by: payload.key, headers: {X-Process: '${PROCESS}'}}]",
		serve(t, receiver), ratePerSecond)
	file := filepath.Join(t.TempDir(), "queue.db")
	said := make([]bytes.Buffer, rateProcesses)
	receiver.mu.Lock() // until all have started
	for i := range receiver.hooks {
		var lines strings.Builder
		for n := range rateEvents {
			fmt.Fprintf(&lines, `{"id":"%d-%d","event":"workflow_end","workflow_id":"w","workflow_name":"n",`+
				`"timestamp":"2026-11-24T01:24:00Z","payload":{"key":"k%d"}}`+"\n", i, n, (i+n)%rateKeys)
		}
		hook := exec.Command("awf-hook", "run", "-c", config, "--queue", file, "--drain-timeout", "60s")
		hook.Env = append(hook.Environ(), fmt.Sprint("PROCESS=", i))
		hook.Stdin, hook.Stderr = strings.NewReader(lines.String()), &said[i]
		start(t, hook)
		receiver.hooks[i] = hook
	}
	receiver.mu.Unlock()
	begun, ended := time.Now(), 0
	for _, hook := range receiver.hooks {
		if hook.Wait() == nil {
			ended++
		}
	}
	took := time.Since(begun)

	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	order, times := receiver.firsts()
	t.Logf("%d requests for %d deliveries in %v, %d at most within a second", len(receiver.ids), len(order), took.Round(time.Millisecond),
		receiver.most())
	if want := rateProcesses - len(receiver.kill); ended != want {
		t.Errorf("%d processes came to their end, want %d: %v", ended, want, &said[0])
	}
	if most := receiver.most(); most > ratePerSecond+rateBurst && !raceEnabled { // the detector lets requests arrive late, and so together
		t.Errorf("%d requests within a second, want %d at most", most, ratePerSecond+rateBurst)
	}
	want, keyOf := keyedOrder(t, file)
	got := map[string][]string{}
	for _, id := range order {
		got[keyOf[id]] = append(got[keyOf[id]], id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries of each key in their order (-want +got):\n%s", diff)
	}
	if least := (rateProcesses - len(receiver.kill)) * rateEvents; len(order) < least { // those whose process was not killed
		t.Errorf("%d deliveries arrived, want %d at least", len(order), least)
	}
	for id := range receiver.killed {
		if times[id] < 2 {
			t.Errorf("%s was in flight at a kill, and did not come again", id)
		}
	}
}
