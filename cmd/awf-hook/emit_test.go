package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// emit makes these bodies: the payload byte for byte, followed by the strings of --set.
func TestEmitBodies(t *testing.T) {
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, "")
	h.run(h.command(h.hook, "emit", "-c", config, "--event", "a", "--workflow", "w", "--workflow-id", "1", "--payload",
		` {"n":12345678901234567890, "f":1.10} `, "--set", `note=a "b" <c>é`), 0)
	h.run(h.command(h.hook, "emit", "-c", config, "--event", "b", "--set", "x=1", "--set", "y="), 0)
	read := h.command(h.hook, "emit", "-c", config)
	read.Stdin = strings.NewReader(
		`{"event":"c","workflow_id":"1","workflow_name":"w","timestamp":"2026-11-24T01:24:00Z","payload":{"z":1, "a":2}}`)
	h.run(read, 0)
	bodies, _ := arrived(t, end())
	for i, want := range []string{
		`"payload":{"n":12345678901234567890, "f":1.10,"note":"a \"b\" \u003cc\u003eé"}}`,
		`"payload":{"x":"1","y":""}}`,
		`{"event":"c","workflow_id":"1","workflow_name":"w","timestamp":"2026-11-24T01:24:00Z","payload":{"z":1, "a":2}}`,
	} {
		if len(bodies) != 3 || !strings.HasSuffix(bodies[i], want) {
			t.Fatalf("bodies %q, want %s", bodies, want)
		}
	}
}

// However short the drain timeout is, the event is stored.
func TestEmitStoresItsEvent(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	config := writeConfig(t, everything, "http://127.0.0.1:1/")
	for range 10 {
		h.run(h.command(h.hook, "emit", "-c", config, "--event", "a", "--drain-timeout", "0s"), 0)
	}
	if list := h.run(h.command(h.hook, "deliveries", "list", "--event", "a", "--json"), 0); strings.Count(list, `"state":"due"`) != 10 {
		t.Errorf("the queue holds\n%s", list)
	}
}

// The hooks in docs/awf.md run as in AWF, with templates filled in, and with an error that would be harmful in a shell,
// quoted as AWF's "escape" does.
func TestDocumentedHooks(t *testing.T) {
	text, err := os.ReadFile(root + "docs/awf.md")
	if err != nil {
		t.Fatal(err)
	}
	url, end := startListen(t, "--json")
	h := newHome(t, "")
	commands := hookCommands(string(text))
	if len(commands) != 2 {
		t.Fatalf("docs/awf.md has hooks %q, want two", commands)
	}
	fill := strings.NewReplacer(
		"{{escape .workflow.Name}}", "'deploy'", "{{escape .workflow.ID}}", "'run-1'",
		"{{escape .error.Message}}", `'it'\''s $(touch harm) "broken"'`,
	)
	if err := os.MkdirAll(h.dir+"/config/awf", 0o700); err != nil {
		t.Fatal(err)
	}
	settings := strings.Replace(everything, "%q", `"`+url+`"`, 1)
	if err := os.WriteFile(h.dir+"/config/awf/settings.yaml", []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		command = fill.Replace(command)
		if strings.Contains(command, "{{") {
			t.Errorf("an unknown template in %s", command)
		}
		h.run(h.command("sh", "-c", command), 0)
	}
	bodies, _ := arrived(t, end())
	if len(bodies) != 2 || !strings.Contains(bodies[0], `"event":"workflow_error","workflow_id":"run-1","workflow_name":"deploy"`) ||
		!strings.Contains(bodies[0], `"error":"it's $(touch harm) \"broken\""`) || !strings.Contains(bodies[1], `"event":"deploy_done"`) {
		t.Errorf("bodies %q", bodies)
	}
	if _, err := os.Stat(h.dir + "/harm"); err == nil {
		t.Error("the error's text was run")
	}
}

// hookCommands returns the commands of a document's hooks, each folded into a line.
func hookCommands(text string) []string {
	var commands []string
	for _, part := range strings.Split(text, "- command: >-\n")[1:] {
		var words []string
		for line := range strings.Lines(part) {
			if !strings.HasPrefix(line, "          ") {
				break
			}
			words = append(words, strings.TrimSpace(line))
		}
		commands = append(commands, strings.Join(words, " "))
	}
	return commands
}

// BenchmarkEmit prints how long emit takes for one event that arrives, as a ratio to the bare client, measured in turns.
func BenchmarkEmit(b *testing.B) {
	hook, bare := buildPrograms(b)
	dir := b.TempDir()
	env := append(os.Environ(), "XDG_STATE_HOME="+dir)
	body := []byte(`{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z",` +
		`"payload":{"status":"success"}}` + "\n")
	run := func(name string, args ...string) time.Duration {
		cmd := exec.Command(name, args...)
		cmd.Env, cmd.Stdin = env, bytes.NewReader(body)
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return time.Since(began)
	}
	var hookTimes, bareTimes []time.Duration
	for range b.N {
		_, url := startCounter(b)
		config := writeConfig(b, "webhooks: [{url: %q, filter: 'payload.status == \"success\"', secret: %q}]", url, secret)
		run(hook, "emit", "-c", config) // creates the queue
		if _, err := os.Stat(filepath.Join(dir, "awf-hook", "queue.db")); err != nil {
			b.Fatal(err)
		}
		for range 31 {
			hookTimes = append(hookTimes, run(hook, "emit", "-c", config))
			bareTimes = append(bareTimes, run(bare, url, "1"))
		}
	}
	slices.Sort(hookTimes)
	slices.Sort(bareTimes)
	hookTime, bareTime := hookTimes[len(hookTimes)/2], bareTimes[len(bareTimes)/2]
	b.ReportMetric(float64(hookTime)/float64(bareTime), "x-bare-emit")
	b.ReportMetric(float64(hookTime)/1e6, "ms-median")
	b.ReportMetric(0, "ns/op")
}
