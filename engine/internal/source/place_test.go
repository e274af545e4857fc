package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// If no place can be used, the program still runs, with its own audit file, and each place is named with the reason.
func TestNoPlaceCanBeUsed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	out := filepath.Join(dir, "audit.jsonl")
	for _, tt := range []struct {
		name   string
		places Places
		want   []string
	}{
		{"none", nil, []string{"neither XDG_STATE_HOME nor HOME is set"}},
		{"unusable ones", NewPlaces(file, []string{file, "/proc/none"}), []string{file + ": not a directory; ", "mkdir /proc/none"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			child, err := Start(Command{
				Args: []string{"/bin/sh", "-c", "echo line >> $AWF_AUDIT_LOG; exit 3"}, Env: []string{"AWF_AUDIT_LOG=" + out},
				Stdin: null, Stdout: null, Stderr: null, Places: tt.places,
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Read(t.Context(), Sink{}); err != nil {
				t.Error(err)
			}
			exit, err := child.Wait()
			for _, want := range append(tt.want, "its events cannot be read: ") {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("it says %v, want %q in a line", err, want)
				}
			}
			if text, err := os.ReadFile(out); exit.Code != 3 || err != nil || !strings.HasPrefix(string(text), "line\n") {
				t.Errorf("exit code %d, the audit file is %q, %v", exit.Code, text, err)
			}
		})
	}
}

func TestStartWithoutAProgram(t *testing.T) {
	if child, err := Start(Command{}); child != nil || err == nil || err.Error() != "no program given" {
		t.Errorf("Start: %v, %v, want no program given", child, err)
	}
}

// Without a state folder nobody could continue where Follow stopped, so it does not begin.
func TestFollowNeedsAStateFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	err := Follow{Paths: []string{"audit.jsonl"}}.Run(t.Context(), Sink{})
	if !errors.Is(err, errNoState) {
		t.Errorf("Follow: %v, want %v", err, errNoState)
	}
	if made, err := os.ReadDir("."); err != nil || len(made) > 0 {
		t.Errorf("the working directory has %v, %v, want nothing", made, err)
	}
}

// Follow reports once that an existing file or folder cannot be read, and once that it can be read again.
func TestUnreadableFilesAreSaid(t *testing.T) {
	dir := t.TempDir()
	audit, transcripts := filepath.Join(dir, "audit.jsonl"), filepath.Join(dir, "transcripts")
	for _, path := range []string{audit, transcripts} {
		if err := os.Symlink(path, path); err != nil { // not even root can follow it
			t.Fatal(err)
		}
	}
	said, events, ended := make(chan string, 100), make(chan string, 100), make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		ended <- Follow{Paths: []string{audit, transcripts}, State: filepath.Join(dir, "state"), FromStart: true}.Run(ctx, Sink{
			Events: func(_ context.Context, list []event.Event) error {
				events <- list[0].WorkflowID
				return nil
			},
			Trouble: func(what string, err error) {
				if strings.HasSuffix(what, "cannot be read") {
					said <- fmt.Sprint(what, ": ", err != nil)
				}
			},
		})
	}()
	wait := func(isTrouble bool) {
		t.Helper()
		want := map[string]bool{}
		for _, path := range []string{audit, transcripts} {
			want[fmt.Sprint(path, " cannot be read: ", isTrouble)] = true
		}
		for len(want) > 0 {
			delete(want, within(t, said))
		}
	}
	wait(true)
	for _, path := range []string{audit, transcripts} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	write(t, audit, start("a")+"\n")
	if got := within(t, events); got != "a" {
		t.Errorf("got run %s, want a", got)
	}
	wait(false)
	stop()
	if err := within(t, ended); err != nil {
		t.Error(err)
	}
}

// within returns what a channel gives, which it must do soon.
func within[T any](t *testing.T, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within 10s")
	}
	return value
}

// A position that cannot be saved, as on a full disk, ends no Follow that runs, and keeps none from continuing. It is
// saved as soon as it can be.
func TestFollowGoesOnIfItsPositionCannotBeSaved(t *testing.T) {
	dir := t.TempDir()
	audit, state := filepath.Join(dir, "audit.jsonl"), filepath.Join(dir, "state")
	events, saved, ended := make(chan string, 100), make(chan error, 100), make(chan error)
	follow := func() (stop context.CancelFunc) {
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			ended <- Follow{Paths: []string{audit}, State: state, FromStart: true}.Run(ctx, Sink{
				Events: func(_ context.Context, list []event.Event) error {
					for _, e := range list {
						events <- e.WorkflowID
					}
					return nil
				},
				Trouble: func(_ string, err error) { saved <- err },
			})
		}()
		return stop
	}
	var files []string
	inTheWay := func(is bool) {
		t.Helper()
		change := os.Remove
		if is {
			change = func(path string) error { return os.Mkdir(path, 0o700) }
		}
		err := change(files[0] + ".new")
		if err != nil {
			t.Fatal(err)
		}
	}
	comes := func(run string, isSaved bool) {
		t.Helper()
		write(t, audit, start(run)+"\n")
		if got := within(t, events); got != run {
			t.Errorf("got run %s, want %s", got, run)
		}
		if err := within(t, saved); (err == nil) != isSaved {
			t.Errorf("the position after run %s: %v, want it saved: %v", run, err, isSaved)
		}
	}
	stop := follow()
	for deadline := time.Now().Add(10 * time.Second); len(files) == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		files, _ = filepath.Glob(filepath.Join(state, "follow", "*.json"))
	}
	inTheWay(true)
	comes("a", false)
	inTheWay(false)
	if err := within(t, saved); err != nil {
		t.Errorf("tried again: %v", err)
	}
	comes("b", true)
	if stop(); within(t, ended) != nil {
		t.Error("Follow ended with an error")
	}
	inTheWay(true)
	stop = follow()
	if err := within(t, saved); err == nil {
		t.Error("the position was saved")
	}
	comes("c", false)
	inTheWay(false)
	if stop(); within(t, ended) != nil {
		t.Error("Follow ended with an error")
	}
}

// A folder that everybody can write to contains another user's folder, or a link: neither is used.
func TestSharedPlaceIsOurOwn(t *testing.T) {
	temp := t.TempDir()
	of := NewPlaces("", []string{temp})[0]
	tests := []struct {
		name string
		make func() error
		want string
	}{
		{"a link", func() error { return os.Symlink(t.TempDir(), of.folder) }, "a symbolic link"},
		{"a file", func() error { return os.WriteFile(of.folder, nil, 0o600) }, "not a directory"},
		{"open to others", func() error { return os.Mkdir(of.folder, 0o700) }, "want mode 0700"},
		{"another user's", func() error { return os.Mkdir(of.folder, 0o700) }, "belongs to another user"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.make(); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(of.folder)
			switch tt.name {
			case "open to others":
				_ = os.Chmod(of.folder, 0o702)
			case "another user's":
				if os.Chown(of.folder, 4711, 4711) != nil {
					return // only root can give it away
				}
			}
			if tr, err := newTrail(of, trailInfo{Started: time.Now()}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("newTrail = %v, %v, want %q", tr, err, tt.want)
			}
		})
	}
}

// While nothing can be saved, as on a full disk, lines still wait for their run's start: it is read, and they get the workflow's name.
func TestLinesWaitForTheirStartWhileNothingIsSaved(t *testing.T) {
	dir := t.TempDir()
	audit, transcripts := filepath.Join(dir, "audit.jsonl"), filepath.Join(dir, "transcripts")
	if err := os.Mkdir(transcripts, 0o700); err != nil {
		t.Fatal(err)
	}
	var got []string
	r := &follower{Follow: Follow{Paths: []string{audit, transcripts}, State: filepath.Join(dir, "state"), FromStart: true},
		feed: newFeed(Sink{Stored: func() bool { return false }, Events: func(_ context.Context, events []event.Event) error {
			for _, e := range events {
				got = append(got, e.Type+" "+e.WorkflowName)
			}
			return nil
		}})}
	defer r.close()
	if err := r.begin(time.Now()); err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		time.Sleep(100 * time.Millisecond) // a quiet transcript is looked at less often
		if _, err := r.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	write(t, audit, start("a")+"\n")
	look()
	r.changed = time.Now().Add(-2 * saveAtLeast)
	write(t, filepath.Join(transcripts, "b.jsonl"),
		`{"seq":1,"run_id":"b","type":"step.started","path":"s","iteration":0,"timestamp":"2026-11-24T01:24:00.1Z","payload":{"name":"s"}}`+"\n")
	look()
	if !r.feed.joiner.Waits() {
		t.Fatalf("nothing waits, got %q", got)
	}
	write(t, audit, start("b")+"\n")
	look()
	if want := "workflow_start w, workflow_start w, step_start w"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}
