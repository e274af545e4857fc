package source

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// A program is alive while its process is, but not if another process has its id, for example after a restart of the
// host.
func TestAnotherProcessWithTheSameIDIsNotTheProgram(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pid   int
		older int64 // ticks by which the noted process is older than the running one
		alive bool
	}{
		{"this process", os.Getpid(), 0, true},
		{"one that had this id before", os.Getpid(), 1, runtime.GOOS != "linux"},
		{"one that has ended", 4_194_300, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made, err := newTrail(place{folder: t.TempDir()}, trailInfo{Started: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			if err := made.setPID(tt.pid); err != nil {
				t.Fatal(err)
			}
			if made.born > 0 {
				if err := made.put(atPID, (made.born-tt.older)*pidRange+made.pid); err != nil {
					t.Fatal(err)
				}
			}
			made.close()
			taken, err := takeTrail(made.path)
			if err != nil {
				t.Fatal(err)
			}
			defer taken.remove()
			if taken.pid != int64(tt.pid) || taken.alive() != tt.alive {
				t.Errorf("process %d, alive: %v, want process %d, %v", taken.pid, taken.alive(), tt.pid, tt.alive)
			}
		})
	}
}

// Adopt finds trails whatever their folder is called. It removes old ones whose state cannot be read, which nobody can adopt.
func TestAdoptLooksAtEveryTrail(t *testing.T) {
	of := place{folder: filepath.Join(t.TempDir(), "a[b", "exec")}
	trail := func(text string) string {
		made, err := newTrail(of, trailInfo{Started: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, made.path, text)
		made.close()
		return made.path
	}
	good, unreadable, old := trail(start("a")+"\n"), trail(start("b")+"\n"), trail(start("c")+"\n")
	for _, path := range []string{unreadable, old} {
		if err := os.Truncate(stateOf(path), 10); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * dropTrail)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := Places{of}.Adopt(t.Context(), "", Sink{Events: func(_ context.Context, events []event.Event) error {
		for _, e := range events {
			got = append(got, e.Type)
		}
		return nil
	}})
	if want := "workflow_start workflow_error"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for path, want := range map[string]bool{good: true, stateOf(good): true, unreadable: true, old: false, stateOf(old): false} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it to exist: %v", filepath.Base(path), err, want)
		}
	}
}

// Looking at a trail does not make it younger: otherwise a host that runs commands all the time would keep all trails.
func TestAdoptKeepsATrailsTime(t *testing.T) {
	of := place{folder: t.TempDir()}
	for name, settled := range map[string]bool{"settled": true, "of another origin": false} {
		made, err := newTrail(of, trailInfo{Started: time.Now(), Origin: "another"})
		if err != nil {
			t.Fatal(err)
		}
		write(t, made.path, start("a")+"\n")
		if info, err := made.file.Stat(); settled && (err != nil || made.finish(info.Size()) != nil) {
			t.Fatal(err)
		}
		made.close()
		past := time.Now().Add(-keepTrail / 2)
		if err := os.Chtimes(made.path, past, past); err != nil {
			t.Fatal(err)
		}
		if err := (Places{of}).Adopt(t.Context(), "", Sink{}); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(made.path); err != nil || time.Since(info.ModTime()) < keepTrail/2 {
			t.Errorf("a trail that was %s: last written %v, %v, want %v", name, info.ModTime(), err, past)
		}
	}
}

// A settled trail stays as long as a process that the command left behind may still write the end of its run.
func TestAdoptKeepsTheTrailOfALeftRun(t *testing.T) {
	const end = `{"event":"workflow.completed","execution_id":"a","timestamp":"2026-11-24T01:24:01Z","status":"success"}` + "\n"
	of := place{folder: t.TempDir()}
	for text, want := range map[string]bool{start("a") + "\n": true, start("a") + "\n" + end: false, "": false} {
		made, err := newTrail(of, trailInfo{Started: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, made.path, text)
		if err := made.finish(int64(len(text))); err != nil {
			t.Fatal(err)
		}
		made.close()
		past := time.Now().Add(-2 * keepTrail)
		if err := os.Chtimes(made.path, past, past); err != nil {
			t.Fatal(err)
		}
		if err := (Places{of}).Adopt(t.Context(), "", Sink{}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(made.path); (err == nil) != want {
			t.Errorf("the trail with %q: %v, want it to exist: %v", text, err, want)
		}
	}
}

// Events that a dead process left are accepted even after a week. Nobody removes them in silence.
func TestAdoptTakesOldTrails(t *testing.T) {
	for _, tt := range []struct {
		text, origin string
		age          time.Duration
		events       int
		kept, said   bool
	}{
		{start("a") + "\n", "", 2 * dropTrail, 2, true, false}, // the next one removes it
		{start("a") + "\n", "another", dropTrail / 2, 0, true, false},
		{start("a") + "\n", "another", 2 * dropTrail, 0, false, true},
		{start("a") + "\n", "", 2 * lastTrail, 0, false, true},
		{"", "another", 2 * keepTrail, 0, false, false},
	} {
		of := place{folder: t.TempDir()}
		made, err := newTrail(of, trailInfo{Started: time.Now(), Target: os.DevNull + "/no/file", Origin: tt.origin})
		if err != nil {
			t.Fatal(err)
		}
		write(t, made.path, tt.text)
		made.close()
		past := time.Now().Add(-tt.age)
		if err := os.Chtimes(made.path, past, past); err != nil {
			t.Fatal(err)
		}
		events, said := 0, false
		if err := (Places{of}).Adopt(t.Context(), "", Sink{
			Events:  func(_ context.Context, some []event.Event) error { events += len(some); return nil },
			Trouble: func(_ string, err error) { said = said || err != nil },
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(made.path); events != tt.events || (err == nil) != tt.kept || said != tt.said {
			t.Errorf("%+v: %d events, %v, said: %v", tt, events, err, said)
		}
	}
}

// A start line that is older than its command is that of a resumed run. AWF's own audit file says so, if there is one.
func TestResumedWithoutAnAuditFile(t *testing.T) {
	of, began := place{folder: t.TempDir()}, time.Date(2026, 11, 24, 1, 24, 0, 0, time.UTC) // as start says
	for _, tt := range []struct {
		target  string
		began   time.Time
		resumed bool
	}{
		{"", began.Add(time.Second), true}, {os.DevNull, began.Add(time.Second), true}, {"", began.Add(999 * time.Microsecond), false},
		{filepath.Join(t.TempDir(), "new"), began.Add(time.Second), false},
	} {
		made, err := newTrail(of, trailInfo{Started: tt.began, Target: tt.target})
		if err != nil {
			t.Fatal(err)
		}
		write(t, made.path, start("a")+"\n")
		var got []string
		err = made.read(t.Context(), Sink{Events: func(_ context.Context, events []event.Event) error {
			for _, e := range events {
				got = append(got, e.Type+" "+string(e.Payload))
			}
			return nil
		}}, nil)
		if err != nil || len(got) != 2 || strings.Contains(got[0], `"resumed":true`) != tt.resumed {
			t.Errorf("target %q, begun at %v: %q, %v, want resumed: %v", tt.target, tt.began, got, err, tt.resumed)
		}
		made.remove()
	}
}

// Whoever reads a trail stops when its context ends, whatever the command wrote there.
func TestReadingATrailStops(t *testing.T) {
	made, err := newTrail(place{folder: t.TempDir()}, trailInfo{Started: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer made.remove()
	write(t, made.path, strings.Repeat("no event\n", 10*maxAhead))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := made.read(ctx, Sink{}, nil); err == nil {
		t.Error("it read to the end")
	}
}

// Commands that start at the same time make their trails while others look for abandoned ones in the same folder.
func TestTrailsAreMadeWhileOthersLook(t *testing.T) {
	of := place{folder: t.TempDir()}
	if err := of.make(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var looking sync.WaitGroup
	for range 4 {
		looking.Go(func() {
			for ctx.Err() == nil {
				_ = Places{of}.Adopt(ctx, "", Sink{})
			}
		})
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		made, err := newTrail(of, trailInfo{Started: time.Now()})
		if err != nil {
			t.Error(err)
			break
		}
		made.remove()
	}
	stop()
	looking.Wait()
}
