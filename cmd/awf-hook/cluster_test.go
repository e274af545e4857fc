package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// Sizes of the cluster test. CLUSTER=small runs a short one; make cluster, which sets CLUSTER=full, a long one.
const (
	clusterEvents    = 1_200
	clusterKills     = 2
	clusterFailovers = 1
	clusterClients   = 8
	clusterKeys      = 8 // order keys of each client
	clusterBatch     = 10
)

// keyed is a receiver that checks that the first arrivals of a key come in order.
type keyed struct {
	t    *testing.T
	mu   sync.Mutex
	ids  map[string]int
	last map[string]int // by key
	came int            // number of first arrivals
}

func (k *keyed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Payload struct {
			Key string `json:"key"`
			N   int    `json:"n"`
		} `json:"payload"`
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(text, &body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	id := r.Header.Get("X-AWF-Delivery")
	if k.ids[id]++; k.ids[id] > 1 {
		return
	}
	k.came++
	if last, seen := k.last[body.Payload.Key]; seen && body.Payload.N != last+1 || !seen && body.Payload.N != 0 {
		k.t.Errorf("%d of key %s came behind %d", body.Payload.N, body.Payload.Key, last)
	}
	k.last[body.Payload.Key] = body.Payload.N
}

func (k *keyed) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.came
}

// cluster is three nodes on a database whose primary has a synchronous standby.
type cluster struct {
	t                *testing.T
	primary, standby *pgtest.Server
	config           string
	ports            []string

	mu    sync.Mutex
	nodes []*served
}

// url names both servers and asks for the primary.
func (c *cluster) url(first, second *pgtest.Server) string {
	return fmt.Sprintf("postgres://awf@127.0.0.1:%d,127.0.0.1:%d/queue?sslmode=disable&target_session_attrs=read-write&connect_timeout=2",
		first.Port, second.Port)
}

// startNode starts a node on its port.
func (c *cluster) startNode(i int, url string) {
	node := startServe(c.t, "-c", c.config, "--listen", "127.0.0.1:"+c.ports[i], "--queue", url)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[i] = node
}

func (c *cluster) node(i int) *served {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i]
}

// Three nodes are killed at random, on a database whose primary is killed and replaced by its standby. Everything that
// was answered with 202 arrives, once if receivers ignore repeated ids, and in the order of its key.
func TestCluster(t *testing.T) {
	events, kills, failovers := clusterEvents, clusterKills, clusterFailovers
	switch os.Getenv("CLUSTER") {
	case "":
		t.Skip("make cluster runs it")
	case "full":
		events, kills, failovers = 100_000, 20, 2
	}
	primary, _ := pgtest.New(t)
	c := &cluster{t: t, primary: primary, nodes: make([]*served, 3), ports: []string{freePort(), freePort(), freePort()}}
	c.addStandby()
	receiver := &keyed{t: t, ids: map[string]int{}, last: map[string]int{}}
	c.config = writeConfig(t, "queue: {namespace: test}\nwebhooks: [{name: hook, url: %q, max_in_flight: 16, order_by: payload.key, "+
		"retry: {delay: 50ms, max_attempts: 50}, timeout: 5s}]", serve(t, receiver))
	url := c.url(c.primary, c.standby)
	for i := range c.nodes {
		c.startNode(i, url)
	}
	var again atomic.Int64
	var feeding sync.WaitGroup
	for n := range clusterClients {
		feeding.Go(func() { c.feed(n, events/clusterClients, &again) })
	}
	for round := range kills + failovers {
		time.Sleep(time.Duration(300+rand.IntN(500)) * time.Millisecond)
		if round%(kills/failovers+1) == kills/failovers {
			url = c.failOver()
			continue
		}
		i := rand.IntN(len(c.nodes))
		c.node(i).end(t, syscall.SIGKILL)
		c.startNode(i, url)
	}
	feeding.Wait()
	for came, since := receiver.count(), time.Now(); came < events && time.Since(since) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if n := receiver.count(); n > came {
			came, since = n, time.Now()
		}
	}
	for i := range c.nodes {
		if code := c.node(i).end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("node %d ended with %d, said %s", i, code, c.node(i).talk())
		}
	}
	repeated := 0
	for _, n := range receiver.ids {
		repeated += n - 1
	}
	t.Logf("%d events, %d kills of nodes, %d failovers: %d arrived, %d requests were sent again, %d deliveries came again",
		events, kills, failovers, receiver.came, again.Load(), repeated)
	if receiver.came != events {
		t.Errorf("%d of %d events arrived", receiver.came, events)
	}
	if strings.Contains(c.primary.Log(), "deadlock detected") {
		t.Error("the server saw a deadlock")
	}
}

// feed posts a client's events in order, each batch until a node has answered 202.
func (c *cluster) feed(client, events int, again *atomic.Int64) {
	http := &http.Client{Timeout: 20 * time.Second}
	for n := 0; n < events; n += clusterBatch {
		var lines strings.Builder
		for i := n; i < min(n+clusterBatch, events); i++ {
			fmt.Fprintf(&lines, `{"id":"c%[1]d-%[2]d","event":"workflow_end","workflow_id":"r%[1]d-%[2]d","workflow_name":"n",`+
				`"timestamp":"2026-11-24T01:24:00Z","payload":{"key":"k%[1]d-%[3]d","n":%[4]d}}`+"\n", client, i, i%clusterKeys, i/clusterKeys)
		}
		for try := client; ; try++ {
			if send(http, "http://127.0.0.1:"+c.ports[try%len(c.ports)], lines.String()) == 202 {
				break
			}
			again.Add(1)
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// addStandby adds a standby to the primary.
func (c *cluster) addStandby() {
	standby, err := c.primary.Standby()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = standby.Close() })
	c.standby = standby
}

// failOver kills the primary, promotes its standby, adds a new standby, and gives the nodes the new pair. It returns the
// new URL.
func (c *cluster) failOver() string {
	_ = c.primary.Signal(syscall.SIGKILL)
	c.primary.Kill()
	time.Sleep(300 * time.Millisecond)
	if err := c.standby.Promote(); err != nil {
		c.t.Fatal(err)
	}
	if strings.Contains(c.primary.Log(), "deadlock detected") {
		c.t.Error("the server that was killed saw a deadlock")
	}
	c.primary = c.standby
	c.addStandby()
	url := c.url(c.primary, c.standby)
	for i := range c.nodes { // until then the survivor of the old pair serves them
		if code := c.node(i).end(c.t, syscall.SIGTERM); code != 0 {
			c.t.Errorf("node %d ended with %d, said %s", i, code, c.node(i).talk())
		}
		c.startNode(i, url)
	}
	return url
}
