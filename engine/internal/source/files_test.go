package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

func start(id string) string {
	return fmt.Sprintf(`{"event":"workflow.started","execution_id":%q,"timestamp":"2026-11-24T01:24:00Z","workflow_name":"w"}`, id)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// given reads what is new in a tail: the runs of records, "-" for other lines, "!" for broken ones.
func given(t *testing.T, tl *tail, final bool) string {
	t.Helper()
	if err := tl.open(); err != nil {
		t.Fatal(err)
	}
	defer tl.rest()
	var got []string
	for {
		if err := tl.load(someAhead, final); err != nil {
			t.Fatal(err)
		}
		if len(tl.ahead) == 0 {
			return strings.Join(got, " ")
		}
		switch p := tl.take(); {
		case p.err != nil:
			got = append(got, "!")
		case p.rec == nil && p.first:
			got = append(got, "-")
		case p.rec == nil: // more of a line that is too long
		default:
			got = append(got, p.rec.WorkflowID)
		}
	}
}

// Lines are given when they are complete, however they were written, even if the file was closed in between.
func TestTailLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	long := `{"event":"workflow.started","execution_id":"long","x":"` + strings.Repeat("x", 2*event.MaxLine) + `"}`
	tl := &tail{path: path}
	for i, step := range []struct {
		text  string
		final bool
		want  string
	}{
		{start("a") + "\n", false, "a"},
		{start("b")[:30], false, ""},
		{start("b")[30:], false, ""},
		{"\r\n\nother text\n" + start("c") + "\n", false, "b - - c"},
		{long[:event.MaxLine], false, ""},
		{long[event.MaxLine : event.MaxLine+100], false, "!"},
		{long[event.MaxLine+100:], false, ""},
		{"\n" + start("d") + "\n", false, "d"},
		{strings.Repeat("y", 3*event.MaxLine) + "\n" + start("e") + "\n", false, "- e"},
		{start("f"), true, "f"},
	} {
		write(t, path, step.text)
		if got := given(t, tl, step.final); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
		if tl.file != nil {
			t.Errorf("step %d: the file is open", i)
		}
	}
	if tl.line != 10 {
		t.Errorf("%d lines, want 10", tl.line)
	}
}

// However long a line is, one load takes a little more than maxLoad of it, so that whoever reads can stop.
func TestLoadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	write(t, path, strings.Repeat("y", 8*maxLoad)+"\n"+start("a")+"\n")
	tl := &tail{path: path}
	if err := tl.open(); err != nil {
		t.Fatal(err)
	}
	for read := int64(0); tl.read < 8*maxLoad; read = tl.read {
		if err := tl.load(maxAhead, false); err != nil || tl.read-read > 3*maxLoad || !tl.more {
			t.Fatalf("%d bytes loaded at once, more: %v, %v", tl.read-read, tl.more, err)
		}
		for len(tl.ahead) > 0 {
			tl.take()
		}
	}
	if got := given(t, tl, false); got != "a" {
		t.Errorf("%q, want the line after the long one", got)
	}
}

// A file that was truncated, or replaced under its name, is read from its beginning, even if it is longer by now.
func TestTailReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.jsonl")
	write(t, path, start("a")+"\n")
	tl := &tail{path: path}
	given(t, tl, false)
	if err := os.WriteFile(path, []byte(start("b")+"\n"+start("c")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tl.open(); err != errReplaced {
		t.Fatalf("open = %v, want %v", err, errReplaced)
	}
	tl.restart()
	if got := given(t, tl, false); got != "b c" {
		t.Errorf("%q, want the new file's lines", got)
	}
}

// A line that was cut, or in which a crash left NULs, is reported, and costs no other event.
func TestTailAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	tl := &tail{path: path}
	for i, step := range []struct{ text, want string }{
		{strings.Repeat("\x00", 4096) + start("a") + "\n", "! a"},
		{strings.Repeat("\x00", 4096) + "\n", "!"},
		{start("b")[:40] + start("c") + "\n", "! c"},
		{"some text" + start("d") + start("e") + "\n", "! d e"},
		{"some text\n\n" + start("f") + "\n", "- - f"},
		{start("g")[:15] + "\n" + start("h")[15:] + "\n{\"an\":\"object\"}\n" + start("i") + "\n", "! ! - i"},
	} {
		write(t, path, step.text)
		if got := given(t, tl, false); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	if info, err := os.Stat(path); err != nil || tl.offset != info.Size() || tl.line != 11 {
		t.Errorf("at %d of %d, line %d: %v", tl.offset, info.Size(), tl.line, err)
	}
}

// Two equal lines without an id are two events, and each is the same when it is read again.
func TestLinesWithoutIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	envelope := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}` + "\n"
	ids := func() (ids []string) {
		tl := &tail{path: path}
		for range 4 { // lines come one by one, so that the file's known beginning grows
			if err := tl.open(); err != nil {
				t.Fatal(err)
			}
			if err := tl.load(1, false); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, tl.take().rec.ID)
			tl.rest()
		}
		return ids
	}
	write(t, path, strings.Repeat(envelope, 4))
	first, again := ids(), ids()
	for i := range first {
		if first[i] != again[i] || i > 0 && first[i] == first[i-1] {
			t.Errorf("ids %q, again %q", first, again)
		}
	}
}

// Each line is copied with one write, an unfinished one only at the end. After a full disk, copying continues where it
// stopped.
func TestCopyLines(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "data", "audit.jsonl")
	tr, err := newTrail(place{folder: filepath.Join(dir, "exec")}, trailInfo{Target: target, Started: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	text := start("a") + "\n" + strings.Repeat("long ", 40_000) + "\nlast"
	write(t, tr.path, text)
	if _, err := tr.copyLines(false); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(target)
	if want := strings.TrimSuffix(text, "last"); err != nil || string(got) != want {
		t.Errorf("copied %d bytes, want %d: %v", len(got), len(want), err)
	}
	if _, err := tr.copyLines(true); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != text {
		t.Errorf("copied %d bytes, want %d: %v", len(got), len(text), err)
	}
	for path, mode := range map[string]os.FileMode{target: 0o600, tr.path: 0o600, filepath.Dir(target): 0o750 | os.ModeDir,
		filepath.Dir(tr.path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode()&^os.ModeSetgid != mode {
			t.Errorf("%s: %v, want %v; %v", path, info.Mode(), mode, err)
		}
	}
}

// Whoever takes up a trail continues after the last copied line, whether its owner could note that or not.
func TestTakenUpCopy(t *testing.T) {
	for _, said := range []bool{true, false} {
		dir := t.TempDir()
		target := filepath.Join(dir, "audit.jsonl")
		write(t, target, start("b")+"\n") // a line of an earlier run, which the resumed one repeats
		tr, err := newTrail(place{folder: filepath.Join(dir, "exec")}, trailInfo{Target: target, Started: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := takeTrail(tr.path); err != errTaken {
			t.Errorf("takeTrail of a locked one: %v, want %v", err, errTaken)
		}
		write(t, tr.path, start("a")+"\n")
		if _, err := tr.copyLines(false); err != nil {
			t.Fatal(err)
		}
		if !said {
			_ = tr.put(atCopied, 0)
		}
		write(t, tr.path, start("b")+"\n"+start("c")+"\n")
		tr.close()
		next, err := takeTrail(tr.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.recopied(); err != nil {
			t.Fatal(err)
		}
		if _, err := next.copyLines(true); err != nil {
			t.Fatal(err)
		}
		next.close()
		got, err := os.ReadFile(target)
		if want := start("b") + "\n" + start("a") + "\n" + start("b") + "\n" + start("c") + "\n"; err != nil || string(got) != want {
			t.Errorf("copied, said %v: %q, want %q; %v", said, got, want, err)
		}
	}
}

// AWF's folders, according to its environment and its arguments.
func TestPlaces(t *testing.T) {
	env := envOf([]string{"HOME=/h", "XDG_DATA_HOME=", "AWF_AUDIT_LOG=x", "AWF_AUDIT_LOG="})
	for _, tt := range []struct{ got, want string }{
		{AuditFile(env), "/h/.local/share/awf/audit.jsonl"},
		{AuditFile(envOf([]string{"XDG_DATA_HOME=/d"})), "/d/awf/audit.jsonl"},
		{AuditFile(envOf([]string{"AWF_AUDIT_LOG=off"})), ""},
		{AuditFile(envOf([]string{"AWF_AUDIT_LOG=OFF"})), "OFF"}, // AWF's own comparison is exact
		{Transcripts(env), "/h/.local/share/awf/transcripts"},
		{packed([]string{"run", "--input", "a=b/c", "mypack/packwf"}), "mypack/packwf"},
		{packed([]string{"--storage", "a/b", "run", "deploy"}), ""},
		{packed([]string{"run", "./flows/deploy.yaml"}), ""},
		{packed([]string{"run", "/abs/deploy"}), ""},
		{packed([]string{"resume", "a/b"}), ""},
		{Storage([]string{"awf", "run", "x"}, env), "/h/.local/share/awf"},
		{Storage([]string{"awf", "--storage", "/s", "run", "x"}, env), "/s"},
		{Storage([]string{"awf", "run", "x", "--storage=/s"}, env), "/s"},
		{Storage([]string{"awf", "run", "--", "--storage=/s"}, env), "/h/.local/share/awf"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// A command that runs a workflow with AWF and writes nothing is explained. Other commands need not write anything.
func TestCommandsThatWriteNothing(t *testing.T) {
	for line, want := range map[string]string{
		"awf run deploy --interactive": "AWF writes no events with --interactive", "/usr/bin/awf run --step=build deploy": "AWF writes no events",
		"awf acp-serve": "AWF writes no events", "env X=1 awf run deploy --step b": "AWF writes no events",
		"awf run deploy": "no event of the command was seen", "awf run interactive": "no event of", "sudo /opt/awf resume 1": "no event of",
		"sh -c cd x && awf run deploy": "no event of", "ssh ci awf --storage s run deploy": "no event of",
		"git rebase --interactive": "", "make run": "", "awf list": "", "awf validate run.yaml": "", "awf run deploy --dry-run": "",
		"awf run --help": "", "awf": "",
	} {
		if got := whyNothing(strings.Fields(line)); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// The exit of a program decides the ends of the runs that it left open. AWF exits with 0 when it is interrupted, and
// writes no end then.
func TestEndingOfOpenRuns(t *testing.T) {
	for _, tt := range []struct {
		exit Exit
		want event.Ending
	}{
		{Exit{}, event.Ending{Cancelled: true, Error: "the program ended with exit code 0 before the run"}},
		{Exit{Code: 3}, event.Ending{Error: "the program ended with exit code 3 before the run", ExitCode: 3}},
		{Exit{Code: 3, Interrupted: syscall.SIGINT}, event.Ending{Cancelled: true, Error: "interrupted by SIGINT"}},
		{Exit{Interrupted: syscall.SIGTERM}, event.Ending{Cancelled: true, Error: "interrupted by SIGTERM"}},
		{Exit{Code: 143, Signal: syscall.SIGTERM}, event.Ending{Cancelled: true, Error: "interrupted by SIGTERM"}},
		{Exit{Code: 137, Signal: syscall.SIGKILL}, event.Ending{Error: "killed by signal 9", ExitCode: 137}},
		{Exit{Code: 139, Signal: syscall.SIGSEGV}, event.Ending{Error: "killed by signal 11", ExitCode: 139}},
	} {
		if got := tt.exit.ending(); got != tt.want {
			t.Errorf("%+v: %+v, want %+v", tt.exit, got, tt.want)
		}
	}
}

// A FIFO in place of an audit file blocks nothing and is not read.
func TestFollowedFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	looked := make(chan error, 1)
	go func() {
		r := newRotated(path)
		r.tails(time.Now())
		looked <- r.current.open()
	}()
	select {
	case err := <-looked:
		if err == nil {
			t.Error("opened")
		}
	case <-time.After(10 * time.Second):
		t.Error("the FIFO holds up the reading")
	}
}

// A folder that could not be listed is listed as soon as it can be, although its time is the same.
func TestFolderThatCouldNotBeListed(t *testing.T) {
	path, past := filepath.Join(t.TempDir(), "transcripts"), time.Now().Add(-time.Hour)
	write(t, path, "no folder")
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	d := newFolder(path, time.Time{}, true)
	if found, err := d.list(); err == nil || len(found) > 0 {
		t.Fatalf("found %v in a file", found)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(path, "a.jsonl"), "")
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	if found, err := d.list(); err != nil || len(found) != 1 {
		t.Errorf("found %v, want the transcript", found)
	}
}

// A transcript with a run's name that is older than the program is read from its end on: the program may append to it. One that comes
// while the program runs is not older, even if the clock was set back.
func TestOldTranscriptIsReadFromItsEnd(t *testing.T) {
	folder, past := t.TempDir(), time.Now().Add(-time.Hour)
	path := filepath.Join(folder, "a.jsonl")
	write(t, path, start("old")+"\n"+start("old")[:20])
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	later := filepath.Join(folder, "later.jsonl")
	d := newFolder(folder, time.Now(), false)
	for range 2 {
		if err := d.discover(); err != nil || len(d.unread)+len(d.byRun) > 0 {
			t.Fatalf("%v, %v, %v", err, d.unread, d.byRun)
		}
		d.due(false)
	}
	d.want("a")
	write(t, path, start("new")+"\n")
	write(t, later, start("a")+"\n")
	if err := errors.Join(os.Chtimes(later, past, past), d.discover()); err != nil || len(d.order) != 2 {
		t.Fatalf("found %v, %v, want both transcripts", d.order, err)
	}
	for i, want := range []string{"new", "a"} {
		if got := given(t, d.order[i], false); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
