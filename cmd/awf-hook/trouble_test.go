package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// troubled is a proxy between nodes and their server. It drops connections, delays them and closes one of their
// directions.
type troubled struct {
	net.Listener
	target string

	mu    sync.Mutex
	conns map[net.Conn]struct{} // to the nodes
	delay atomic.Int64          // of each chunk, in ns
}

func trouble(t *testing.T, target string) *troubled {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &troubled{Listener: l, target: target, conns: map[net.Conn]struct{}{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.join(conn)
		}
	}()
	return p
}

func (p *troubled) join(node net.Conn) {
	defer node.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[node] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			time.Sleep(time.Duration(p.delay.Load()))
			if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
				break
			}
		}
		_ = to.(*net.TCPConn).CloseWrite()
	}
	both.Go(func() { pass(server, node) })
	both.Go(func() { pass(node, server) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, node)
	p.mu.Unlock()
}

// cut ends some connections, completely or in one direction.
func (p *troubled) cut(half bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		switch {
		case rand.IntN(2) == 0:
		case half:
			_ = conn.(*net.TCPConn).CloseRead()
		default:
			_ = conn.Close()
		}
	}
}

// Through minutes of paused and killed nodes, cut, half-closed and slow connections and restarts of the server the sum of fates is exact:
// each event that was answered 202 is delivered, once but for those in flight at a kill, in the order of its key, and the queue agrees
// with itself.
func TestTrouble(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("TROUBLE"))
	if err != nil {
		t.Skip("make trouble runs it")
	}
	server, database := pgtest.New(t)
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	proxy := trouble(t, u.Host)
	u.Host = proxy.Addr().String()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	ordered, plainOnes := &keyed{t: t, ids: map[string]int{}, last: map[string]int{}}, newCounted()
	c := &cluster{t: t, nodes: make([]*served, 3), ports: []string{freePort(), freePort(), freePort()}}
	c.config = writeConfig(t, `queue: {namespace: test}
webhooks:
  - name: ordered
    url: %q
    events: [workflow_error]
    max_in_flight: 16
    order_by: payload.key
    retry: {delay: 50ms, max_attempts: 50}
    timeout: 5s
  - name: plain
    url: %q
    events: [workflow_end]
    max_in_flight: 16
    max_in_flight_total: 32
    retry: {delay: 50ms, max_attempts: 50}
    timeout: 5s`,
		serve(t, ordered), serve(t, plainOnes))
	for i := range c.nodes {
		c.startNode(i, u.String())
	}
	var over atomic.Bool
	var sentOrdered, sentPlain, again atomic.Int64
	var feeding sync.WaitGroup
	for client := range 4 {
		feeding.Go(func() {
			http := &http.Client{Timeout: 20 * time.Second}
			for n := 0; !over.Load(); n++ {
				kind, sent := "workflow_error", &sentOrdered
				if client%2 == 0 {
					kind, sent = "workflow_end", &sentPlain
				}
				line := fmt.Sprintf(`{"id":"c%[1]d-%[2]d","event":%[3]q,"workflow_id":"r%[1]d-%[2]d","workflow_name":"n",`+
					`"timestamp":"2026-11-24T01:24:00Z","payload":{"key":"k%[1]d-%[4]d","n":%[5]d}}`+"\n", client, n, kind, n%8, n/8)
				for try := client; send(http, "http://127.0.0.1:"+c.ports[try%len(c.ports)], line) != 202; try++ {
					again.Add(1)
					time.Sleep(20 * time.Millisecond)
				}
				sent.Add(1)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	done := c.afflict(length, server, proxy, u.String())
	over.Store(true)
	feeding.Wait()
	total := func() int64 { return int64(ordered.count() + plainOnes.count()) }
	want := sentOrdered.Load() + sentPlain.Load()
	for came, since := total(), time.Now(); came < want && time.Since(since) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if n := total(); n > came {
			came, since = n, time.Now()
		}
	}
	for i := range c.nodes {
		c.node(i).end(t, syscall.SIGTERM)
	}
	t.Logf("%v of trouble: %v; %d ordered and %d other events, %d requests were sent again", length, done, sentOrdered.Load(),
		sentPlain.Load(), again.Load())
	if int64(ordered.count()) != sentOrdered.Load() || int64(plainOnes.count()) != sentPlain.Load() {
		t.Errorf("%d of %d and %d of %d arrived", ordered.count(), sentOrdered.Load(), plainOnes.count(), sentPlain.Load())
	}
	out, _ := runHook(t, exitOK, nil, "webhooks", "--queue", database, "-c", c.config, "--json")
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if field(line, "waiting") != "0" || field(line, "dead") != "0" {
			t.Errorf("the queue says %s", line)
		}
	}
	runHook(t, exitOK, nil, "queue", "check", "--queue", database, "-c", c.config)
	if files := spilled(t); len(files) > 0 {
		t.Errorf("%q are left", files)
	}
	if log := server.Log(); strings.Contains(log, "deadlock detected") {
		t.Error("the server saw a deadlock")
	}
}

// afflict causes trouble for a while and counts what it did.
func (c *cluster) afflict(length time.Duration, server *pgtest.Server, proxy *troubled, url string) map[string]int {
	done := map[string]int{}
	for begun := time.Now(); time.Since(begun) < length; time.Sleep(time.Duration(200+rand.IntN(1500)) * time.Millisecond) {
		i := rand.IntN(len(c.nodes))
		node := c.node(i)
		switch what := []string{"kill", "pause", "cut", "half-close", "delay", "restart"}[rand.IntN(6)]; what {
		case "kill":
			done[what]++
			node.end(c.t, syscall.SIGKILL)
			c.startNode(i, url)
		case "pause":
			done[what]++
			_ = node.cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
			_ = node.cmd.Process.Signal(syscall.SIGCONT)
		case "cut", "half-close":
			done[what]++
			proxy.cut(what == "half-close")
		case "delay":
			done[what]++
			proxy.delay.Store(int64(50 * time.Millisecond))
			time.Sleep(time.Second)
			proxy.delay.Store(0)
		case "restart":
			done[what]++
			server.Kill()
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
			if err := server.Run(); err != nil {
				c.t.Error(err)
			}
		}
	}
	return done
}
