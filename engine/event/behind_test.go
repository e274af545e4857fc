package event_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// A line with the keys of a dialect is reported as broken, wherever its JSON breaks. A line without them is AWF's own output, and its
// JSON does not matter.
func TestBrokenLinesAreOfTheirDialect(t *testing.T) {
	for line, broken := range map[string]bool{
		`{"event":"workflow_end","workflow_id":"1","workfl`:                     true,
		`{"event":"workflow_end",,"workflow_id":"1"}`:                           true,
		`{"workflow_name":bad,"event":"workflow_end","workflow_id":"1"}`:        true,
		`{bad,"event" : "workflow_end","workflow_id"	:"1"}`:                     true,
		`{"x":"\q","execution_id":"1","event":"workflow.started"}`:              true,
		`{"x":01,"run_id":"1","seq":1,"type":"step.started"}`:                   true,
		`{"x":01,"source":"s","metadata":{},"type":"t"}`:                        true,
		`data: {"x":01,"kind":"step.started","run_id":"1"}`:                     true,
		`{"x":01,"event":"an event without the id of its run"}`:                 false,
		`{bad, "the event": "x", "workflow_id_of": "1"}`:                        false,
		`{bad: "a text that names \"event\" and \"workflow_id\" is not a key"}`: false,
		`{bad}`: false,
	} {
		rec, err := event.ParseLine([]byte(line), time.Time{})
		if rec != nil || (err != nil) != broken {
			t.Errorf("ParseLine(%s) = %v, %v; want no event, and an error: %v", line, rec, err, broken)
		}
	}
}

// eventLines has one line of each dialect.
var eventLines = map[string]string{
	"audit":      start,
	"envelope":   envelope(`{"a":"}\\\"{","b":[{"event":"x"}]}`),
	"transcript": `{"seq":2,"run_id":"r1","type":"message.user","timestamp":"2026-11-24T01:24:00Z","payload":{"text":"\\"}}`,
	"plugin":     `{"type":"deploy.initiated","source":"my-plugin","metadata":{"target":"prod"}}`,
}

// The reader finds an event behind any text in its line. It passes the text on unchanged, however the input is cut into reads.
func TestEventBehindText(t *testing.T) {
	long := strings.Repeat("=>", event.MaxLine)
	for _, before := range []string{
		"Uploading 100%", "\r 10%\r 50%\r100%", "\x1b[32mok\x1b[0m", "\r", "{", "}", `"`, `\`, `{"`, `{"a":`,
		`{"level":"info"}`, `{"level":"info"} `,
		"[", "]", "[1,2]", "data: ", "data:", "x data: ", "\xff\xfe\x00", "\x00\x00", "{{{{", "}}}}", `\"`, `"\`,
		"Continue? [y/N] ", "line\nUploading",
		`{"event":"x"}`, long, "{" + long, `{"a":"` + long, strings.Repeat(`{"a":`, 100_000),
	} {
		for dialect, line := range eventLines {
			synctest.Test(t, func(t *testing.T) {
				for _, ending := range []string{"\n", "\r\n", ""} {
					in := before + line + ending
					res := read(t, strings.NewReader(in))
					if len(res.events) != 1 || res.passed != before || len(res.broken) > 0 {
						t.Errorf("%.40q before %s: passed %.40q, %d events, broken %q", before, dialect, res.passed, len(res.events), res.broken)
						continue
					}
					if alone := read(t, strings.NewReader(line)); dialect != "envelope" && res.events[0].ID != alone.events[0].ID &&
						alone.events[0].ID[14] != '7' {
						t.Errorf("%.40q before %s: id %s, alone %s", before, dialect, res.events[0].ID, alone.events[0].ID)
					}
					if len(in) > 10_000 {
						continue
					}
					slow := read(t, iotest.OneByteReader(strings.NewReader(in)))
					if len(slow.events) != 1 || slow.passed != before || len(slow.broken) > 0 {
						t.Errorf("%.40q before %s, byte by byte: passed %.40q, %d events, broken %q", before, dialect, slow.passed,
							len(slow.events), slow.broken)
					}
				}
			})
		}
	}
}

// The reader finds all events in one line, in order, and a server-sent event behind a text. It passes the "data: " of that one on.
func TestEventsInOneLine(t *testing.T) {
	ids := func(lines ...string) string {
		var types []string
		for _, e := range read(t, strings.NewReader(strings.Join(lines, ""))).events {
			types = append(types, e.Type+" "+e.WorkflowID)
		}
		return strings.Join(types, ", ")
	}
	if got, want := ids("x", auditStart("a", 0), auditStart("b", 0), "\r", auditStart("c", 0), "\n", auditStart("d", 0)),
		"workflow_start a, workflow_start b, workflow_start c, workflow_start d"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	frame := `data: {"kind":"workflow.started","run_id":"r"}`
	for _, before := range []string{"x", "x\r", `{"a":1}`} {
		if res := read(t, strings.NewReader(before+frame+"\n")); len(res.events) != 1 || res.passed != before+"data: " {
			t.Errorf("a frame behind %q: %d events, passed %q", before, len(res.events), res.passed)
		}
	}
}

// Text behind other text that looks like an event but is not valid is reported, counted and passed on. A step's own JSON is only passed
// on.
func TestWhatLooksLikeAnEvent(t *testing.T) {
	for text, want := range map[string]string{
		`Uploading 100%` + start[:60]:                          "invalid JSON at byte 60: unexpected EOF",
		`Uploading 100%` + strings.Replace(start, "r1", "", 1): "execution_id: want a name, got an empty string",
		`got ` + start + ` from the server`:                    "invalid JSON at byte 110: invalid character 'f' after top-level value",
		`{"a":1} ` + start[:60]:                                "invalid JSON at byte 60: unexpected EOF",
		`Uploading {"event":"x","workflow_id":"1","x":"` + strings.Repeat("y", event.MaxLine) + `"}`: "line is over 1 MiB",
		`{"a":{"event":"x","workflow_id":"1"}}`:                                                      "",
		`x {"a":{"event":"x","workflow_id":"1"}} y`:                                                  "",
		`x {"event":"x"}`: "",
		`x {"level":"info","msg":"the \"event\" of \"workflow_id\""}`: "",
		`x {"event":"x"`:                   "",
		strings.Repeat(`x {"a":`, 100_000): "",
	} {
		for _, next := range []string{"\n" + start, "\r\n" + start} {
			res := read(t, strings.NewReader(text+next))
			if len(res.events) != 1 || res.passed != text+strings.TrimSuffix(next, start) {
				t.Errorf("%.60s: %d events, passed %.60q", text, len(res.events), res.passed)
			}
			switch got := strings.Join(res.broken, ""); {
			case want == "" && got == "", want != "" && strings.HasPrefix(got, "<stdin>:1: ") && strings.HasSuffix(got, want) &&
				res.counts.Broken == 1:
			default:
				t.Errorf("%.60s: reported %q, want %q", text, got, want)
			}
		}
	}
}

// Text that cannot belong to an event is passed on before its line ends, since it may be a prompt.
func TestPromptsArePassedAtOnce(t *testing.T) {
	for _, prompt := range []string{"Continue? [y/N] ", "Enter {name}: ", "data: your name: ", "\r50%", "}: "} {
		var passed strings.Builder
		in, out := io.Pipe()
		r := &event.Reader{Event: func(event.Event) {}, Pass: func(b []byte) { passed.Write(b) }}
		synctest.Test(t, func(t *testing.T) {
			go func() {
				_, _ = io.WriteString(out, prompt)
				out.Close()
			}()
			_, _ = r.ReadFrom(&stopsBefore{in, func() {
				if passed.String() != prompt {
					t.Errorf("passed %q before the line ends, want %q", passed.String(), prompt)
				}
			}})
		})
	}
}

// stopsBefore reads from src, and calls end before it returns src's io.EOF.
type stopsBefore struct {
	src io.Reader
	end func()
}

func (s *stopsBefore) Read(p []byte) (int, error) {
	n, err := s.src.Read(p)
	if n == 0 && err != nil {
		s.end()
	}
	return n, err
}

// The time that a hostile line takes grows in proportion to its length.
func TestHostileLinesAreRead(t *testing.T) {
	for _, unit := range []string{`{"`, `{"a":`, `{"event":"`, `{"event":{`, "}", `\"`, `{"}`, "{ ", `{"event":1}`, start, `data:{"kind":1}`,
		start[:len(start)-1]} {
		line := strings.Repeat(unit, 3*event.MaxLine/2/len(unit))
		began := time.Now()
		read(t, strings.NewReader(line+"\n"+line+"}"))
		if took := time.Since(began); took > time.Minute { // the square of the length would take hours
			t.Errorf("%d bytes of %q took %v, want at most a minute", 2*len(line), unit, took)
		}
	}
}

// FuzzEventBehind puts any bytes before an event's line: the reader passes the bytes on and finds the event.
func FuzzEventBehind(f *testing.F) {
	for _, before := range []string{"50%\r", `{"a":`, "\x1b[0m", `{"event":"x","workflow_id":"1"`, "data: ", "\x00", `"\`, "\uFEFF"} {
		f.Add([]byte(before))
	}
	f.Fuzz(func(t *testing.T, before []byte) {
		alone := read(t, bytes.NewReader(before))
		for dialect, line := range eventLines {
			if dialect == "transcript" {
				continue // it waits a second for its run's start
			}
			res := read(t, io.MultiReader(bytes.NewReader(before), strings.NewReader(line+"\n")))
			if len(res.events) == 0 || !strings.HasSuffix(string(res.events[len(res.events)-1].Body()),
				strings.TrimPrefix(line, `{"event":"workflow_end"`)) && dialect == "envelope" {
				t.Errorf("%q before %s: the last of %d events is not that of the line", before, dialect, len(res.events))
			}
			blank := len(bytes.Trim(bytes.TrimPrefix(before[bytes.LastIndexByte(before, '\n')+1:], []byte("\uFEFF")), " \t")) == 0
			if len(alone.events)+len(alone.broken)+alone.counts.Known == 0 && !blank && res.passed != string(before) {
				t.Errorf("%q before %s: passed %q, want the bytes unchanged", before, dialect, res.passed)
			}
		}
	})
}
