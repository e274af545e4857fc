package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// noState are state folders that a command's audit lines cannot be kept in, each made at the path.
var noState = []struct {
	name, want string
	make       func(t *testing.T, state string)
}{
	{"a file", "not a directory", func(t *testing.T, state string) { write(t, state, "") }},
	{"a link to nowhere", "file exists", func(t *testing.T, state string) { must(t, os.Symlink("/proc/none", state)) }},
	{"exec is a link", "exec is a symbolic link: want a folder", func(t *testing.T, state string) {
		must(t, errors.Join(os.MkdirAll(state+"/awf-hook", 0o700), os.Symlink(t.TempDir(), state+"/awf-hook/exec")))
	}},
	{"exec is a file", "not a directory", func(t *testing.T, state string) {
		must(t, os.MkdirAll(state+"/awf-hook", 0o700))
		write(t, state+"/awf-hook/exec", "")
	}},
	{"exec is open to others", "want mode 0700, got 0777", func(t *testing.T, state string) {
		must(t, errors.Join(os.MkdirAll(state+"/awf-hook/exec", 0o700), os.Chmod(state+"/awf-hook/exec", 0o777)))
	}},
	{"a disk with little room", "MiB left", func(t *testing.T, state string) { must(t, os.Symlink(small(t, "size=6m"), state)) }},
	{"a full disk", "no space left on device", func(t *testing.T, state string) { must(t, os.Symlink(small(t, "nr_inodes=2"), state)) }},
	{"a disk that fills while room is reserved", "no space left on device", func(t *testing.T, state string) {
		must(t, os.Symlink(small(t, "size=32m"), state)) // the trail's own state takes a page of that
	}},
	{"a disk that is only read", "read-only file system", func(t *testing.T, state string) { must(t, os.Symlink(small(t, "ro"), state)) }},
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exec delivers its events even if the state folder cannot be used: its audit lines go through a folder for temporary files.
// It says so once, the command's exit code stays, and AWF's own audit file gets the lines.
func TestExecWithoutState(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	recording := abs(t, recordings+"/nested-files")
	for _, tt := range noState {
		t.Run(tt.name, func(t *testing.T) {
			url, end := startListen(t, "--json")
			h := newHome(t, awf)
			tt.make(t, h.dir+"/state")
			temp := t.TempDir()
			h.env = append(h.env, "TMPDIR="+temp)
			out := h.run(h.exec(writeConfig(t, everything, url), recording, "--exit", "3"), 3)
			said := "its audit lines went through " + temp + "/awf-hook-"
			if strings.Count(out, said) != 1 || !strings.Contains(out, tt.want) {
				t.Errorf("it said %q, want %q and %q", out, said, tt.want)
			}
			if bodies, _ := arrived(t, end()); len(bodies) != 12 {
				t.Errorf("%d events, want 12", len(bodies))
			}
			if got := h.read("data/awf/audit.jsonl"); strings.Count(got, "\n") != 4 {
				t.Errorf("the audit file is %q", got)
			}
		})
	}
}

// Without a home there is no state folder, and nothing is made in the folder that the command runs in.
func TestExecWithoutHome(t *testing.T) {
	t.Parallel()
	url, end := startListen(t, "--json")
	h := newHome(t, buildStandin(t))
	h.env = append(h.env, "XDG_STATE_HOME=", "HOME=", "TMPDIR="+t.TempDir())
	h.run(h.exec(writeConfig(t, everything, url), abs(t, recordings+"/nested-files")), 0)
	if bodies, _ := arrived(t, end()); len(bodies) != 12 {
		t.Errorf("%d events, want 12", len(bodies))
	}
	if _, err := os.Stat(h.dir + "/exec"); err == nil {
		t.Error("there is a folder exec where the command ran")
	}
}

// The next awf-hook takes up what a killed one left in the folder for temporary files, if that folder belongs to the user.
func TestExecLeavesInTemporaryFolder(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{false, true} {
		url, end := startListen(t, "--json")
		config := writeConfig(t, everything, url)
		h := newHome(t, buildStandin(t))
		write(t, h.dir+"/state", "")
		temp := t.TempDir()
		h.env = append(h.env, "TMPDIR="+temp)
		hook := h.exec(config, abs(t, recordings+"/nested-files"), "--speed", "0.2", "--took", h.dir+"/done")
		start(t, hook)
		waitFor(t, "a transcript", func() bool { return transcripts(h) > 0 })
		must(t, hook.Process.Kill())
		_ = hook.Wait()
		waitFor(t, "the command's end", func() bool { _, err := os.Stat(h.dir + "/done"); return err == nil })
		time.Sleep(100 * time.Millisecond)
		want := 12
		if open {
			made, _ := filepath.Glob(temp + "/awf-hook-*")
			must(t, os.Chmod(made[0], 0o777))
			want = 0
		}
		h.run(h.command(h.hook, "run", "-c", config), 0)
		ids := map[string]bool{}
		for _, r := range received(t, end()) {
			ids[r.Header["X-Awf-Delivery"]] = true
		}
		if open && len(ids) == 12 || !open && len(ids) != want {
			t.Errorf("open to others: %v: %d deliveries, want %d", open, len(ids), want)
		}
	}
}

// Events from the folder for temporary files that are delivered from memory, since there is no queue, are not taken up again.
func TestAdoptedFromMemoryOnce(t *testing.T) {
	t.Parallel()
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything+" x", url) // not a configuration yet
	h := newHome(t, buildStandin(t))
	write(t, h.dir+"/state", "")
	h.env = append(h.env, "TMPDIR="+t.TempDir())
	h.run(h.exec(config, abs(t, recordings+"/nested-files")), 0)
	write(t, config, strings.TrimSuffix(string(readFileOf(t, config)), " x"))
	for range 3 {
		h.run(h.command(h.hook, "run", "-c", config), 0)
	}
	if all := received(t, end()); len(all) != 12 {
		t.Errorf("%d deliveries of three processes, want 12", len(all))
	}
}
