package server

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
