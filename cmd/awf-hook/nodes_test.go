package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// metric returns the value of a series of a node's /metrics; 0 if it does not exist.
func metric(t *testing.T, node *served, series string) float64 {
	t.Helper()
	resp, err := http.Get(node.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(series) + " (.*)$").FindSubmatch(text)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Three nodes share a lane evenly although one of them accepts all events. Together they never exceed the webhook's limit
// in flight, one of them exports the queue's gauges, and webhooks says whose configuration differs.
func TestNodesShareALane(t *testing.T) {
	if os.Getenv("CLUSTER") == "" {
		t.Skip("make cluster runs it")
	}
	database := databases.New(t)
	var inFlight, most, came, bounded, mostBounded atomic.Int64
	slow := func(now, most *atomic.Int64) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(60 * time.Millisecond)
		now.Add(-1)
	}
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bounded" {
			slow(&bounded, &mostBounded)
			return
		}
		slow(&inFlight, &most)
		came.Add(1)
	}))
	const text = "queue: {namespace: test}\nwebhooks:\n  - {name: free, url: %q, max_in_flight: %d}\n" +
		"  - {name: bounded, url: %q, max_in_flight: 4, max_in_flight_total: 5}"
	same := writeConfig(t, text, url, 4, url+"/bounded")
	other := writeConfig(t, text, url, 5, url+"/bounded")
	nodes := make([]*served, 3)
	for i := range nodes {
		nodes[i] = startServe(t, "-c", same, "--listen", "127.0.0.1:"+freePort(), "--queue", database)
	}
	const events = 900
	for i := range 9 {
		if code := send(http.DefaultClient, nodes[0].url, envelopes("r"+strconv.Itoa(i)+"-", events/9)); code != http.StatusAccepted {
			t.Fatalf("answered %d", code)
		}
	}
	until(t, "delivered", func() bool { return came.Load() >= events })
	mean := float64(events) / float64(len(nodes))
	for i, node := range nodes {
		if n := metric(t, node, `awf_hook_deliveries_total{outcome="delivered",webhook="free"}`); n < 0.8*mean || n > 1.2*mean {
			t.Errorf("node %d delivered %v, want %v within 20 %%", i, n, mean)
		}
	}
	if mostBounded.Load() > 5 || mostBounded.Load() < 4 {
		t.Errorf("%d were in flight over all nodes, want 5 at most", mostBounded.Load())
	}
	until(t, "one node keeps house", func() bool {
		keepers := 0.0
		for _, node := range nodes {
			is := metric(t, node, `awf_hook_keeper{engine="postgres"}`)
			if said := metric(t, node, `awf_hook_lane_state{state="open",webhook="free"}`); said != is {
				return false
			}
			keepers += is
		}
		return keepers == 1
	})
	if _, talk := runHook(t, exitOK, nil, "webhooks", "--queue", database, "-c", same); strings.Contains(talk, "differ") {
		t.Errorf("configurations that are the same differ: %s", talk)
	}
	nodes = append(nodes, startServe(t, "-c", other, "--listen", "127.0.0.1:"+freePort(), "--queue", database))
	if _, talk := runHook(t, exitOK, nil, "webhooks", "--queue", database, "-c", same); !strings.Contains(talk, "differ") {
		t.Errorf("nobody says that a configuration differs: %s", talk)
	}
	cmd := exec.Command("awf-hook", "doctor", "-c", same, "--queue", database)
	out, _ := cmd.CombinedOutput() // its other findings decide its exit code
	if !strings.Contains(string(out), "4 processes use it") || !strings.Contains(string(out), "2 configurations are in use") {
		t.Errorf("doctor says %s", out)
	}
	for _, node := range nodes {
		node.end(t, syscall.SIGKILL)
	}
}

// A node that is stopped for longer than its lease settles nothing that the other node has taken over: each delivery counts once, and no
// receiver gets one twice but those of the requests that were in flight when the node stopped.
func TestHungNode(t *testing.T) {
	if os.Getenv("CLUSTER") == "" {
		t.Skip("make cluster runs it")
	}
	database := databases.New(t)
	const events, parallel = 20, 2
	receiver := newCounted()
	hold, held := make(chan struct{}), atomic.Int64{}
	config := writeConfig(t, "queue: {namespace: test}\nwebhooks: [{name: hook, url: %q, max_in_flight: %d, timeout: 1s}]",
		serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			receiver.ServeHTTP(w, r)
			held.Add(1)
			<-hold
		})), parallel)
	hung := startServe(t, "-c", config, "--listen", "127.0.0.1:"+freePort(), "--queue", database)
	if code := send(http.DefaultClient, hung.url, envelopes("r", events)); code != http.StatusAccepted {
		t.Fatalf("answered %d", code)
	}
	until(t, "requests are in flight", func() bool { return held.Load() == parallel })
	if err := hung.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	close(hold)
	other := startServe(t, "-c", config, "--listen", "127.0.0.1:"+freePort(), "--queue", database)
	time.Sleep(34 * time.Second) // the lease: three times the timeout and ten seconds
	until(t, "the other node takes over", func() bool { return receiver.count() == events })
	delivered := func() string {
		out, _ := runHook(t, exitOK, nil, "webhooks", "-c", config, "--queue", database, "--json")
		return field(out, "delivered") + " delivered, " + field(out, "waiting") + " waiting, " + field(out, "dead") + " dead"
	}
	until(t, "the other node settles", func() bool { return delivered() == "20 delivered, 0 waiting, 0 dead" })
	if err := hung.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code := send(http.DefaultClient, hung.url, envelopes("later", 1)); code != http.StatusAccepted {
		t.Fatalf("the node that goes on answered %d", code)
	}
	until(t, "the node that goes on delivers", func() bool { return receiver.count() == events+1 })
	for _, node := range []*served{hung, other} {
		if code := node.end(t, syscall.SIGTERM); code != exitOK {
			t.Errorf("a node ended with %d: %s", code, node.talk())
		}
	}
	if said := delivered(); said != "21 delivered, 0 waiting, 0 dead" {
		t.Errorf("the queue counts %s, want each delivery once", said)
	}
	runHook(t, exitOK, nil, "queue", "check", "-c", config, "--queue", database)
	twice := 0
	for id, n := range receiver.ids {
		if n > 2 {
			t.Errorf("%s arrived %d times", id, n)
		}
		twice += n - 1
	}
	if twice > parallel {
		t.Errorf("%d deliveries arrived twice, want at most the %d that were in flight", twice, parallel)
	}
	t.Logf("%d of the %d in flight arrived twice", twice, parallel)
}
