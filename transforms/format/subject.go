package format

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// subject is the subject of a message: an event, or the output of the previous step.
type subject struct {
	typ, id, name string // of the event, its run and its workflow, each in one line
	at            time.Time
	payload       []byte // a JSON object
	known         known
}

// known holds the members of a payload that AWF documents, as AWF gives them; "" and nil if they are missing.
type known struct {
	status, err, step, path, user, child string
	duration, exitCode, iteration        []byte
}

// subjectOf reads the event or, if there is one, the previous step's body.
// A body that is an envelope replaces the event. Any other body replaces the payload, so that what a step removed stays out.
func subjectOf(ev *event.Event, body []byte) subject {
	s := subject{typ: ev.Type, id: ev.WorkflowID, name: ev.WorkflowName, at: ev.Timestamp, payload: ev.Payload}
	if body != nil {
		s.replace(bytes.TrimSpace(body))
	}
	s.typ, s.id, s.name = line(s.typ), line(s.id), line(s.name)
	if len(s.payload) == 0 || s.payload[0] != '{' {
		s.payload = []byte("{}")
	}
	s.known = readKnown(s.payload)
	return s
}

func (s *subject) replace(body []byte) {
	switch {
	case !json.Valid(body):
		s.payload = append(jsonbytes.AppendString([]byte(`{"body":`), string(body)), '}')
		return
	case body[0] != '{':
		s.payload = append(append([]byte(`{"body":`), body...), '}')
		return
	}
	var envelope subject
	isEnvelope := false
	members(body, func(name, value []byte) bool {
		switch string(name) {
		case "event":
			envelope.typ, isEnvelope = plain(value), value[0] == '"'
		case "workflow_id":
			envelope.id = plain(value)
		case "workflow_name":
			envelope.name = plain(value)
		case "timestamp":
			envelope.at, _ = time.Parse(time.RFC3339, plain(value))
		case "payload":
			envelope.payload = value
		}
		return true
	})
	if !isEnvelope {
		s.payload = body
		return
	}
	if envelope.at.IsZero() {
		envelope.at = s.at
	}
	*s = envelope
}

func readKnown(payload []byte) known {
	var k known
	members(payload, func(name, value []byte) bool {
		switch string(name) {
		case "status":
			k.status = plain(value) // even of a number or true, which are words that AWF does not use
		case "error":
			k.err = plain(value)
		case "step":
			k.step = line(plain(value))
		case "path":
			k.path = line(plain(value))
		case "user":
			k.user = line(plain(value))
		case "child_id":
			k.child = line(plain(value))
		case "duration":
			k.duration = value
		case "exit_code":
			k.exitCode = value
		case "iteration":
			k.iteration = value
		}
		return true
	})
	return k
}

// moment distinguishes what happened as finely as words, sign and colour do.
type moment int

const (
	other moment = iota
	started
	succeeded
	failed
	cancelled
	ended // how is unknown
	stepStarted
	stepSucceeded
	stepFailed
	stepCancelled
	stepEnded
)

// moment decides what happened, for all formats.
func (s *subject) moment() moment {
	switch s.typ {
	case event.WorkflowStart:
		return started
	case event.StepStart:
		return stepStarted
	case event.WorkflowError:
		return failed
	case event.WorkflowCancel:
		if s.known.status != "" && s.known.outcome() == failed {
			return failed
		}
		return cancelled
	case event.WorkflowEnd:
		return s.ending()
	case event.StepComplete:
		return s.ending() + (stepStarted - started)
	}
	return other
}

// ending decides how a run or a step ended if its type does not say so. It succeeded only if nothing says otherwise.
func (s *subject) ending() moment {
	m := s.known.outcome()
	code := strings.TrimSpace(plain(s.known.exitCode))
	switch n, err := strconv.ParseFloat(code, 64); { // infinite if out of range
	case m == cancelled: // an interrupted command has an exit code too
	case n != 0:
		return failed
	case m == succeeded && err != nil && code != "":
		return ended
	}
	return m
}

// outcome returns the moment that the status means: succeeded, failed, cancelled, or ended for a word that AWF does not use.
// Without a status, an error's text means that it failed.
func (k *known) outcome() moment {
	switch strings.ToLower(strings.TrimSpace(k.status)) {
	case "success", "succeeded", "ok":
		return succeeded
	case "failure", "failed", "error":
		return failed
	case "cancelled", "canceled":
		return cancelled
	case "":
		if k.err != "" {
			return failed
		}
		return succeeded
	}
	return ended
}

// look holds the signs, words and colours of a moment.
type look struct {
	sign  string // an emoji
	words string // what comes after the workflow's or the step's name
	took  string // what comes before the duration
	color int    // RGB
	tag   string // the emoji's short name
	teams string // a colour of Teams

	alert  string // Datadog's kind of alert
	commit string // the state of a commit on GitHub, "" for none
}

var looks = [...]look{
	other:         {"🔔", "", "", 0x7f8c8d, "bell", "", "info", ""},
	started:       {"🚀", "started", "", 0x3498db, "rocket", "accent", "info", "pending"},
	succeeded:     {"✅", "succeeded", "in", 0x2ecc71, "white_check_mark", "good", "success", "success"},
	failed:        {"🔴", "failed", "after", 0xe74c3c, "red_circle", "attention", "error", "failure"},
	cancelled:     {"🛑", "was cancelled", "after", 0xf39c12, "octagonal_sign", "warning", "warning", "error"},
	ended:         {"❔", "ended", "after", 0x95a5a6, "grey_question", "", "warning", "error"},
	stepStarted:   {"▶️", "started", "", 0x85c1e9, "arrow_forward", "accent", "info", "pending"},
	stepSucceeded: {"☑️", "succeeded", "in", 0x82e0aa, "ballot_box_with_check", "good", "success", "success"},
	stepFailed:    {"⚠️", "failed", "after", 0xe67e22, "warning", "warning", "warning", "failure"},
	stepCancelled: {"⏹️", "was cancelled", "after", 0xf8c471, "stop_button", "warning", "warning", "error"},
	stepEnded:     {"❓", "ended", "after", 0xbdc3c7, "question", "", "warning", "error"},
}

// hex returns the colour as #rrggbb.
func (l *look) hex() string { return "#" + strconv.FormatInt(1<<24|int64(l.color), 16)[1:] }

// isFailure reports whether somebody should look.
func (m moment) isFailure() bool { return m == failed || m == stepFailed }

// isStep reports whether the moment is a step's.
func (m moment) isStep() bool { return m >= stepStarted }

// The longest names in a headline, in characters: with them it still fits into the shortest limit of a title, which is 100.
const (
	longestName = 50
	longestStep = 30
)

// headline returns in one line what happened: "deploy failed after 2m 3s (exit code 42)".
func (s *subject) headline(m moment) string {
	name := cut(s.name, longestName, utf16Units) // so that the rest of a line has room
	switch {
	case name != "":
	case s.id != "":
		name = "run " + head(s.id, 8, utf16Units)
	default:
		name = "a workflow"
	}
	switch {
	case m == other && s.typ == "": // it has nothing that can be shown
		return name + ": an event"
	case m == other:
		return name + ": " + s.typ
	}
	if m.isStep() {
		name += ": step " + cut(s.stepName(), longestStep, utf16Units)
	}
	text := name + " " + looks[m].words
	if m == ended || m == stepEnded {
		text += " with status " + head(line(s.known.status), maxLabel, utf16Units)
	}
	if took := s.took(); took != "" && looks[m].took != "" {
		text += " " + looks[m].took + " " + took
	}
	if code := exitCode(s.known.exitCode); code != "" && m == failed {
		text += " (exit code " + code + ")"
	}
	return text
}

func (s *subject) stepName() string {
	if s.known.step != "" {
		return s.known.step
	}
	if s.known.path != "" {
		return s.known.path
	}
	return "without a name"
}

// exitCode returns the exit code if it is a number or the text of one.
func exitCode(raw []byte) string {
	code := strings.TrimSpace(plain(raw))
	if _, err := strconv.ParseFloat(code, 64); err != nil {
		return ""
	}
	return code
}

// took returns the duration, a number or the text of one, as a person reads it: "308ms", "2.4s", "2m 3s", "3h 4m", "2d 5h". It returns ""
// without one.
func (s *subject) took() string {
	const longest = 100 * 365 * 24 * 3600 // seconds; a longer one is not a run's
	seconds, err := strconv.ParseFloat(strings.Trim(string(s.known.duration), `"`), 64)
	if err != nil || seconds < 0 || seconds > longest || math.IsNaN(seconds) {
		return ""
	}
	d := time.Duration(seconds * float64(time.Second))
	pair := func(n time.Duration, unit string, m time.Duration, rest string) string {
		if m == 0 {
			return strconv.Itoa(int(n)) + unit
		}
		return strconv.Itoa(int(n)) + unit + " " + strconv.Itoa(int(m)) + rest
	}
	const day = 24 * time.Hour
	switch {
	case d < 10*time.Millisecond:
		return strings.TrimSuffix(strconv.FormatFloat(seconds*1000, 'f', 1, 64), ".0") + "ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < time.Minute-50*time.Millisecond: // 59.95s would show as 60.0s
		return strconv.FormatFloat(seconds, 'f', 1, 64) + "s"
	case d < time.Hour:
		d = d.Round(time.Second)
		return pair(d/time.Minute, "m", d%time.Minute/time.Second, "s")
	case d < day:
		return pair(d/time.Hour, "h", d%time.Hour/time.Minute, "m")
	}
	return pair(d/day, "d", d%day/time.Hour, "h")
}
