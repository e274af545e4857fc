package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// away returns a database whose server does not run.
func away(t *testing.T) (server *pgtest.Server, url string) {
	t.Helper()
	server, url = pgtest.New(t, "fsync=off")
	server.Kill()
	return server, url
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func spilled(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("XDG_STATE_HOME"), "awf-hook", "spill", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// While the database is away, serve keeps the events that it answers with 202 in a spill file, which survives a SIGKILL.
// Each event arrives once: from the spill file with queue.spill: deliver, else when the database is back.
func TestServeWithoutItsDatabase(t *testing.T) {
	for _, spill := range []string{"keep", "deliver"} {
		t.Run(spill, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", t.TempDir())
			server, url := away(t)
			receiver := newCounted()
			config := writeConfig(t, "queue: {namespace: test, spill: %s}\nwebhooks: [{name: hook, url: %q}]", spill, serve(t, receiver))
			args := []string{"-c", config, "--listen", "127.0.0.1:" + freePort(), "--queue", url}
			first := startServe(t, args...)
			for i := range 5 {
				if code := send(http.DefaultClient, first.url, envelopes(fmt.Sprint("r", i), 1)); code != http.StatusAccepted {
					t.Fatalf("answered %d without the database", code)
				}
			}
			resp, err := http.Get(first.url + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				t.Errorf("readyz answered %d %s, want it ready as long as the spill has room", resp.StatusCode, text)
			}
			if spill == "deliver" {
				until(t, "delivered from the spill file", func() bool { return receiver.count() == 5 })
				time.Sleep(300 * time.Millisecond) // the outcomes are in the file soon after
			}
			first.end(t, syscall.SIGKILL)
			if spill == "keep" && receiver.count() > 0 {
				t.Errorf("%d were delivered before the database had them", receiver.count())
			}
			if !strings.Contains(first.talk(), "connection refused") {
				t.Errorf("it does not say why: %s", first.talk())
			}
			if err := server.Run(); err != nil {
				t.Fatal(err)
			}
			second := startServe(t, args...)
			until(t, "delivered", func() bool { return receiver.count() == 5 })
			until(t, "in the database", func() bool {
				out, _ := runHook(t, exitOK, nil, "deliveries", "list", "-c", config, "--queue", url, "--state", "delivered", "--json")
				return strings.Count(out, `"msg_`) == 5
			})
			if code := second.end(t, syscall.SIGTERM); code != 0 {
				t.Errorf("ended with %d: %s", code, second.talk())
			}
			for id, n := range receiver.ids {
				if n > 1 {
					t.Errorf("%s arrived %d times", id, n)
				}
			}
			if files := spilled(t); len(files) > 0 {
				t.Errorf("%q are left: %s", files, second.talk())
			}
		})
	}
}

// run delivers without its database. The next run moves undelivered events into the database, once.
func TestRunWithoutItsDatabase(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	server, url := away(t)
	receiver := newCounted()
	up := serve(t, receiver)
	down := "http://127.0.0.1:" + freePort()
	config := writeConfig(t, "queue: {namespace: test}\nwebhooks: [{name: up, url: %q}, {name: down, url: %q, retry: {delay: 1h}}]", up, down)
	_, talk := runHook(t, exitOK, strings.NewReader(envelopes("r", 3)), "run", "-c", config, "--queue", url, "--drain-timeout", "2s")
	if receiver.count() != 3 || !strings.Contains(talk, "3 to retry") || len(spilled(t)) != 1 || !strings.Contains(talk, spilled(t)[0]) {
		t.Fatalf("%d arrived, spill files %q, said %s", receiver.count(), spilled(t), talk)
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	_, talk = runHook(t, exitOK, strings.NewReader(envelopes("r", 3)), "run", "-c", config, "--queue", url, "--drain-timeout", "2s")
	if !strings.Contains(talk, "6 known") || receiver.count() != 3 || len(spilled(t)) != 0 {
		t.Errorf("%d arrived, spill files %q, said %s", receiver.count(), spilled(t), talk)
	}
	out, _ := runHook(t, exitOK, nil, "deliveries", "list", "-c", config, "--queue", url, "--json")
	if strings.Count(out, `"msg_`) != 6 || strings.Count(out, `"attempts":1`) != 6 {
		t.Errorf("the database has %s, want all six with their attempt", out)
	}
}

// A spill file that nobody took up moves into the database by hand, with its attempts, once, and doctor names it until then.
func TestSpillFileMoves(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	server, url := away(t)
	config := writeConfig(t, "queue: {namespace: test, url: %q}\nwebhooks: [{name: down, url: %q, retry: {delay: 1h}}]",
		url, "http://127.0.0.1:"+freePort())
	runHook(t, exitOK, strings.NewReader(envelopes("r", 3)), "run", "-c", config, "--drain-timeout", "2s")
	files := spilled(t)
	if len(files) != 1 {
		t.Fatalf("spill files %q, want one", files)
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	doctor := func() string {
		out, _ := exec.Command("awf-hook", "doctor", "-c", config).CombinedOutput() // what else it finds decides its exit code
		return string(out)
	}
	if said := doctor(); !strings.Contains(said, "queue move --from "+files[0]) {
		t.Errorf("doctor does not name the spill file: %s", said)
	}
	runHook(t, exitOK, nil, "queue", "check", "-c", config, "--queue", files[0])
	for range 2 {
		runHook(t, exitOK, nil, "queue", "move", "-c", config, "--from", files[0], "--to", url)
		out, _ := runHook(t, exitOK, nil, "deliveries", "list", "-c", config, "--json")
		if strings.Count(out, `"identity":"test#down"`) != 3 || strings.Count(out, `"attempts":1`) != 3 {
			t.Errorf("the database has %s, want all three with their attempt", out)
		}
	}
	if said := doctor(); strings.Contains(said, files[0]) {
		t.Errorf("doctor names a spill file that is empty: %s", said)
	} else if !strings.Contains(said, "down: waiting: 3") || strings.Contains(said, "not in this configuration") {
		t.Errorf("doctor does not know a webhook of the database: %s", said)
	}
	runHook(t, exitOK, nil, "queue", "check", "-c", config)
}
