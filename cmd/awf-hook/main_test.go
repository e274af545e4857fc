package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/testdata/pgtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is also awf-hook, and the program that writes to its stdin, when it is called by their names.
func TestMain(m *testing.M) {
	testscript.Main(ownState{m}, map[string]func(){
		"awf-hook": agreeingMain,
		"producer": producer,
		"measured": measured,
	})
}

// ownState runs the tests as a user without a configuration, with a state folder of their own.
type ownState struct{ *testing.M }

var (
	ownFolder string // the state folder, which also holds what tests share
	databases pgtest.Shared
)

func (m ownState) Run() int {
	var err error
	if ownFolder, err = os.MkdirTemp("", "awf-hook-state"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(ownFolder)
	defer databases.Close()
	os.Setenv("TERM", "xterm") // also where none is set: tests have terminals of their own
	os.Setenv("XDG_STATE_HOME", ownFolder)
	os.Setenv("AWF_CONFIG_HOME", "/nonexistent")
	os.Unsetenv("AWF_WORKFLOWS_PATH")
	return m.M.Run()
}

// stateFile is the queue's file in the tests' state folder.
func stateFile() string { return filepath.Join(os.Getenv("XDG_STATE_HOME"), "awf-hook", "queue.db") }

// producer writes $LINES lines, half of them events, at about $PACE per hundred, and fails if it cannot write one.
func producer() {
	var lines int
	_, _ = fmt.Sscan(os.Getenv("LINES"), &lines)
	pace, _ := time.ParseDuration(os.Getenv("PACE"))
	for i := range lines {
		text := fmt.Sprintf("line %d of the workflow's own output\n", i)
		if i%2 == 1 {
			text = fmt.Sprintf(`{"event":"workflow_end","workflow_id":"w%d","workflow_name":"n",`+
				`"timestamp":"2026-11-24T01:24:00Z","payload":{}}`+"\n", i)
		}
		if _, err := os.Stdout.WriteString(text); err != nil {
			fmt.Fprintln(os.Stderr, "producer:", err)
			os.Exit(1)
		}
		if i%100 == 99 {
			time.Sleep(pace)
		}
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			events, err := filepath.Abs("../../testdata/events")
			if err != nil {
				return err
			}
			env.Setenv("EVENTS", events)
			env.Setenv("PORT", freePort())
			env.Setenv(checkSaid, "1")
			env.Setenv("HOME", filepath.Join(env.WorkDir, "no-home")) // not testscript's, which root would make and leave behind
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(ownFolder, "cache")) // what one script compiles is compiled for all
			return setupTransforms(env)
		},
		Condition: transformCondition,
	})
}

// freePort returns a port that nobody listens on at the moment.
func freePort() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	return fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
}

// startListen starts "awf-hook listen" on a free port. It returns the address, and a function that ends it and returns
// its output.
func startListen(t testing.TB, args ...string) (url string, end func() string) {
	t.Helper()
	cmd := exec.Command("awf-hook", append([]string{"listen", "127.0.0.1:0"}, args...)...)
	var out strings.Builder
	cmd.Stdout = &out
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(talk).ReadString('\n')
	url, found := strings.CutPrefix(strings.TrimSpace(line), "awf-hook: listening on ")
	if !found {
		t.Fatalf("listen said %q, %v", line, err)
	}
	ended := false
	end = func() string {
		if !ended {
			ended = true
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("listen: %v", err)
			}
		}
		return out.String()
	}
	t.Cleanup(func() { end() })
	return url, end
}

// writeConfig writes a configuration into a new folder and returns its path.
func writeConfig(t testing.TB, format string, args ...any) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "awf-hook.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// exitCode returns a process's exit code from the error of Run or Wait.
func exitCode(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}
