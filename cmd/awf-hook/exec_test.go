package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// home holds a user's folders, with an awf that plays recordings.
type home struct {
	t    testing.TB
	dir  string
	awf  string // the path of the stand-in for awf
	hook string // awf-hook
	env  []string
	gate string // a file that must exist before the command begins; "" for none
}

// buildStandin returns the path of the program that writes what AWF writes. All tests share it.
func buildStandin(t testing.TB) string {
	t.Helper()
	awf, err := standin()
	if err != nil {
		t.Fatal(err)
	}
	return awf
}

var standin = sync.OnceValues(func() (string, error) {
	awf := filepath.Join(ownFolder, "awf")
	if out, err := exec.Command("go", "build", "-o", awf, root+"testdata/standin").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return awf, nil
})

func newHome(t testing.TB, awf string) *home {
	t.Helper()
	hook, err := exec.LookPath("awf-hook")
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, dir: t.TempDir(), awf: awf, hook: hook}
	h.env = append(os.Environ(), "XDG_DATA_HOME="+h.dir+"/data", "XDG_STATE_HOME="+h.dir+"/state", "XDG_CONFIG_HOME="+h.dir+"/config",
		"AWF_AUDIT_LOG=", "AWF_CONFIG_HOME=")
	return h
}

// command makes a command that runs in the home.
func (h *home) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = h.env, h.dir
	return cmd
}

// exec makes "awf-hook exec -c CONFIG -- awf run ARGS".
func (h *home) exec(config string, args ...string) *exec.Cmd {
	return h.command(h.hook, append([]string{"exec", "-c", config, "--", h.awf, "run"}, args...)...)
}

// run runs a command and returns its output.
func (h *home) run(cmd *exec.Cmd, exit int) string {
	h.t.Helper()
	out, err := cmd.CombinedOutput()
	if got := exitCode(h.t, err); got != exit {
		h.t.Fatalf("%q: exit code %d, want %d; it said %s", cmd.Args, got, exit, out)
	}
	return string(out)
}

func (h *home) read(path string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, path))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// arrived returns the bodies that a listen printed, and separately the ends of runs that we made. It omits the ends of
// steps that such an end interrupted.
func arrived(t testing.TB, lines string) (bodies, synthetic []string) {
	t.Helper()
	for _, r := range received(t, lines) {
		switch {
		case !strings.Contains(r.Body, `"synthetic":true`):
			bodies = append(bodies, r.Body)
		case strings.HasPrefix(r.Body, `{"event":"workflow_`):
			synthetic = append(synthetic, r.Body)
		}
	}
	return bodies, synthetic
}

func wanted(t testing.TB, recording string) []string {
	t.Helper()
	text, err := os.ReadFile(recordings + "/want/" + recording + ".bodies")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

const everything = "webhooks: [{url: %q, events: ['*'], max_in_flight: 1}]"

// For every recording, written to files as AWF writes it, the events of testdata/events/want arrive, each once, and AWF's
// audit file is byte for byte the same as without awf-hook.
func TestExecRecordings(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	files, err := filepath.Glob(recordings + "/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, recordings+"/nested-files") {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, end := startListen(t, "--json")
			config := writeConfig(t, everything, url)
			h := newHome(t, awf)
			h.run(h.exec(config, abs(t, file), "--speed", "2"), 0)
			got, synthetic := arrived(t, end())
			want := wanted(t, name)
			if name != "nested-files" { // its order is checked too
				slices.Sort(got)
				slices.Sort(want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("bodies (-want +got):\n%s", diff)
			}
			cut := name == "killed.jsonl" || name == "interrupted.jsonl" || name == "signal-long-running.jsonl"
			if cut != (len(synthetic) == 1) || len(synthetic) > 1 {
				t.Errorf("ends of our making: %q", synthetic)
			}
			bare := newHome(t, awf)
			bare.run(bare.command(awf, "run", abs(t, file)), 0)
			if got, want := h.read("data/awf/audit.jsonl"), bare.read("data/awf/audit.jsonl"); got != want {
				t.Errorf("the audit file is %q, without awf-hook %q", got, want)
			}
			if info, err := os.Stat(h.dir + "/data/awf/audit.jsonl"); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the audit file: %v, %v", info.Mode(), err)
			}
		})
	}
}

// A run is interrupted, where AWF exits with 0 and writes no end, and then resumed, where AWF repeats the line of the
// start.
func TestExecResumed(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, awf)
	recording := abs(t, recordings+"/resumed-files")
	first := h.exec(config, recording, "--part", "1", "--hang")
	start(t, first)
	waitFor(t, "the first part", func() bool { return transcripts(h) == 1 })
	time.Sleep(100 * time.Millisecond)
	if err := first.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := exitCode(t, first.Wait()); got != 0 {
		t.Fatalf("exit code %d, want 0", got)
	}
	h.run(h.exec(config, recording, "--part", "2"), 0)
	got, synthetic := arrived(t, end())
	resumed := slices.IndexFunc(got, func(body string) bool { return strings.Contains(body, `"payload":{"user":"root","resumed":true}}`) })
	if resumed < 0 || !strings.HasPrefix(got[resumed], `{"event":"workflow_start"`) {
		t.Fatalf("no workflow_start of the resumed run: %q", got)
	}
	got = slices.Delete(got, resumed, resumed+1)
	if diff := cmp.Diff(wanted(t, "resumed-files"), got); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	if len(synthetic) != 1 || !strings.Contains(synthetic[0], `"workflow_cancel"`) || !strings.Contains(synthetic[0], "SIGINT") {
		t.Errorf("ends of our making: %q, want one workflow_cancel", synthetic)
	}
	want, err := os.ReadFile(recording + "/audit.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if got := h.read("data/awf/audit.jsonl"); got != string(want) {
		t.Errorf("the audit file is %q", got)
	}
}

func transcripts(h *home) int {
	names, _ := filepath.Glob(h.dir + "/data/awf/transcripts/*.jsonl")
	return len(names)
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

// awf-hook exits with the command's code or signal, whatever happens to the webhooks.
func TestExecExit(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	down := writeConfig(t, "webhooks: [{url: 'http://127.0.0.1:%s', events: ['*'], retry: {max_attempts: 1}}]", freePort())
	bad := writeConfig(t, "webhooks: [{url: nowhere}]")
	recording := abs(t, recordings+"/nested-files")
	for _, config := range []string{down, bad} {
		h := newHome(t, awf)
		hook := func(args ...string) *exec.Cmd {
			return h.command(h.hook, append([]string{"exec", "-c", config, "--drain-timeout", "100ms", "--"}, args...)...)
		}
		for _, code := range []int{0, 1, 3, 130, 137} {
			h.run(hook(awf, "run", recording, "--exit", fmt.Sprint(code)), code)
		}
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGQUIT, syscall.SIGSEGV,
			syscall.SIGPIPE} {
			cmd := hook("sh", "-c", fmt.Sprintf("kill -%d $$", int(sig)))
			out, _ := cmd.CombinedOutput()
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != sig {
				t.Errorf("%v: ended by %v, exit code %d; it said %s", sig, status.Signal(), status.ExitStatus(), out)
			}
			if config == down && bytes.Contains(out, []byte("goroutine")) {
				t.Errorf("%v: it said %s", sig, out)
			}
		}
	}
	h := newHome(t, awf)
	h.run(h.command(h.hook, "exec", "-c", down, "--", "no-such-program"), exitNotFound)
	h.run(h.command(h.hook, "exec", "-c", down, "--", down), exitCannotRun)
}

// A killed run leaves its children and itself without ends. Each gets an end, children first.
func TestExecKilledChild(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, awf)
	cmd := h.exec(config, abs(t, recordings+"/nested-files"), "--lines", "6", "--die", "9")
	_ = cmd.Run()
	bodies, synthetic := arrived(t, end())
	if len(bodies) != 6 || len(synthetic) != 2 {
		t.Fatalf("%d events, ends of our making %q; want 6 and 2", len(bodies), synthetic)
	}
	for i, name := range []string{"kid", "mum"} {
		for _, want := range []string{`"workflow_name":"` + name + `"`, `"event":"workflow_error"`,
			`"exit_code":137,"error":"killed by signal 9","synthetic":true`} {
			if !strings.Contains(synthetic[i], want) {
				t.Errorf("end %d is %s, want %s", i, synthetic[i], want)
			}
		}
	}
}

// AWF records no exit code of a failed run: the top run gets the command's.
func TestExecExitCodeOfTheTopRun(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	url, end := startListen(t, "--json")
	config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_error], max_in_flight: 1}]", url)
	h := newHome(t, awf)
	h.run(h.exec(config, abs(t, recordings+"/nested-files"), "--exit", "3"), 3)
	bodies, _ := arrived(t, end())
	if len(bodies) != 2 || strings.Contains(bodies[0], "exit_code") ||
		!strings.Contains(bodies[1], `"duration":0.01,"exit_code":3,"error":"workflow reached`) {
		t.Errorf("arrived %q", bodies)
	}
}

// A run that goes on after its command is not reported as failed, however often its lines are read, and its own end arrives.
func TestExecLeavesARunBehind(t *testing.T) {
	t.Parallel()
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, "sh")
	line := func(event, run, more string) string {
		return fmt.Sprintf(`{"event":"workflow.%s","execution_id":%q,"workflow_name":"deploy","timestamp":"2026-11-24T01:24:00Z"%s}`,
			event, run, more)
	}
	script := `echo '` + line("started", "r1", "") + `' >>"$AWF_AUDIT_LOG"; echo "$AWF_AUDIT_LOG" >log`
	h.run(h.command(h.hook, "exec", "-c", config, "--", "sh", "-c", script), 0)
	for _, left := range []string{line("started", "r2", ""), line("completed", "r1", `,"status":"success"`)} {
		f, err := os.OpenFile(strings.TrimSpace(h.read("log")), os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = fmt.Fprintln(f, left)
		must(t, err)
		f.Close()
		h.run(h.command(h.hook, "exec", "-c", config, "--", "true"), 0)
	}
	var got []string
	for _, r := range received(t, end()) {
		typ, _, _ := strings.Cut(strings.TrimPrefix(r.Body, `{"event":"`), `"`)
		got = append(got, typ)
	}
	slices.Sort(got)
	if want := []string{"workflow_cancel", "workflow_end", "workflow_start", "workflow_start"}; !slices.Equal(got, want) {
		t.Errorf("%v arrived, want %v", got, want)
	}
}

// exec ends with a command that closes its descriptors, or that leaves a process behind which holds them.
func TestExecDescriptors(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, awf)
	h.run(h.exec(config, abs(t, recordings+"/nested-files"), "--close"), 0)
	began := time.Now()
	if err := h.exec(config, abs(t, recordings+"/nested-files"), "--part", "2", "--daemon", "5").Run(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v, as long as what it left behind", took)
	}
	bodies, _ := arrived(t, end())
	if len(bodies) != 12 {
		t.Errorf("%d events, want 12", len(bodies))
	}
}

// The audit lines go to the file that AWF would have used, whatever that is.
func TestExecAuditFile(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	config := writeConfig(t, "webhooks: []")
	recording := abs(t, recordings+"/valid-parallel.jsonl")
	for _, tt := range []struct{ variable, file string }{
		{"", "data/awf/audit.jsonl"},
		{"own/file.jsonl", "own/file.jsonl"},
		{"off", ""},
	} {
		h, bare := newHome(t, awf), newHome(t, awf)
		h.env = append(h.env, "AWF_AUDIT_LOG="+tt.variable)
		bare.env = append(bare.env, "AWF_AUDIT_LOG="+tt.variable)
		for range 2 { // it appends
			h.run(h.exec(config, recording), 0)
			bare.run(bare.command(awf, "run", recording), 0)
		}
		if tt.file == "" {
			if _, err := os.Stat(h.dir + "/data/awf/audit.jsonl"); err == nil {
				t.Error("off: there is an audit file")
			}
			continue
		}
		if got, want := h.read(tt.file), bare.read(tt.file); got != want || want == "" {
			t.Errorf("AWF_AUDIT_LOG=%s: %q, without awf-hook %q", tt.variable, got, want)
		}
	}
	h := newHome(t, awf)
	h.env = append(h.env, "AWF_AUDIT_LOG=/dev/stdout")
	out, err := h.exec(config, recording).Output()
	if err != nil || bytes.Count(out, []byte("execution_id")) != 2 {
		t.Errorf("AWF_AUDIT_LOG=/dev/stdout: %q, %v", out, err)
	}
}

// SIGKILL of awf-hook does not harm the command. The next awf-hook delivers the rest and copies AWF's lines. Deliveries
// under way at the kill may arrive twice, with the same id.
func TestExecKilledItself(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	t.Run("exec", func(t *testing.T) { adoptedBy(t, awf, "exec", "--", "true") })
	t.Run("run", func(t *testing.T) { adoptedBy(t, awf, "run") })
}

func adoptedBy(t *testing.T, awf, subcommand string, args ...string) {
	t.Parallel()
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, awf)
	recording := abs(t, recordings+"/loop-nested.jsonl")
	hook := h.exec(config, recording, "--speed", "0.05", "--took", h.dir+"/done")
	start(t, hook)
	waitFor(t, "a transcript", func() bool { return transcripts(h) > 0 })
	time.Sleep(50 * time.Millisecond)
	if err := hook.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = hook.Wait()
	waitFor(t, "the command's end", func() bool { _, err := os.Stat(h.dir + "/done"); return err == nil })
	time.Sleep(100 * time.Millisecond)
	next := append([]string{subcommand, "-c", config}, args...)
	h.run(h.command(h.hook, next...), 0)
	h.run(h.command(h.hook, next...), 0) // nothing arrives twice
	bodies := map[string]string{}        // by delivery
	for _, r := range received(t, end()) {
		bodies[r.Header["X-Awf-Delivery"]] = r.Body
	}
	got, want := slices.Sorted(maps.Values(bodies)), wanted(t, "loop-nested.jsonl")
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	bare := newHome(t, awf)
	bare.run(bare.command(awf, "run", recording), 0)
	if got, want := h.read("data/awf/audit.jsonl"), bare.read("data/awf/audit.jsonl"); got != want {
		t.Errorf("the audit file is %q, want %q", got, want)
	}
}
