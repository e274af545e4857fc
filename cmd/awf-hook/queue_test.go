package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A queue moves into a database and back with all ids, states and attempts, although the move is killed repeatedly.
func TestQueueMoves(t *testing.T) {
	if os.Getenv("CLUSTER") == "" {
		t.Skip("make cluster runs it")
	}
	url := databases.New(t)
	const events = 2000
	receiver := newCounted()
	up := serve(t, receiver)
	config := writeConfig(t, `queue: {namespace: test}
webhooks:
  - {name: up, url: %q}
  - {name: down, url: %q, retry: {delay: 1h}, max_in_flight: 64, order_by: payload.key, filter: "workflow_id endsWith '1'"}`,
		up, "http://127.0.0.1:"+freePort())
	file := filepath.Join(t.TempDir(), "queue.db")
	runHook(t, exitOK, strings.NewReader(envelopes("r", events)), "run", "-c", config, "--queue", file, "--drain-timeout", "20s")
	stand := func(queue string) map[string]string {
		t.Helper()
		out, _ := runHook(t, exitOK, nil, "deliveries", "list", "-c", config, "--queue", queue, "--json", "--limit", "100000")
		of := map[string]string{}
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			id, rest := field(line, "id"), field(line, "state")+" "+field(line, "attempts")
			of[id] = rest
		}
		return of
	}
	before := stand(file)
	for _, way := range [][2]string{{file, url}, {url, file + "2"}} {
		kills := 0
		for ; ; kills++ {
			cmd := exec.Command("awf-hook", "queue", "move", "-c", config, "--from", way[0], "--to", way[1])
			start(t, cmd)
			killed := time.AfterFunc(time.Duration(100+200*kills)*time.Millisecond, func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			if killed.Stop(); err == nil {
				break
			}
			if kills > 50 {
				t.Fatal("the move does not end")
			}
		}
		t.Logf("%d deliveries moved in spite of %d kills", len(before), kills)
		after := stand(way[1])
		if len(after) != len(before) {
			t.Errorf("%d deliveries after the move, want %d", len(after), len(before))
		}
		for id, was := range before {
			if after[id] != was {
				t.Errorf("%s: %q, want %q", id, after[id], was)
				break
			}
		}
		for _, queue := range way {
			runHook(t, exitOK, nil, "queue", "check", "-c", config, "--queue", queue)
		}
		if out, _ := runHook(t, exitOK, nil, "deliveries", "list", "-c", config, "--queue", way[0], "--json"); strings.Contains(out, "msg_") {
			t.Errorf("left behind: %s", out)
		}
	}
	if out, _ := runHook(t, exitOK, nil, "webhooks", "-c", config, "--queue", file+"2"); !strings.Contains(out, "down") {
		t.Errorf("the webhooks after coming back: %s", out)
	}
}

// field returns the value of a key of a JSON line.
func field(line, key string) string {
	_, value, _ := strings.Cut(line, fmt.Sprintf("%q:", key))
	value, _, _ = strings.Cut(value, ",")
	return strings.Trim(value, `"}`)
}

// A queue does not move into itself under another name, not even a hard link.
func TestQueueDoesNotMoveIntoItself(t *testing.T) {
	config := writeConfig(t, `webhooks: [{name: up, url: %q}]`, serve(t, newCounted()))
	file := filepath.Join(t.TempDir(), "queue.db")
	runHook(t, exitOK, strings.NewReader(envelopes("r", 1)), "run", "-c", config, "--queue", file)
	link, symlink := file+".link", file+".symlink"
	if err := errors.Join(os.Link(file, link), os.Symlink(file, symlink)); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{file, link, symlink} {
		_, got := runHook(t, exitFailure, nil, "queue", "move", "-c", config, "--from", file, "--to", to)
		if want := "--from and --to are the same queue"; !strings.Contains(got, want) {
			t.Errorf("to %s: %s, want %q", filepath.Base(to), got, want)
		}
	}
	must(t, os.Remove(link))
	runHook(t, exitOK, nil, "queue", "check", "-c", config, "--queue", file)
}
