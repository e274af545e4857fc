package event_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/google/go-cmp/cmp"
)

func auditStart(run string, ms int) string {
	return fmt.Sprintf(`{"event":"workflow.started","execution_id":%q,"timestamp":"2026-11-24T01:24:00.%03dZ",`+
		`"workflow_name":"of %[1]s"}`, run, ms)
}

func auditFailure(run string, ms int) string {
	return fmt.Sprintf(`{"event":"workflow.completed","execution_id":%q,"timestamp":"2026-11-24T01:24:00.%03dZ",`+
		`"status":"failure","exit_code":0,"duration_ms":5,"error":"e"}`, run, ms)
}

func stepLine(run, typ, more string) string {
	return fmt.Sprintf(`{"seq":1,"run_id":%q,"type":%q,"path":"a","iteration":0,"timestamp":"2026-11-24T01:24:00.002Z",`+
		`"payload":{"name":"a"}%s}`, run, typ, more)
}

// joined feeds lines to a joiner of several files and returns what it gave: the type, the workflow's name and the payload.
func joined(t *testing.T, j *event.Joiner, lines ...string) func() []string {
	t.Helper()
	var given []string
	j.Files = true
	j.Event = func(e event.Event) {
		given = append(given, e.Type+" "+e.WorkflowName+" "+string(e.Payload))
	}
	for _, line := range lines {
		rec, err := event.ParseLine([]byte(line), time.Now())
		if err != nil || rec == nil {
			t.Fatalf("%s: %v", line, err)
		}
		j.Add(rec, time.Now())
	}
	return func() []string { return given }
}

// A run's end can be read before the end of its step, since they are in different files. The joiner gives it after the step's end.
func TestEndWaitsForItsSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j event.Joiner
		given := joined(t, &j,
			auditStart("r", 0), stepLine("r", "step.started", ""), auditFailure("r", 9), auditStart("q", 10), stepLine("r", "step.completed", ""))
		want := []string{
			`workflow_start of r `, `step_start of r {"step":"a","path":"a","iteration":0}`,
			`step_complete of r {"step":"a","path":"a","iteration":0,"status":"success","duration":0}`,
			`workflow_error of r {"status":"failure","duration":0.005,"error":"e"}`, `workflow_start of q `,
		}
		if diff := cmp.Diff(want, given()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}

		j = event.Joiner{} // the step never ends, so the run's end waits for a second
		given = joined(t, &j, auditStart("r", 0), stepLine("r", "step.started", ""), auditFailure("r", 9))
		if n := len(given()); n != 2 {
			t.Errorf("%d events at once, want 2", n)
		}
		due, waits := j.Due(0)
		if !waits || time.Until(due) != time.Second {
			t.Errorf("the run's end waits = %v, and is due in %v; want true and 1s", waits, time.Until(due))
		}
		time.Sleep(time.Second)
		j.Release(time.Now())
		want = []string{
			`step_complete of r {"step":"a","path":"a","iteration":0,"status":"cancelled","duration":0.007,"synthetic":true}`,
			`workflow_error of r {"status":"failure","duration":0.005,"error":"e"}`,
		}
		if diff := cmp.Diff(want, given()[2:]); diff != "" || j.Waits() {
			t.Errorf("after a second (-want +got):\n%s", diff)
		}
	})
}

// The end of a failed top-level run waits for the program's exit code. That of a called run does not wait, and neither does one that
// another run follows.
func TestHeldEnds(t *testing.T) {
	child := stepLine("top", "step.call_workflow.started", `,"child_run_id":"kid"`)
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"top", []string{auditStart("top", 0), auditFailure("top", 9)}, `"exit_code":3,"error":"e"`},
		{"called", []string{auditStart("top", 0), child, auditStart("kid", 1), auditFailure("kid", 9)}, `"duration":0.005,"error":"e"`},
		{"beside another", []string{auditStart("top", 0), auditStart("other", 1), auditFailure("top", 9)}, `"duration":0.005,"error":"e"`},
		{"followed", []string{auditStart("top", 0), auditFailure("top", 9), auditStart("next", 10)}, `"duration":0.005,"error":"e"`},
	}
	for _, tt := range tests {
		j := event.Joiner{HoldEnds: true}
		given := joined(t, &j, tt.lines...)
		j.SetExit(3)
		j.Flush()
		i := slices.IndexFunc(given(), func(s string) bool { return strings.HasPrefix(s, "workflow_error") })
		if i < 0 || !strings.Contains(given()[i], tt.want) {
			t.Errorf("%s: %q, want %s", tt.name, given(), tt.want)
		}
	}
}

// Each open run gets one end, called runs first. Two joiners that read the same lines give the ends the same ids.
func TestMissingEnds(t *testing.T) {
	lines := []string{
		auditStart("top", 0), stepLine("top", "step.call_workflow.started", `,"child_run_id":"kid"`),
		auditStart("kid", 1), stepLine("kid", "step.started", `,"parent_run_id":"top"`), auditStart("done", 2), auditFailure("done", 3),
	}
	var ids [2][]string
	for i, how := range []event.Ending{{Error: "killed by signal 9", ExitCode: 137}, {Cancelled: true, Error: "interrupted", ExitCode: 130}} {
		var j event.Joiner
		given := joined(t, &j, lines...)
		j.Flush()
		before := len(given())
		all := j.Event
		j.Event = func(e event.Event) {
			ids[i] = append(ids[i], e.ID)
			all(e)
		}
		now := time.Date(2026, 11, 24, 1, 24, 2, 0, time.UTC)
		if n := j.End(how, 0, now) + j.End(how, 0, now); n != 2 {
			t.Errorf("%d ends, want 2", n)
		}
		step := `{"step":"a","path":"a","iteration":0,"status":"cancelled","duration":1.998,"synthetic":true}`
		want := [][]string{{
			`step_complete of kid ` + step,
			`workflow_error of kid {"status":"failure","duration":1.999,"exit_code":137,"error":"killed by signal 9","synthetic":true}`,
			`step_complete of top ` + step,
			`workflow_error of top {"status":"failure","duration":2,"exit_code":137,"error":"killed by signal 9","synthetic":true}`,
		}, {
			`step_complete of kid ` + step,
			`workflow_cancel of kid {"status":"cancelled","duration":1.999,"error":"interrupted","synthetic":true}`,
			`step_complete of top ` + step,
			`workflow_cancel of top {"status":"cancelled","duration":2,"error":"interrupted","synthetic":true}`,
		}}[i]
		if diff := cmp.Diff(want, given()[before:]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if diff := cmp.Diff(ids[0], ids[1]); diff != "" || ids[0][0] == ids[0][1] {
		t.Errorf("want the same ids from both joiners, and each only once (-first +second):\n%s", diff)
	}
}

// A run is not an orphan as long as the run that it called has events.
func TestOrphansByTheirQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j event.Joiner
		given := joined(t, &j, auditStart("top", 0), stepLine("top", "step.call_workflow.started", `,"child_run_id":"kid"`), auditStart("kid", 1))
		for range 3 {
			time.Sleep(40 * time.Minute)
			rec, err := event.ParseLine([]byte(stepLine("kid", "step.started", "")), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			j.Add(rec, time.Now())
			if n := j.End(event.Ending{}, time.Hour, time.Now()); n != 0 {
				t.Fatalf("%d ends while the called run lives: %q", n, given())
			}
		}
		time.Sleep(time.Hour)
		if n := j.End(event.Ending{}, time.Hour, time.Now()); n != 2 {
			t.Errorf("%d ends, want 2", n)
		}
	})
}

// A joiner's state has its names, callers, steps and ends, and another joiner restores them. Runs that it only learned of get no end.
func TestRemembered(t *testing.T) {
	var j event.Joiner
	joined(t, &j, auditStart("top", 0), stepLine("top", "step.call_workflow.started", `,"child_run_id":"kid"`), auditStart("done", 1),
		auditFailure("done", 3))
	j.Flush()
	state, err := j.Save()
	if err != nil {
		t.Fatal(err)
	}
	var next event.Joiner
	if err := next.Restore(state); err != nil {
		t.Fatal(err)
	}
	given := joined(t, &next, auditStart("kid", 4), stepLine("top", "step.call_workflow.completed", `,"child_run_id":"kid"`),
		auditFailure("done", 9))
	want := []string{
		`workflow_start of kid {"parent_id":"top"}`,
		`step_complete of top {"step":"a","path":"a","iteration":0,"child_id":"kid","status":"success","duration":0}`,
	}
	if diff := cmp.Diff(want, given()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := next.End(event.Ending{}, 0, time.Now()); n != 2 {
		t.Errorf("%d ends, want 2", n)
	}

	next = event.Joiner{}
	rec, err := event.ParseLine([]byte(auditStart("old", 0)), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	next.Learn(rec)
	given = joined(t, &next, stepLine("old", "step.started", ""))
	if got := given(); len(got) != 1 || !strings.HasPrefix(got[0], "step_start of old ") {
		t.Errorf("%q, want a step_start with the workflow's name", got)
	}
	next = event.Joiner{}
	next.Learn(rec)
	next.Event = func(e event.Event) { t.Errorf("a run that was only learned got the end %s", e.Body()) }
	next.End(event.Ending{}, 0, time.Now())
}

// A stream's reader gives missing ends if it is asked to: after a time without events, or at the end of the stream.
func TestReaderMakesEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, after := range []time.Duration{0, time.Hour} {
			var got []string
			r := &event.Reader{OrphanAfter: after, Event: func(e event.Event) { got = append(got, e.Type+" "+e.WorkflowName) }}
			in, out := pipe()
			go func() {
				defer out.Close()
				out.line(auditStart("quiet", 0))
				time.Sleep(59 * time.Minute)
				out.line(auditStart("last", 1))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if want := 2; after > 0 && len(got) != want+1 {
					t.Errorf("after an hour: %q", got)
				}
			}()
			if _, err := r.ReadFrom(in); err != nil {
				t.Fatal(err)
			}
			want := []string{"workflow_start of quiet", "workflow_start of last"}
			if after > 0 {
				want = append(want, "workflow_error of quiet", "workflow_error of last")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("orphan after %v (-want +got):\n%s", after, diff)
			}
		}
	})
}

// A call is its run's first step, so the audit file holds both starts before a line of either transcript is read. The called run's start
// waits up to a second for the line that names its caller. A stream without files does not wait, and its start names no caller.
func TestCalledRunKnowsItsCaller(t *testing.T) {
	call := stepLine("top", "step.call_workflow.started", `,"child_run_id":"kid"`)
	own := stepLine("kid", "step.started", `,"parent_run_id":"top"`)
	const named, nameless = `workflow_start of kid {"parent_id":"top"}`, `workflow_start of kid `
	for _, tt := range []struct {
		name  string
		files bool
		after time.Duration // until the line is read
		line  string
		want  string
	}{
		{"the caller's line", true, 0, call, named},
		{"the caller's line, later", true, 900 * time.Millisecond, call, named},
		{"its own line, later", true, 900 * time.Millisecond, own, named},
		{"too late", true, 1100 * time.Millisecond, call, nameless},
		{"without the wait", false, 10 * time.Millisecond, call, nameless},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got string
				j := event.Joiner{Files: tt.files, Event: func(e event.Event) {
					if e.WorkflowID == "kid" && e.Type == event.WorkflowStart {
						got = e.Type + " " + e.WorkflowName + " " + string(e.Payload)
					}
				}}
				add := func(line string) {
					rec, err := event.ParseLine([]byte(line), time.Now())
					if err != nil {
						t.Fatal(err)
					}
					j.Add(rec, time.Now())
				}
				add(auditStart("top", 0))
				add(auditStart("kid", 0))
				time.Sleep(tt.after)
				j.Release(time.Now())
				add(tt.line)
				j.Release(time.Now())
				if got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		})
	}
}
