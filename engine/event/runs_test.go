package event_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/google/go-cmp/cmp"
)

// A second end of a run is an event only if it is a failure and the first end was not. So a step that prints an end hides no failure.
func TestForgedEnds(t *testing.T) {
	end := func(status, failure string) string {
		return fmt.Sprintf(`{"event":"workflow.completed","execution_id":"r1","timestamp":"2026-11-24T01:24:01Z",`+
			`"status":%q,"error":%q}`, status, failure)
	}
	success, failure, cancel := end("success", ""), end("failure", "e"), end("failure", "workflow cancelled")
	for _, tt := range []struct {
		name  string
		lines []string
		want  string // types of the events behind the start
		known int
	}{
		{"success, then failure", []string{success, failure}, "workflow_end workflow_error", 0},
		{"cancel, then failure", []string{cancel, failure}, "workflow_cancel workflow_error", 0},
		{"twice", []string{success, failure, success, failure, cancel}, "workflow_end workflow_error", 3},
		{"failure, then success", []string{failure, success}, "workflow_error", 1},
		{"failure, then cancel, as AWF writes them", []string{failure, cancel}, "workflow_error", 1},
		{"success, then cancel", []string{success, cancel}, "workflow_end", 1},
		{"the same line twice", []string{success, success}, "workflow_end", 1},
	} {
		res := read(t, strings.NewReader(strings.Join(append([]string{start}, tt.lines...), "\n")))
		var types []string
		for _, e := range res.events[1:] {
			types = append(types, e.Type)
		}
		if got := strings.Join(types, " "); got != tt.want || res.counts.Known != tt.known {
			t.Errorf("%s: %s, %d known; want %s, %d", tt.name, got, res.counts.Known, tt.want, tt.known)
		}
		if len(types) == 2 && !strings.Contains(string(res.events[2].Payload), `,"contradicts":"`+res.events[1].ID+`"`) {
			t.Errorf("%s: %s does not name %s", tt.name, res.events[2].Payload, res.events[1].ID)
		}
	}

	var j event.Joiner // its state, which the next joiner restores, has the first end
	joined(t, &j, start, success)
	state, err := j.Save()
	if err != nil {
		t.Fatal(err)
	}
	var next event.Joiner
	if err := next.Restore(state); err != nil {
		t.Fatal(err)
	}
	given := joined(t, &next, failure)
	if got := given(); len(got) != 1 || !strings.Contains(got[0], `"contradicts":"`) {
		t.Errorf("after a restart: %q, want the failure, which contradicts the first end", got)
	}
}

func step(path, typ, kind string, ms int) string {
	return fmt.Sprintf(`{"seq":1,"run_id":"r","type":"step.%s","path":%q,"iteration":0,"timestamp":"2026-11-24T01:24:00.%03dZ",`+
		`"payload":{"name":%[2]q,"kind":%[4]q}}`, typ, path, ms, kind)
}

// Steps that are open at the end of their run get an end from us, the one that began last first. Two joiners that read the same lines give
// it the same id.
func TestStepsThatWereCutOff(t *testing.T) {
	lines := []string{
		auditStart("r", 0), step("fan", "started", "parallel", 1), step("a", "started", "command", 2), step("b", "started", "command", 3),
		step("b", "completed", "command", 4), auditFailure("r", 9), step("a", "completed", "command", 9),
	}
	end := func(name, kind, took string) string {
		return fmt.Sprintf(`step_complete of r {"step":%[1]q,"kind":%[2]q,"path":%[1]q,"iteration":0,`+
			`"status":"cancelled","duration":%[3]s,"synthetic":true}`, name, kind, took)
	}
	var ids []string
	for range 2 {
		var j event.Joiner
		given := joined(t, &j, lines[:6]...)
		all := j.Event
		j.Event = func(e event.Event) {
			ids = append(ids, e.ID)
			all(e)
		}
		j.Release(time.Now().Add(2 * time.Second))
		want := []string{
			end("a", "command", "0.007"), end("fan", "parallel", "0.008"),
			`workflow_error of r {"status":"failure","duration":0.005,"error":"e"}`,
		}
		if diff := cmp.Diff(want, given()[5:]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if len(ids) != 6 || ids[0] != ids[3] || ids[1] != ids[4] || ids[0] == ids[1] {
		t.Errorf("ids %q, want the same from both joiners, and one for each step", ids)
	}
}

// A message or a use of a tool names its step: the one that AWF names, or the only one that it can belong to.
func TestWhichStepSpoke(t *testing.T) {
	message := func(path string) string {
		return `{"seq":7,"run_id":"r","type":"message.user","path":"` + path + `","iteration":0,` +
			`"timestamp":"2026-11-24T01:24:00.005Z","payload":{"role":"user"}}`
	}
	const asIs, inferred = `"path":"of r","iteration":0,"seq":7`, `,"step_inferred":true`
	for _, tt := range []struct {
		name  string
		steps []string
		path  string
		want  string
	}{
		{"none open", nil, "of r", asIs},
		{"the only one", []string{step("a1", "started", "agent", 1)}, "of r", asIs + `,"step":"a1"` + inferred},
		{"within others", []string{step("fan", "started", "parallel", 1), step("a1", "started", "agent", 2)}, "of r",
			asIs + `,"step":"a1"` + inferred},
		{"beside a command", []string{step("a1", "started", "agent", 1), step("c", "started", "command", 2)}, "of r",
			asIs + `,"step":"a1"` + inferred},
		{"two agents", []string{step("a1", "started", "agent", 1), step("a2", "started", "agent", 2)}, "of r", asIs},
		{"one that ended", []string{step("a1", "started", "agent", 1), step("a1", "completed", "agent", 2), step("a2", "started", "agent", 3)},
			"of r", asIs + `,"step":"a2"` + inferred},
		{"AWF's own word", []string{step("a1", "started", "agent", 1), step("a2", "started", "agent", 2)}, "a1",
			`"path":"a1","iteration":0,"seq":7,"step":"a1"`},
		{"a step of the workflow's name", []string{step("of r", "started", "command", 1), step("a2", "started", "agent", 2)}, "of r",
			asIs + `,"step":"a2"` + inferred},
	} {
		var j event.Joiner
		given := joined(t, &j, append(append([]string{auditStart("r", 0)}, tt.steps...), message(tt.path))...)
		if got, want := given()[len(given())-1], `message_user of r {"role":"user",`+tt.want+`}`; got != want {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		}
	}
}

// Steps have a duration in server-sent and plugin events too.
func TestDurationsOfNamedSteps(t *testing.T) {
	plugin := func(typ, at, more string) string {
		return `{"type":"step.` + typ + `","source":"core","timestamp":"2026-11-24T01:24:0` + at + `Z",` +
			`"metadata":{"workflow_id":"r","step_name":"s"` + more + `}}`
	}
	var j event.Joiner
	given := joined(t, &j, plugin("started", "1", ""), plugin("completed", "3.5", ""), plugin("started", "4", ""),
		plugin("failed", "5", `,"duration":"700ms"`))
	want := []string{
		`step_start  {"step":"s"}`, `step_complete  {"step":"s","status":"success","duration":2.5}`,
		`step_start  {"step":"s"}`, `step_complete  {"step":"s","status":"failure","duration":0.7}`,
	}
	if diff := cmp.Diff(want, given()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var got []string
	sse := event.Joiner{Event: func(e event.Event) { got = append(got, string(e.Payload)) }}
	now := time.Now()
	for i, kind := range []string{"started", "completed"} {
		at := now.Add(time.Duration(i) * 1500 * time.Millisecond)
		rec, err := event.ParseLine([]byte(`data: {"kind":"step.`+kind+`","run_id":"r","step":"s"}`), at)
		if err != nil {
			t.Fatal(err)
		}
		sse.Add(rec, at)
	}
	if got[1] != `{"step":"s","status":"success","duration":1.5}` {
		t.Errorf("payloads of the server-sent events: %q, want the second with its duration", got)
	}
}

// The start of a resumed run has the same id whether we know the program that resumed it or read the run's earlier lines.
func TestResumedIDsAgree(t *testing.T) {
	again := func(typ string) string { return strings.ReplaceAll(step("s", typ, "command", 500), "24T01", "24T02") }
	programBegan := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	begun := func(before []string, mark bool) event.Event {
		var got []event.Event
		j := event.Joiner{Files: true}
		for _, line := range append(before, again("started")) {
			rec, err := event.ParseLine([]byte(line), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if mark && rec.Starts() {
				rec.Resumed(programBegan)
			}
			j.Event = func(e event.Event) { got = append(got, e) }
			j.Add(rec, time.Now())
		}
		for _, e := range got {
			if strings.Contains(string(e.Payload), `"resumed":true`) {
				return e
			}
		}
		t.Fatalf("no run is resumed: %s", bodies(got))
		return event.Event{}
	}
	old := []string{step("old", "started", "command", 1), step("old", "completed", "command", 2)}
	byProgram := begun(append([]string{auditStart("r", 0)}, old...), true) // it may read the old transcript once more
	byLines := begun(append(append([]string{auditStart("r", 0)}, old...), auditStart("r", 0)), false)
	if byProgram.ID != byLines.ID || !byProgram.Timestamp.Equal(byLines.Timestamp) {
		t.Errorf("want the same id and time:\nby the program %s\nby the lines %s", byProgram.Body(), byLines.Body())
	}
}

// AWF's bus of plugin events can lose some, and we do not invent them. A step whose end is missing does not count as cut off, a step
// without a name does not get the beginning of another one, and a retry names no run.
func TestBusThatLosesEvents(t *testing.T) {
	const run = `"workflow_id":"r"`
	bus := func(typ string, at int, metadata string) string {
		return fmt.Sprintf(`{"id":"%s-%d","type":%[1]q,"source":"core","timestamp":"2026-11-24T01:24:%02[2]dZ","metadata":{%s}}`,
			typ, at, metadata)
	}
	for _, tt := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"a step's end", []string{
			bus("workflow.started", 1, run+`,"workflow_name":"w"`), bus("step.started", 2, run+`,"step_name":"s"`),
			bus("workflow.completed", 3, run+`,"duration":"2s"`),
		}, []string{`workflow_start w `, `step_start w {"step":"s"}`, `workflow_end w {"status":"success","duration":2}`}},
		{"a step's start", []string{
			bus("workflow.started", 1, run+`,"workflow_name":"w"`), bus("step.completed", 2, run+`,"step_name":"s"`),
		}, []string{`workflow_start w `, `step_complete w {"step":"s","status":"success"}`}},
		{"names of steps", []string{
			bus("workflow.started", 1, run+`,"workflow_name":"w"`), bus("step.started", 2, run), bus("step.completed", 5, run),
			bus("step.started", 6, run), bus("step.completed", 8, run+`,"duration":"1.5s"`), bus("workflow.failed", 9, run+`,"error":"e"`),
		}, []string{
			`workflow_start w `, `step_start w `, `step_complete w {"status":"success"}`, `step_start w `,
			`step_complete w {"status":"success","duration":1.5}`, `workflow_error w {"status":"failure","error":"e"}`,
		}},
		{"the run of a retry", []string{
			bus("workflow.started", 1, run+`,"workflow_name":"w"`), bus("step.retrying", 2, `"attempt":"2"`), bus("step.retrying", 3, ``),
		}, []string{`workflow_start w `, `step_retrying  {"attempt":"2"}`, `step_retrying  {}`}},
		{"a run's start", []string{bus("workflow.failed", 3, run+`,"workflow_name":"w"`)}, []string{`workflow_error w {"status":"failure"}`}},
		{"the run", []string{bus("step.failed", 3, `"step_name":"s"`), bus("workflow.failed", 3, `"workflow_name":"w"`)},
			[]string{`step_complete  {"step":"s","status":"failure"}`, `workflow_error w {"status":"failure"}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j event.Joiner
			given := joined(t, &j, tt.lines...)
			j.Release(time.Now().Add(2 * time.Second))
			if diff := cmp.Diff(tt.want, given()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
