package event_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/google/go-cmp/cmp"
)

const start = `{"event":"workflow.started","execution_id":"r1","timestamp":"2026-11-24T01:24:00Z","workflow_name":"deploy"}`

func envelope(payload string) string {
	return `{"event":"workflow_end","workflow_id":"w1","workflow_name":"deploy","timestamp":"2026-11-24T01:24:00.500+01:00",` +
		`"payload":` + payload + `}`
}

// An envelope's payload and timestamp reach the body byte for byte.
func TestEnvelopeIsKeptByteForByte(t *testing.T) {
	for _, payload := range []string{
		`{}`,
		`{"z":1,"a":2}`,
		`{"n":12345678901234567890123, "e":1e400, "f":1.10, "neg":-0}`,
		`{ "spaced" : [ 1 , 2 ] }`,
		`{"twice":1,"twice":2}`,
		`{"html":"<b>&amp;</b>","unicode":"é\u00e9\ud83d\ude00😀","nul":"\u0000","line":"\n"}`,
		`{"deep":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
	} {
		line := envelope(payload)
		res := read(t, strings.NewReader(line+"\n"))
		if len(res.events) != 1 {
			t.Fatalf("%s: %d events, broken %q", payload, len(res.events), res.broken)
		}
		if got := string(res.events[0].Body()); got != line {
			t.Errorf("body = %s\nwant   %s", got, line)
		}
	}
}

func TestLineForms(t *testing.T) {
	line := envelope(`{}`)
	tests := []struct {
		name, in, passed string
		events           int
	}{
		{"empty input", "", "", 0},
		{"no final newline", line, "", 1},
		{"CRLF", line + "\r\n" + line + "\r\n", "", 2},
		{"byte order mark", "\uFEFF" + line + "\n", "", 1},
		{"byte order mark later", line + "\n\uFEFFhello\n", "\uFEFFhello\n", 1},
		{"spaces around", "  \t" + line + "  \n", "", 1},
		{"blank lines", "\n\n" + line + "\n\n", "\n\n\n", 1},
		{"NUL among text", "a\x00b\n" + line + "\n\x00\n", "a\x00b\n\x00\n", 1},
		{"binary", "\xff\xfe\x00{\n" + line + "\n\x7fELF", "\xff\xfe\x00{\n\x7fELF", 1},
		{"other JSON", `{"level":"info","msg":"x"}` + "\n" + line + "\n[1]\n5\nnull\n{}\n",
			`{"level":"info","msg":"x"}` + "\n[1]\n5\nnull\n{}\n", 1},
		{"JSON with some of the keys", `{"event":"x"}` + "\n" + `{"run_id":"1","seq":1}` + "\n",
			`{"event":"x"}` + "\n" + `{"run_id":"1","seq":1}` + "\n", 0},
		{"keys inside are not keys", `{"a":{"event":"x","workflow_id":"1"}}` + "\n", `{"a":{"event":"x","workflow_id":"1"}}` + "\n", 0},
		{"keys of another case", `{"Event":"x","WORKFLOW_ID":"1"}` + "\n", `{"Event":"x","WORKFLOW_ID":"1"}` + "\n", 0},
		{"data lines of others", "data: hello\ndata: {\"x\":1}\n", "data: hello\ndata: {\"x\":1}\n", 0},
		{"escaped key", strings.Replace(line, `"event"`, `"\u0065vent"`, 1) + "\n", "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := read(t, strings.NewReader(tt.in))
			slow := read(t, iotest.OneByteReader(strings.NewReader(tt.in)))
			if res.passed != tt.passed || slow.passed != tt.passed {
				t.Errorf("passed %q, byte by byte %q, want %q", res.passed, slow.passed, tt.passed)
			}
			if len(res.events) != tt.events || len(slow.events) != tt.events || len(res.broken) > 0 {
				t.Errorf("%d events, byte by byte %d, want %d; broken %q", len(res.events), len(slow.events), tt.events, res.broken)
			}
		})
	}
}

// A body must be UTF-8. Bytes that are not become U+FFFD, and the event is still delivered.
func TestInvalidUTF8IsReplaced(t *testing.T) {
	res := read(t, strings.NewReader(envelope("{\"x\":\"a\xffb\"}")+"\n"))
	if len(res.events) != 1 {
		t.Fatal(res.broken)
	}
	if got, want := string(res.events[0].Payload), "{\"x\":\"a\uFFFDb\"}"; got != want {
		t.Errorf("payload = %q, want %q", got, want)
	}
}

func TestIDs(t *testing.T) {
	sum := sha256.Sum256([]byte(start))
	own := strings.Replace(envelope(`{}`), `{"event"`, `{"id":"evt-7","event"`, 1)
	res := read(t, strings.NewReader(start+"\r\n"+start+"\n"+own+"\n"+envelope(`{}`)+"\n"+envelope(`{}`)))
	if len(res.events) != 5 {
		t.Fatalf("%d events, want 5: %q", len(res.events), res.broken)
	}
	for i, want := range []string{hex.EncodeToString(sum[:]), hex.EncodeToString(sum[:]), "evt-7"} {
		if got := res.events[i].ID; got != want {
			t.Errorf("event %d: id %s, want %s", i, got, want)
		}
	}
	if a, b := res.events[3].ID, res.events[4].ID; a == b || len(a) != 36 || a[14] != '7' {
		t.Errorf("ids of equal envelopes: %s and %s, want two UUIDv7", a, b)
	}
}

// Each start has one end, although AWF can write two for a cancelled run. AWF resumes a run with the same start line.
func TestOneEndPerStart(t *testing.T) {
	end := func(failure string) string {
		return `{"event":"workflow.completed","execution_id":"r1","timestamp":"2026-11-24T01:24:01Z","workflow_name":"deploy",` +
			`"status":"failure","exit_code":0,"duration_ms":1000,"error":"` + failure + `"}`
	}
	tests := []struct {
		name  string
		lines []string
		want  string
		known int
	}{
		{"two ends", []string{start, end("x"), end("workflow cancelled")}, "workflow_start workflow_error", 1},
		{"an end without a start", []string{end("x"), end("x")}, "workflow_error", 1},
		{"resumed", []string{start, end("x"), start, end("y")}, "workflow_start workflow_error workflow_start workflow_error", 0},
		{"cancelled", []string{start, end("workflow cancelled")}, "workflow_start workflow_cancel", 0},
		{"two dialects tell one end", []string{start, end("x"), `data: {"kind":"workflow.failed","run_id":"r1"}`},
			"workflow_start workflow_error", 1},
		{"two dialects tell one start",
			[]string{start, `{"seq":1,"run_id":"r1","type":"run.started","timestamp":"2026-11-24T01:24:00Z","payload":null}`},
			"workflow_start", 1},
		{"envelopes say what they say", []string{envelope(`{}`), envelope(`{}`)}, "workflow_end workflow_end", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := read(t, strings.NewReader(strings.Join(tt.lines, "\n")))
			var types []string
			for _, e := range res.events {
				types = append(types, e.Type)
			}
			if got := strings.Join(types, " "); got != tt.want || res.counts.Known != tt.known {
				t.Errorf("%s, %d known; want %s, %d known; broken %q", got, res.counts.Known, tt.want, tt.known, res.broken)
			}
		})
	}
}

// The event that each kind of line becomes, beside those of the recordings.
func TestDialects(t *testing.T) {
	const at = `"timestamp":"2026-11-24T01:24:00Z"`
	tests := []struct{ name, line, typ, payload string }{
		{"failed with an exit code",
			`{"event":"workflow.completed","execution_id":"r",` + at + `,"status":"failure","exit_code":3,"duration_ms":1500,"error":"e"}`,
			"workflow_error", `{"status":"failure","duration":1.5,"exit_code":3,"error":"e"}`},
		{"cancelled",
			`{"event":"workflow.completed","execution_id":"r",` + at + `,"status":"failure","exit_code":130,"error":"workflow cancelled"}`,
			"workflow_cancel", `{"status":"cancelled","error":"workflow cancelled"}`},
		{"run.completed", `{"seq":9,"run_id":"r","type":"run.completed",` + at + `,"payload":{"name":"d","kind":"workflow","error":"e"}}`,
			"workflow_error", `{"status":"failure","error":"e"}`},
		{"message",
			`{"seq":2,"run_id":"r","type":"message.user","path":"a",` + at + `,"payload":{"role":"user","blocks":[{"n":10000000000000000001}]}}`,
			"message_user", `{"role":"user","blocks":[{"n":10000000000000000001}],"path":"a","seq":2}`},
		{"a message's own keys",
			`{"seq":2,"run_id":"r","parent_run_id":"q","iteration":3,"type":"tool.call","path":"a",` + at +
				`,"payload":{"step":7,"path":[],"seq":"x"}}`,
			"tool_call", `{"step":7,"path":[],"seq":"x","iteration":3,"parent_id":"q"}`},
		{"cut inputs", `{"event":"workflow.started","execution_id":"r",` + at + `,"inputs":{"who":"…"},"inputs_truncated":true,"user":"u"}`,
			"workflow_start", `{"inputs":{"who":"…"},"inputs_truncated":true,"user":"u"}`},
		{"plugin step's duration", `{"type":"step.completed","source":"core","metadata":{"workflow_id":"r","step_name":"s","duration":"1m1.5s"}}`,
			"step_complete", `{"step":"s","status":"success","duration":61.5}`},
		{"plugin end whose duration is none", `{"type":"workflow.completed","source":"core","metadata":{"workflow_id":"r","duration":"soon"}}`,
			"workflow_end", `{"status":"success"}`},
		{"server-sent call", `data: {"kind":"step.call_workflow.started","run_id":"r","child_run_id":"q","step":"call"}`,
			"step_start", `{"step":"call","kind":"call_workflow","child_id":"q"}`},
		{"server-sent call's end", `data: {"kind":"step.call_workflow.completed","run_id":"r","child_run_id":"q","step":"call","error":"e"}`,
			"step_complete", `{"step":"call","kind":"call_workflow","child_id":"q","status":"failure","error":"e"}`},
		{"server-sent cancel", `data: {"kind":"workflow.failed","run_id":"r","status":"cancelled","error":"cancelled"}`,
			"workflow_cancel", `{"status":"cancelled","error":"cancelled"}`},
		{"list as payload", `{"seq":2,"run_id":"r","type":"tool.result",` + at + `,"payload":[1]}`, "tool_result", `{"value":[1],"seq":2}`},
		{"null as payload", `{"seq":2,"run_id":"r","type":"new.kind",` + at + `,"payload":null}`, "new_kind", `{}`},
		{"other audit event", `{"event":"workflow.paused","execution_id":"r",` + at + `}`,
			"workflow_paused", `{"event":"workflow.paused","execution_id":"r",` + at + `}`},
		{"plugin end",
			`{"id":"p1","type":"workflow.completed","source":"core",` + at + `,"metadata":{"workflow_id":"r","workflow_name":"d","duration":"1s"}}`,
			"workflow_end", `{"status":"success","duration":1}`},
		{"plugin step", `{"type":"step.failed","source":"core","metadata":{"workflow_id":"r","step_name":"build","error":"e"}}`,
			"step_complete", `{"step":"build","status":"failure","error":"e"}`},
		{"plugin's own event", `{"type":"deploy.initiated","source":"my-plugin","metadata":{"target":"prod"}}`,
			"deploy_initiated", `{"target":"prod"}`},
		{"server-sent event of another kind", `data: {"kind":"input.required","run_id":"r","prompt":"name?"}`,
			"input_required", `{"kind":"input.required","run_id":"r","prompt":"name?"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // an event of a transcript waits for its run's start
				res := read(t, strings.NewReader(tt.line))
				if len(res.events) != 1 {
					t.Fatalf("%d events, passed %q, broken %q", len(res.events), res.passed, res.broken)
				}
				e := res.events[0]
				var body struct{ Payload json.RawMessage }
				if err := json.Unmarshal(e.Body(), &body); err != nil {
					t.Fatal(err)
				}
				if e.Type != tt.typ || string(body.Payload) != tt.payload {
					t.Errorf("%s %s, want %s %s", e.Type, body.Payload, tt.typ, tt.payload)
				}
			})
		})
	}
}

// Steps that come before their run's start wait up to a second for the workflow's name, and later events wait behind them.
func TestStepsWaitForTheirRunsStart(t *testing.T) {
	step := `{"seq":1,"run_id":"r1","type":"step.started","path":"a","iteration":0,"timestamp":"2026-11-24T01:24:00Z",` +
		`"payload":{"name":"a","kind":"command"}}`
	lone := strings.ReplaceAll(step, "r1", "r2")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		type given struct {
			event, name string
			after       time.Duration
		}
		var got []given
		in, out := pipe()
		r := &event.Reader{Event: func(e event.Event) {
			got = append(got, given{e.Type, e.WorkflowName, time.Since(began)})
		}}
		go func() {
			defer out.Close()
			out.line(step)
			time.Sleep(200 * time.Millisecond)
			out.line(start)
			out.line(lone)
			time.Sleep(5 * time.Second)
			out.line(lone)
		}()
		if _, err := r.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		want := []given{
			{"workflow_start", "deploy", 200 * time.Millisecond},
			{"step_start", "deploy", 200 * time.Millisecond},
			{"step_start", "", 1200 * time.Millisecond},
			{"step_start", "", 5200 * time.Millisecond}, // this run's events have waited in vain once, so they do not wait again
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(given{})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// At most a thousand events of 16 MiB together wait. Then all are given, without their workflow's name.
func TestWaitingIsBounded(t *testing.T) {
	t.Run("small", func(t *testing.T) { testWaiting(t, 1001, "a") })
	t.Run("large", func(t *testing.T) { testWaiting(t, 17, strings.Repeat("a", 1_000_000)) })
}

func testWaiting(t *testing.T, number int, name string) {
	step := `{"seq":1,"run_id":"r1","type":"step.started","path":"a","iteration":0,"timestamp":"2026-11-24T01:24:00Z",` +
		`"payload":{"name":"` + name + `"}}`
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r := &event.Reader{Event: func(event.Event) { n++ }}
		in, out := pipe()
		go func() {
			defer out.Close()
			for range number {
				out.line(step)
			}
			synctest.Wait()
			if n != number {
				t.Errorf("%d of %d events were given after one more than may wait, want all", n, number)
			}
		}()
		if _, err := r.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
	})
}

// The reader forgets runs and open steps beyond its bounds.
func TestManyRuns(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		id := time.Unix(int64(i), 0).UTC().Format(time.RFC3339)
		b.WriteString(strings.ReplaceAll(start, `"r1"`, `"`+id+`"`) + "\n")
		b.WriteString(`{"seq":1,"run_id":"` + id + `","type":"step.started","path":"a","iteration":0,` +
			`"timestamp":"2026-11-24T01:24:00Z","payload":{"name":"a"}}` + "\n")
	}
	res := read(t, strings.NewReader(b.String()))
	if len(res.events) != 40_000 {
		t.Errorf("%d events, want 40000", len(res.events))
	}
}

// AWF's log of a resumed run has its start line twice. The second line is a start too if the run goes on behind it, and its payload says
// that the run was resumed. Reading the lines once more makes no new event.
func TestResumedFiles(t *testing.T) {
	text, err := os.ReadFile(recordings + "/resumed-files/audit.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	res := read(t, strings.NewReader(string(text)))
	if len(res.events) != 3 {
		t.Fatalf("%d events, want the start, the start again and the end:\n%s", len(res.events), bodies(res.events))
	}
	resumed := res.events[1]
	if want := `{"user":"root","resumed":true}`; string(resumed.Payload) != want || resumed.Type != event.WorkflowStart {
		t.Errorf("%s, want the payload %s", resumed.Body(), want)
	}
	if resumed.ID == res.events[0].ID || !resumed.Timestamp.Equal(res.events[2].Timestamp) || res.events[2].Type != event.WorkflowEnd {
		t.Errorf("want the second start with an id of its own and the time of the end:\n%+v", res.events)
	}
	ids := map[string]bool{}
	for _, e := range res.events {
		ids[e.ID] = true
	}
	for _, e := range read(t, strings.NewReader(strings.Repeat(string(text), 3))).events {
		if !ids[e.ID] {
			t.Errorf("read again, the lines make a new event %s", e.Body())
		}
	}
}

// Each program that resumes a run gives its start an id of its own.
func TestResumedByAProgram(t *testing.T) {
	ids := map[string]string{}
	for _, began := range []string{"2026-11-24T02:00:00Z", "2026-11-24T02:00:00Z", "2026-11-24T03:00:00Z"} {
		at, err := time.Parse(time.RFC3339, began)
		if err != nil {
			t.Fatal(err)
		}
		var got []event.Event
		j := event.Joiner{Event: func(e event.Event) { got = append(got, e) }}
		rec, err := event.ParseLine([]byte(start), at)
		if err != nil {
			t.Fatal(err)
		}
		rec.Resumed(at)
		j.Add(rec, at)
		j.Flush()
		if len(got) != 1 || !strings.Contains(string(got[0].Payload), `"resumed":true`) || !got[0].Timestamp.Equal(at) {
			t.Fatalf("for a program that began at %s: want one start, resumed at that time:\n%s", began, bodies(got))
		}
		for other, id := range ids {
			if (id == got[0].ID) != (other == began) {
				t.Errorf("programs that began at %s and %s gave the ids %s and %s", began, other, got[0].ID, id)
			}
		}
		ids[began] = got[0].ID
	}
}

func TestValidate(t *testing.T) {
	good, err := event.New("deploy_done", "w", "deploy", map[string]int{"n": 1})
	if err != nil {
		t.Fatal(err)
	}
	spoil := map[string]func(*event.Event){
		"":                   func(e *event.Event) { e.Payload = []byte("\n { \"a\"\t:\r\n1} ") },
		"event: missing":     func(e *event.Event) { e.Type = "" },
		"timestamp: missing": func(e *event.Event) { e.Timestamp = time.Time{} },
		"timestamp: want a year from 0 to 9999, got 10000": func(e *event.Event) {
			*e = event.Event{Type: e.Type, Timestamp: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600))}
		},
		"timestamp: want a year from 0 to 9999, got -1": func(e *event.Event) {
			*e = event.Event{Type: e.Type, Timestamp: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}
		},
		"payload: invalid JSON":               func(e *event.Event) { e.Payload = []byte("{") },
		"payload: want an object, got a list": func(e *event.Event) { e.Payload = []byte("\r\n\t []") },
		"payload: invalid UTF-8":              func(e *event.Event) { e.Payload = []byte("{\"a\":\"\xff\"}") },
		"payload: want at most 1 MiB, got 1048585 bytes": func(e *event.Event) {
			e.Payload = []byte(`{"a": "` + strings.Repeat("a", event.MaxLine) + `"}`)
		},
	}
	for want, spoil := range spoil {
		e := good
		spoil(&e)
		got := ""
		if err := e.Validate(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Validate = %q, want %q", got, want)
		}
	}
}
