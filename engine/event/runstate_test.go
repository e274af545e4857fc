package event_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/google/go-cmp/cmp"
)

// stateFile returns AWF's state file of run r with a step "a". If late is 0, the step started 100 µs after its event at 01:24:00.002.
func stateFile(status, step string, late time.Duration, more string) string {
	began := time.Date(2026, 11, 24, 1, 24, 0, 2_100_000, time.UTC).Add(late)
	return fmt.Sprintf(`{"WorkflowID":"r","Status":%q,"ExitCode":0,"States":{"a":{"Status":%q,"StartedAt":%q,"CompletedAt":%q%s}}}`,
		status, step, began.Format(time.RFC3339Nano), began.Add(time.Millisecond).Format(time.RFC3339Nano), more)
}

func stepEnd(failure string) string {
	return `{"seq":2,"run_id":"r","type":"step.completed","path":"a","iteration":0,"timestamp":"2026-11-24T01:24:00.004Z",` +
		`"payload":{"name":"a","kind":"command"` + failure + `}}`
}

// The ends of a step and its run get the data of the state file if it is certain that it belongs to them.
func TestRunState(t *testing.T) {
	const tail = `"status":"success","duration":0.002`
	tests := []struct {
		name, state, step, end string
	}{
		{"none", "", tail, `"error":"e"`},
		{"success", stateFile("failed", "completed", 0, `,"ExitCode":0,"Attempt":1,"TokensUsed":12`),
			tail + `,"exit_code":0,"attempts":1,"tokens":12`, `"error":"e","attempts":1,"tokens":12`},
		{"failure", stateFile("failed", "failed", 0, `,"ExitCode":7,"Attempt":1`), tail + `,"exit_code":7,"attempts":1`,
			`"exit_code":7,"error":"e","attempts":1`},
		{"a failure without a code", stateFile("failed", "failed", 0, `,"ExitCode":0,"Attempt":0`), tail, `"error":"e"`},
		{"a timeout", stateFile("failed", "failed", 0, `,"ExitCode":-1,"Attempt":1`), tail + `,"attempts":1`, `"error":"e","attempts":1`},
		{"a loop's last one", stateFile("failed", "completed", time.Second, `,"ExitCode":7,"Attempt":1`), tail, `"error":"e","attempts":1`},
		{"a loop's one before", stateFile("failed", "completed", -time.Second, `,"ExitCode":7,"Attempt":1`), tail, `"error":"e","attempts":1`},
		{"another run's", strings.Replace(stateFile("failed", "failed", 0, `,"ExitCode":7`), `"r"`, `"q"`, 1), tail, `"error":"e"`},
		{"another version", strings.Replace(stateFile("failed", "failed", 0, `,"ExitCode":7`), `{`, `{"Version":2,`, 1), tail, `"error":"e"`},
		{"this version", strings.Replace(stateFile("failed", "failed", 0, `,"ExitCode":7`), `{`, `{"schema_version":1,`, 1),
			tail + `,"exit_code":7`, `"exit_code":7,"error":"e"`},
		{"another shape", `{"WorkflowID":"r","States":[1]}`, tail, `"error":"e"`},
		{"a step of another shape", stateFile("failed", "failed", 0, `,"ExitCode":"7"`), tail, `"error":"e"`},
		{"no object", `[]`, tail, `"error":"e"`},
		{"no JSON", `{"WorkflowID":`, tail, `"error":"e"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := event.Joiner{State: func(run string) *event.RunState {
					if tt.state == "" || run != "r" {
						return nil
					}
					return event.DecodeRunState([]byte(tt.state), run)
				}}
				given := joined(t, &j, auditStart("r", 0), stepLine("r", "step.started", ""), stepEnd(""), auditFailure("r", 9))
				time.Sleep(250 * time.Millisecond) // the longest wait for a file
				j.Release(time.Now())
				want := []string{
					"workflow_start of r ", `step_start of r {"step":"a","path":"a","iteration":0}`,
					`step_complete of r {"step":"a","kind":"command","path":"a","iteration":0,` + tt.step + "}",
					`workflow_error of r {"status":"failure","duration":0.005,` + tt.end + "}",
				}
				if diff := cmp.Diff(want, given()); diff != "" || j.Waits() {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

// A step's end waits for its state while AWF is about to write the file, and no longer.
func TestWaitForState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := `{"WorkflowID":"r","Status":"running","States":{}}`
		j := event.Joiner{State: func(run string) *event.RunState { return event.DecodeRunState([]byte(text), run) }}
		given := joined(t, &j, auditStart("r", 0), stepLine("r", "step.started", ""), stepEnd(""), auditStart("q", 20))
		if n := len(given()); n != 2 {
			t.Errorf("%d events at once, want 2", n)
		}
		if due, waits := j.Due(0); !waits || time.Until(due) > 50*time.Millisecond {
			t.Errorf("the file is looked at again in %v, want 50ms at most", time.Until(due))
		}
		text = stateFile("running", "completed", 0, `,"Attempt":1`)
		time.Sleep(50 * time.Millisecond)
		j.Release(time.Now())
		if n := len(given()); n != 3 || !strings.Contains(given()[2], `"exit_code":0,"attempts":1`) {
			t.Errorf("given %q, want the step's end with its state", given())
		}
	})
}

// How long the end of step "a" of run r waits for its state, and which events pass it meanwhile: those of other runs.
func TestHowLongAStepWaitsForItsState(t *testing.T) {
	const unsaved = `{"WorkflowID":"r","Status":"running","States":{}}`
	step := func(run, typ, name, kind string) string {
		return fmt.Sprintf(`{"seq":1,"run_id":%q,"type":%q,"path":%q,"timestamp":"2026-11-24T01:24:00.004Z","payload":{"name":%[3]q,"kind":%q}}`,
			run, typ, name, kind)
	}
	call := strings.Replace(step("r", "step.call_workflow.started", "c", "call_workflow"), `"payload"`, `"child_run_id":"q","payload"`, 1)
	tests := []struct {
		name, state   string
		before, after []string
		wait          time.Duration // the first at which it is given
		passes        int           // of after
	}{
		{"nothing follows", unsaved, nil, nil, 3 * time.Second, 0},
		{"AWF has written no state yet", "", nil, nil, 3 * time.Second, 0},
		{"another run goes on", unsaved, []string{auditStart("q", 0)},
			[]string{step("q", "step.started", "x", ""), step("q", "step.completed", "x", ""), auditFailure("q", 20)}, 3 * time.Second, 3},
		{"its run goes on", unsaved, nil, []string{step("r", "step.started", "b", "")}, 250 * time.Millisecond, 0},
		{"a run that it called goes on", unsaved, []string{call}, []string{auditStart("q", 9)}, 250 * time.Millisecond, 0},
		{"in a loop", unsaved, []string{step("r", "step.started", "l", "for_each")}, nil, 250 * time.Millisecond, 0},
		{"beside a branch", unsaved, []string{step("r", "step.started", "p", "parallel")}, nil, 250 * time.Millisecond, 0},
		{"beside a called run", unsaved, []string{call}, nil, 3 * time.Second, 0},
		{"its run is over", stateFile("failed", "failed", 0, ""), nil, nil, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := event.Joiner{State: func(run string) *event.RunState {
					switch {
					case run != "r":
						return nil
					case tt.state == "":
						return event.Unwritten
					}
					return event.DecodeRunState([]byte(tt.state), run)
				}}
				began := time.Now()
				lines := append([]string{auditStart("r", 0), stepLine("r", "step.started", "")}, tt.before...)
				given := joined(t, &j, append(append(lines, stepEnd("")), tt.after...)...)
				isGiven := func() bool {
					return slices.ContainsFunc(given(), func(e string) bool { return strings.HasPrefix(e, "step_complete of r ") })
				}
				if passed := len(given()) - len(lines); tt.wait > 0 && passed != tt.passes {
					t.Errorf("%d events pass, want %d: %q", passed, tt.passes, given())
				}
				for !isGiven() {
					due, waits := j.Due(0)
					if !waits {
						t.Fatal("nothing is due, and the step's end was not given")
					}
					time.Sleep(time.Until(due))
					j.Release(time.Now())
				}
				if took := time.Since(began); took < tt.wait || took > tt.wait+25*time.Millisecond {
					t.Errorf("given after %v, want %v", took, tt.wait)
				}
			})
		})
	}
}

// A state that AWF writes late, for example after a post hook, reaches its step while the run does nothing else.
func TestLateState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := event.Unwritten
		j := event.Joiner{State: func(string) *event.RunState { return state }}
		given := joined(t, &j, auditStart("r", 0), stepLine("r", "step.started", ""), stepEnd(""))
		time.Sleep(2 * time.Second)
		j.Release(time.Now())
		state = event.DecodeRunState([]byte(stateFile("running", "completed", 0, `,"Attempt":1`)), "r")
		time.Sleep(50 * time.Millisecond)
		j.Release(time.Now())
		if all := given(); len(all) != 3 || !strings.Contains(all[2], `"exit_code":0,"attempts":1`) {
			t.Errorf("given %q, want the step's end with its state", all)
		}
	})
}

// Whatever state files lag, the events of a run and of the runs that it calls keep their order, and all are given once.
func TestLateStatesKeepTheOrder(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			var lines []string
			for i := range 60 {
				run, name := string('a'+rune(random.IntN(3))), string('s'+rune(random.IntN(3)))
				typ := []string{"step.started", "step.completed"}[random.IntN(2)]
				more := ""
				if run == "b" {
					more = `"parent_run_id":"a",`
				}
				lines = append(lines, fmt.Sprintf(
					`{"seq":%d,"run_id":%q,%s"type":%q,"path":%q,"timestamp":"2026-11-24T01:24:00.%03dZ","payload":{"name":%[5]q,"n":%[1]d}}`,
					i, run, more, typ, name, i))
			}
			lines = append([]string{auditStart("a", 0), auditStart("b", 0), auditStart("c", 0)}, lines...)
			give := func(j *event.Joiner) (families map[bool][]string) {
				families = map[bool][]string{}
				j.Event = func(e event.Event) { families[e.WorkflowID == "c"] = append(families[e.WorkflowID == "c"], e.ID) }
				j.Files = true
				for _, line := range lines {
					rec, err := event.ParseLine([]byte(line), time.Now())
					if err != nil {
						t.Fatal(err)
					}
					j.Add(rec, time.Now())
					if random.IntN(4) == 0 {
						time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
						j.Release(time.Now())
					}
				}
				j.Flush()
				return families
			}
			want := give(&event.Joiner{})
			got := give(&event.Joiner{State: func(string) *event.RunState {
				return []*event.RunState{nil, event.Unwritten, event.Unwritten}[random.IntN(3)]
			}})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
			}
		})
	}
}

// Each further attempt of a step makes an event before the step's end. Two joiners that read the same files give it the same id.
func TestRetries(t *testing.T) {
	text := stateFile("completed", "completed", 0, `,"Attempt":3`)
	var ids [2][]string
	for i := range ids {
		j := event.Joiner{State: func(run string) *event.RunState { return event.DecodeRunState([]byte(text), run) }}
		given := joined(t, &j, auditStart("r", 0), stepLine("r", "step.started", ""))
		all := j.Event
		j.Event = func(e event.Event) {
			ids[i] = append(ids[i], e.ID)
			all(e)
		}
		rec, err := event.ParseLine([]byte(stepEnd("")), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		j.Add(rec, time.Now())
		step := `{"step":"a","kind":"command","path":"a","iteration":0,`
		want := []string{
			`step_retry of r ` + step + `"attempt":2,"synthetic":true}`, `step_retry of r ` + step + `"attempt":3,"synthetic":true}`,
			`step_complete of r ` + step + `"status":"success","duration":0.002,"exit_code":0,"attempts":3}`,
		}
		if diff := cmp.Diff(want, given()[2:]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if !slices.Equal(ids[0], ids[1]) || len(slices.Compact(slices.Sorted(slices.Values(ids[0])))) != 3 {
		t.Errorf("ids %q, want the same from both joiners, and three different ones", ids)
	}
}

// We can read the state files that AWF wrote for the recordings.
func TestRecordedStates(t *testing.T) {
	files, err := os.ReadDir(recordings + "/storage/states")
	if err != nil || len(files) != 10 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(recordings + "/storage/states/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if event.DecodeRunState(text, strings.TrimSuffix(f.Name(), ".json")) == nil {
			t.Errorf("%s: DecodeRunState = nil, want the run's state", f.Name())
		}
	}
}

// FuzzRunState reads any state file: the events that it makes are JSON, and their number is bounded.
func FuzzRunState(f *testing.F) {
	f.Add([]byte(stateFile("failed", "failed", 0, `,"ExitCode":7,"Attempt":99999999999,"TokensUsed":-1`)))
	f.Add([]byte(`{"WorkflowID":"r","Status":null,"States":{"a":null,"":{}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		j := event.Joiner{State: func(run string) *event.RunState { return event.DecodeRunState(text, run) }}
		var events []event.Event
		j.Event = func(e event.Event) { events = append(events, e) }
		for _, line := range []string{auditStart("r", 0), stepLine("r", "step.started", ""), stepEnd(""), auditFailure("r", 9)} {
			rec, err := event.ParseLine([]byte(line), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			j.Add(rec, time.Time{})
		}
		j.Flush()
		if len(events) < 4 || len(events) > 104 {
			t.Errorf("%d events", len(events))
		}
		for _, e := range events {
			if err := e.Validate(); err != nil {
				t.Errorf("body %s: %v", e.Body(), err)
			}
		}
	})
}
