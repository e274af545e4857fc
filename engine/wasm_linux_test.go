package engine_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// A module that gets no memory is tried again until the delivery is too old. The log says so once.
func TestModulesWithoutMemoryAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		yaml := oneHook("retry: {max_age: 10m}", "transform: {wasm: "+guests+"/echo.wasm, limits: {memory: 256MiB}}")
		cfg, err := config.Parse("awf-hook.yaml", []byte(yaml), config.NoEnv)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		transport := roundTripper(func(*http.Request) (*http.Response, error) { return answer(http.StatusOK) })
		options := engine.Options{Random: noJitter, Logger: slog.New(slog.NewTextHandler(&log, nil)), Transport: transport}
		e, err := engine.Open(cfg, options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		takeMemory(t)
		run(t, e)
		submit(t, e, newEvent("a"))
		drain(t, e)
		if got := e.Report().String(); !strings.HasSuffix(got, "0 delivered, 0 to retry, 1 dead") {
			t.Errorf("report %q, want 1 dead", got)
		}
		if n := strings.Count(log.String(), "not run: memory: cannot allocate memory, next in"); n != 1 {
			t.Errorf("the log says %d times that the module could not run, want 1:\n%s", n, &log)
		}
		if want := "dead: max_age reached: not run: memory: cannot allocate memory"; !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	})
}

// takeMemory limits the process to 200 MiB more of address space until the test ends.
func takeMemory(t *testing.T) {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	size, _, _ := strings.Cut(string(statm), " ")
	pages, err := strconv.ParseUint(size, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &before); err != nil {
		t.Fatal(err)
	}
	less := syscall.Rlimit{Cur: pages*uint64(os.Getpagesize()) + 200<<20, Max: before.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &less); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &before); err != nil {
			t.Error(err)
		}
	})
}
