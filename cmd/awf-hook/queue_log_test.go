package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// Whichever command is the first to open a queue whose log was deleted says so, and none makes a new log silently: the next one could not
// know.
func TestWhoeverFindsNoLogSaysSo(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, "webhooks: [{name: one, url: 'http://127.0.0.1:1'}]")
	made := filepath.Join(t.TempDir(), "queue.db")
	runHook(t, exitOK, nil, "emit", "-c", config, "--queue", made, "--event", "workflow_end", "--workflow", "w", "--drain-timeout", "0s")
	file, err := os.ReadFile(made)
	must(t, err)
	without := func() (queue string) {
		queue = filepath.Join(t.TempDir(), "queue.db")
		write(t, queue, string(file))
		write(t, queue+".lock", "")
		return queue
	}
	args := map[string]string{
		"deliveries backup": "FOLDER/backup.db", "deliveries delete": "--webhook one", "deliveries list": "",
		"deliveries move": "--from two --to one", "deliveries replay": "--webhook one", "deliveries send": "", "deliveries show": "msg_1",
		"doctor": "", "emit": "--event workflow_end --workflow w", "exec": "-- true", "follow": "FOLDER", "operations": "", "queue check": "",
		"run": "", "serve": "--listen 127.0.0.1:0", "top": "", "webhooks disable": "one", "webhooks enable": "one", "webhooks list": "",
		"webhooks pause": "one", "webhooks test": "one",
	}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		words := strings.TrimPrefix(cmd.CommandPath(), "awf-hook ")
		own, known := args[words]
		if !cmd.HasSubCommands() && (cmd.Flags().Lookup("queue") != nil || cmd.InheritedFlags().Lookup("queue") != nil) {
			t.Run(words, func(t *testing.T) {
				if !known {
					t.Fatal("want arguments for it in this test")
				}
				queue := without()
				line := words + " -c " + config + " --queue " + queue + " " + strings.ReplaceAll(own, "FOLDER", filepath.Dir(queue))
				saysNoLog(t, queue, strings.Fields(line)...)
			})
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit((&command{}).root())
	t.Run("queue move", func(t *testing.T) {
		from, to := without(), without()
		saysNoLog(t, from, "queue", "move", "-c", config, "--from", from, "--to", to+"2")
		saysNoLog(t, to, "queue", "move", "-c", config, "--from", from, "--to", to)
	})
	t.Run("completion", func(t *testing.T) {
		queue := without()
		runHook(t, exitOK, nil, "__complete", "deliveries", "show", "-c", config, "--queue", queue, "")
		if _, err := os.Stat(queue + "-wal"); err == nil {
			t.Error("it made a log")
		}
	})
}

// saysNoLog runs a command, which must say that a queue has no log. It ends a command that would go on.
func saysNoLog(t *testing.T, queue string, args ...string) {
	t.Helper()
	cmd := exec.Command("awf-hook", args...)
	said, out := io.Pipe()
	cmd.Stdout, cmd.Stderr = out, out
	start(t, cmd)
	go func() { out.CloseWithError(cmd.Wait()) }()
	var all strings.Builder
	found := false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if line := lines.Text(); strings.Contains(line, "no log beside it") && strings.Contains(line, queue) && strings.Contains(line, "-wal") {
			found = true
			if slices.Contains([]string{"serve", "follow", "top"}, args[0]) {
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
		}
	}
	if code := cmd.ProcessState.ExitCode(); found && args[0] == "queue" && args[1] == "check" && code != exitFailure {
		t.Errorf("a check that warns of lost deliveries exits with %d, want %d", code, exitFailure)
	}
	_, noLog := os.Stat(queue + "-wal")
	if isUnused := noLog != nil && args[0] == "webhooks" && args[1] == "test"; !found && !isUnused {
		t.Errorf("awf-hook %q says only %s", args, &all)
	}
}
