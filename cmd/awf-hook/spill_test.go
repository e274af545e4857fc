package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// small mounts a file system of a size, "4k", and returns its path.
func small(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=0700,"+options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a tmpfs cannot be mounted: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	return dir
}

// unusable lists queues whose file cannot be used at the end of a run, and state folders that cannot be used.
var unusable = []struct {
	name string
	make func(t *testing.T) (queue, state string) // either may be ""
}{
	{"a state folder that cannot be made", func(t *testing.T) (string, string) {
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, "")
		return "", file
	}},
	{"a queue that is not a database", func(t *testing.T) (string, string) {
		file := filepath.Join(t.TempDir(), "queue.db")
		write(t, file, strings.Repeat("no database, ", 100))
		return file, ""
	}},
	{"a queue that is a folder", func(t *testing.T) (string, string) { return t.TempDir(), "" }},
	{"a folder that others can write to", func(t *testing.T) (string, string) {
		dir := filepath.Join(t.TempDir(), "open")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "queue.db"), ""
	}},
	{"a disk that is full from the start", func(t *testing.T) (string, string) { return "", small(t, "size=4k") }},
	{"a disk that fills up", func(t *testing.T) (string, string) { return "", small(t, "size=200k") }},
	{"a folder that cannot be written to", func(t *testing.T) (string, string) { return "", small(t, "size=1m,ro") }},
	{"max_size", nil},
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// At their end run and emit write the deliveries that are in memory alone to a file, which the report names and run reads back with the
// same ids. They are lost only if no file can be written; then the exit code is 1. Text, JSON and exit code agree.
func TestWhatMemoryHoldsIsNotLost(t *testing.T) {
	t.Parallel()
	const events = 120
	for _, tt := range unusable {
		for _, spill := range []string{"temp", "--spill", "nowhere"} {
			t.Run(tt.name+", "+spill, func(t *testing.T) {
				port := freePort()
				config := writeConfig(t, `webhooks:
  - {name: one, url: 'http://127.0.0.1:%s/', retry: {delay: 100ms}}
  - {name: two, url: 'http://127.0.0.1:%[1]s/', retry: {max_attempts: 1}}`, port)
				temp, queue, state := t.TempDir(), "", ""
				if tt.make == nil {
					write(t, config, "queue: {max_size: 1MiB}\n"+string(readFileOf(t, config)))
				} else {
					queue, state = tt.make(t)
				}
				env := []string{"TMPDIR=" + temp, "XDG_STATE_HOME=" + state}
				if state == "" {
					env[1] = "XDG_STATE_HOME=" + t.TempDir()
				}
				args := []string{"run", "-c", config, "--log-level", "error", "--drain-timeout", "100ms", "--json"}
				if queue != "" {
					args = append(args, "--queue", queue)
				}
				want := exitOK
				switch spill {
				case "--spill":
					args = append(args, "--spill", filepath.Join(temp, "spill.ndjson"))
				case "nowhere":
					env[0] = "TMPDIR=/proc/none"
					if state != "" { // a writable state folder takes it
						want = exitFailure
					}
				}
				padding := strings.Repeat("x", 9000)
				code, said := hookIn(env, strings.ReplaceAll(envelopes("e", events), `"payload":{}`, `"payload":{"text":"`+padding+`"}`), args...)
				report := lastReport(t, said)
				if code != want {
					t.Fatalf("exit code %d, want %d: %s", code, want, said)
				}
				if want == exitFailure {
					if report.Lost+report.DeadLost == 0 {
						t.Errorf("nothing is said to be lost: %s", said)
					}
					return
				}
				if report.Spilled+report.DeadSpilled == 0 || len(report.Spill) == 0 || report.Lost+report.DeadLost > 0 {
					t.Fatalf("want all that the queue does not hold in a file, got %+v", report)
				}
				readBack(t, env, config, port, report)
			})
		}
	}
}

// A limit on the size of files, such as a service's or a quota, loses nothing: the rest goes into further files.
func TestSpillIntoManyFiles(t *testing.T) {
	t.Parallel()
	const events = 60
	port := freePort()
	config := writeConfig(t, "webhooks: [{name: one, url: 'http://127.0.0.1:%s/', retry: {delay: 100ms}}]", port)
	env := []string{"TMPDIR=" + t.TempDir(), "XDG_STATE_HOME=" + t.TempDir()}
	lines := strings.ReplaceAll(envelopes("e", events), `"payload":{}`, `"payload":{"text":"`+strings.Repeat("x", 3000)+`"}`)
	for _, json := range []bool{false, true} {
		script := "ulimit -f 16; exec awf-hook run -c " + config + " --log-level error --drain-timeout 100ms"
		if json {
			script += " --json"
		}
		hook := exec.Command("sh", "-c", script)
		hook.Env = append(slices.Concat(os.Environ(), env), checkSaid+"=1")
		hook.Stdin = strings.NewReader(lines)
		said, err := hook.CombinedOutput()
		if code := exitCode(t, err); code != exitOK {
			t.Fatalf("exit code %d: %s", code, said)
		}
		if !json {
			if !strings.Contains(string(said), " files more: ") || strings.Count(string(said), "awf-hook run < ") != maxWhy {
				t.Errorf("it said %s, want the first %d files named", said, maxWhy)
			}
			continue
		}
		report := lastReport(t, string(said))
		if report.Spilled != events || report.Lost > 0 || len(report.Spill) <= maxWhy {
			t.Fatalf("%+v, want %d in many files", report, events)
		}
		readBack(t, env, config, port, report)
	}
}

// readBack delivers the spilled events and those in the queue, and checks that each event arrives once at each webhook.
func readBack(t *testing.T, env []string, config, port string, report engine.Report) {
	t.Helper()
	receiver, url := startCounter(t)
	_, webhooks, _ := strings.Cut("\n"+string(readFileOf(t, config)), "\nwebhooks:")
	write(t, config, strings.ReplaceAll("webhooks:"+webhooks, "127.0.0.1:"+port, strings.TrimPrefix(strings.TrimSuffix(url, "/"), "http://")))
	var lines strings.Builder
	for _, file := range report.Spill {
		lines.WriteString(string(readFileOf(t, file)))
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", file, info.Mode(), err)
		}
	}
	good := filepath.Join(t.TempDir(), "good.db")
	drain := []string{"--drain-timeout", (30 * slowdown * time.Second).String(), "--log-level", "error", "--json"}
	code, said := hookIn(env, lines.String(), append([]string{"run", "-c", config, "--queue", good}, drain...)...)
	back := lastReport(t, said)
	if code != exitOK || back.Delivered != report.Spilled+report.DeadSpilled {
		t.Errorf("exit code %d, %d delivered, want %d: %s", code, back.Delivered, report.Spilled+report.DeadSpilled, said)
	}
	_, said = hookIn(env, lines.String(), append([]string{"run", "-c", config, "--queue", good}, drain...)...)
	if again := lastReport(t, said); again.Known != back.Delivered || again.Delivered != 0 {
		t.Errorf("a second time %+v, want all known", again)
	}
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	if int64(len(receiver.deliveries)) != back.Delivered {
		t.Errorf("%d ids arrived of %d deliveries", len(receiver.deliveries), back.Delivered)
	}
	for id, n := range receiver.deliveries {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
}

// hookIn runs awf-hook with variables, which override the test's own. It returns the exit code and stderr.
func hookIn(env []string, in string, args ...string) (code int, said string) {
	hook := exec.Command("awf-hook", args...)
	hook.Env = append(slices.Concat(os.Environ(), env), checkSaid+"=1")
	hook.Stdin = strings.NewReader(in)
	var talk strings.Builder
	hook.Stderr = &talk
	_ = hook.Run() // the exit code says it
	return hook.ProcessState.ExitCode(), talk.String()
}

// The text names the file and the command that reads it back. A queue in memory is lost at the end unless --spill is set.
func TestSpillIsSaid(t *testing.T) {
	config := writeConfig(t, "webhooks: [{name: one, url: 'http://127.0.0.1:1/', retry: {delay: 1h}}]")
	file := filepath.Join(t.TempDir(), "my spill.ndjson")
	args := []string{"emit", "-c", config, "--event", "workflow_end", "--id", "e", "--queue", "memory:", "--drain-timeout", "1s"}
	code, said := hookIn(nil, "", args...)
	if want := "awf-hook: 1 not delivered and lost: the queue was in memory\n"; code != exitFailure || !strings.Contains(said, want) {
		t.Errorf("exit code %d, said %s, want %s", code, said, want)
	}
	for n := range 2 { // the second is appended to the first
		code, said = hookIn(nil, "", append(args, "--spill", file)...)
		want := fmt.Sprintf("awf-hook: 1 kept written to %s: the queue was in memory\n"+
			"awf-hook: to deliver them, with the same configuration: awf-hook run < '%[1]s'\n", file)
		if code != exitOK || !strings.Contains(said, want) {
			t.Errorf("exit code %d, said %s, want %s", code, said, want)
		}
		line := regexp.MustCompile(`"id":"e@emit","only_webhooks":\[".*#one"\],"seal":"[0-9a-f]{64}"`)
		if got := line.FindAllString(string(readFileOf(t, file)), -1); len(got) != n+1 {
			t.Errorf("the file has %q, want %d lines", got, n+1)
		}
	}
	// The file is for a webhook that no longer exists: awf-hook says so and does not count it as delivered.
	write(t, config, "webhooks: [{name: other, url: 'http://127.0.0.1:1/'}]")
	code, said = hookIn(nil, string(readFileOf(t, file)), "run", "-c", config, "--queue", filepath.Join(t.TempDir(), "queue.db"))
	if code != exitFailure || !strings.Contains(said, "an event names a webhook that the configuration does not have") ||
		!strings.Contains(said, "2 refused") {
		t.Errorf("exit code %d, said %s", code, said)
	}
	out, _ := runHook(t, exitOK, strings.NewReader(string(readFileOf(t, file))), "preview", "-c", config)
	if want := "other: filtered out: the event is for "; !strings.Contains(out, want) {
		t.Errorf("preview says %s, want %s", out, want)
	}
	// A place that cannot be written is named with the reason, and the next one is used.
	temp := t.TempDir()
	code, said = hookIn([]string{"TMPDIR=" + temp}, "", append(args, "-c", config, "--spill", temp)...)
	if want := "in memory; cannot write to " + temp + ": is a directory\n"; code != exitOK || !strings.Contains(said, want) ||
		!strings.Contains(said, "1 kept written to "+temp+"/awf-hook-") {
		t.Errorf("exit code %d, said %s, want %s", code, said, want)
	}
}

// An event that was written to a file for lack of a queue keeps its id, as does AWF's own line. In a file that others
// wrote it does not.
func TestSpilledLineKeepsItsID(t *testing.T) {
	t.Parallel()
	receiver, url := startCounter(t)
	config := writeConfig(t, "webhooks: [{name: one, url: 'http://127.0.0.1:1/', retry: {delay: 1h}}]")
	const line = `{"event":"workflow.started","execution_id":"run","timestamp":"2026-11-24T03:14:59.220Z",` +
		`"user":"root","workflow_name":"w","schema_version":1}`
	file := filepath.Join(t.TempDir(), "spill.ndjson")
	state := []string{"XDG_STATE_HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	code, said := hookIn(state, line+"\n", "run", "-c", config, "--queue", "memory:", "--drain-timeout", "1s", "--spill", file)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, said)
	}
	write(t, config, fmt.Sprintf("webhooks: [{name: one, url: %q}]", url))
	spilled := string(readFileOf(t, file))
	count := func(id string) int {
		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		return receiver.deliveries[id]
	}
	id := delivery.ID(fmt.Sprintf("%x", sha256.Sum256([]byte(line))), config+"#one")
	for _, tt := range []struct {
		name, in string
		env      []string
		keeps    bool
	}{
		{"as it was written", spilled, state, true},
		{"with another payload", strings.Replace(spilled, `"user":"root"`, `"user":"toor"`, 1), state, false},
		{"with another id", strings.Replace(spilled, `"id":"`, `"id":"0`, 1), state, false},
		{"without its seal", regexp.MustCompile(`,"seal":"[0-9a-f]*"`).ReplaceAllString(spilled, ""), state, false},
		{"by another user", spilled, []string{"XDG_STATE_HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}, false},
	} {
		before := count(id)
		code, said = hookIn(tt.env, tt.in, "run", "-c", config, "--queue", filepath.Join(t.TempDir(), "queue.db"))
		if code != exitOK || (count(id) > before) != tt.keeps || !strings.Contains(said, "1 delivered") {
			t.Errorf("%s: exit code %d, sent under the line's own id: %v, want %v: %s", tt.name, code, count(id) > before, tt.keeps, said)
		}
	}
}
