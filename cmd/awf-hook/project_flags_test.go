package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The paths in flags are relative to the folder in which a command was started, also if --project names another one.
func TestProjectLeavesPathsOfFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"serve", "--listen", "unix:made.sock", "--project", "project", "-c", "c.yaml", "--queue", "made.db"},
		{"follow", "--project", "project", "-c", "c.yaml", "--queue", "made.db", "audit.jsonl"},
	} {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "project", ".awf"), 0o700))
		write(t, filepath.Join(dir, "c.yaml"), "webhooks: [{url: 'http://127.0.0.1:9'}]")
		cmd := exec.Command("awf-hook", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_STATE_HOME="+dir, "AWF_CONFIG_HOME="+dir)
		start(t, cmd)
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		waitFor(t, args[0]+"'s queue", func() bool {
			made, _ := filepath.Glob(filepath.Join(dir, "*made.db"))
			inProject, _ := filepath.Glob(filepath.Join(dir, "project", "made*"))
			if len(inProject) > 0 {
				t.Fatalf("%s makes %q", args[0], inProject)
			}
			sockets, _ := filepath.Glob(filepath.Join(dir, "made.sock"))
			return len(made) == 1 && (args[0] == "follow" || len(sockets) == 1)
		})
		stop(t, cmd)
	}
}
