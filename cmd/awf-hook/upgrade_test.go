package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// Nodes are upgraded one by one, and downgraded again, while events come: all of them arrive once, in the order of their
// keys. OLD is the binary of the previous version.
func TestUpgrade(t *testing.T) {
	old := os.Getenv("OLD")
	if old == "" {
		t.Skip("make upgrade runs it")
	}
	_, database := pgtest.New(t)
	before := t.TempDir()
	if err := os.Symlink(old, filepath.Join(before, "awf-hook")); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	receiver := &keyed{t: t, ids: map[string]int{}, last: map[string]int{}}
	c := &cluster{t: t, nodes: make([]*served, 2), ports: []string{freePort(), freePort()}}
	c.config = writeConfig(t, "queue: {namespace: test}\nwebhooks: [{name: hook, url: %q, order_by: payload.key, max_in_flight: 16}]",
		serve(t, receiver))
	var over atomic.Bool
	var sent, again atomic.Int64
	change := func(i int, isOld bool) {
		t.Setenv("PATH", path)
		if isOld {
			t.Setenv("PATH", before+string(os.PathListSeparator)+path)
		}
		if node := c.node(i); node != nil {
			if code := node.end(t, syscall.SIGTERM); code != 0 {
				t.Errorf("node %d ended with %d, said %s", i, code, node.talk())
			}
		}
		c.startNode(i, database)
		time.Sleep(2 * time.Second)
	}
	change(0, true)
	change(1, true)
	var feeding sync.WaitGroup
	for client := range 2 {
		feeding.Go(func() {
			http := &http.Client{Timeout: 20 * time.Second}
			for n := 0; !over.Load(); n++ {
				line := fmt.Sprintf(`{"id":"c%[1]d-%[2]d","event":"workflow_end","workflow_id":"r%[1]d-%[2]d","workflow_name":"n",`+
					`"timestamp":"2026-11-24T01:24:00Z","payload":{"key":"k%[1]d","n":%[2]d}}`+"\n", client, n)
				for try := client; send(http, "http://127.0.0.1:"+c.ports[try%len(c.ports)], line) != 202; try++ {
					again.Add(1)
					time.Sleep(20 * time.Millisecond)
				}
				sent.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	for _, step := range []struct {
		node  int
		isOld bool
	}{{0, false}, {1, false}, {1, true}, {0, true}, {0, false}, {1, false}} {
		change(step.node, step.isOld)
	}
	over.Store(true)
	feeding.Wait()
	until(t, "delivered", func() bool { return int64(receiver.count()) == sent.Load() })
	for i := range c.nodes {
		c.node(i).end(t, syscall.SIGTERM)
	}
	runHook(t, exitOK, nil, "queue", "check", "--queue", database, "-c", c.config)
	for id, n := range receiver.ids {
		if n > 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	t.Logf("%d events through six changes of version, %d requests were sent again", sent.Load(), again.Load())
}
