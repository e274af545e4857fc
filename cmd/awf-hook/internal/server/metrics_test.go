package server

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// A metrics file replaces the file at its path, but not a device or a pipe.
func TestMetricsFileIsAFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link, plain := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "plain.prom")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	m := NewMetrics("test")
	for _, path := range []string{pipe, link, dir, os.DevNull} {
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.WriteFile(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("WriteFile(%s) = %v, want not a regular file", path, err)
		}
		if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s is %v now, %v", path, after, err)
		}
	}
	for range 2 {
		if err := m.WriteFile(plain); err != nil {
			t.Error(err)
		}
	}
}

// An error of writing a metrics file names the file that the user named, and not the temporary file beside it.
func TestMetricsFileNamesItsPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "awf.prom")
	if err := NewMetrics("test").WriteFile(path); err == nil || err.Error() != path+": no such file or directory" {
		t.Errorf("WriteFile(%s) = %v", path, err)
	}
}

// Each type of event that AWF is known to write is counted under its name, and all others together.
func TestMetricsTellTypesOfEventsApart(t *testing.T) {
	m := NewMetrics("test")
	m.Loaded(nil, []string{"awf"}, nil)
	for _, typ := range append(event.Types(), "strange", "stranger") {
		m.Took("awf", &event.Event{Type: typ}, engine.EventAccepted)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	want := map[string]int{"other": 2}
	for _, typ := range event.Types() {
		want[typ] = 1
	}
	for typ, count := range want {
		line := fmt.Sprintf("awf_hook_events_received_total{source=\"awf\",type=%q} %d\n", typ, count)
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("not in /metrics: %s", line)
		}
	}
}
