package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/trace"
)

// dialect is one of the forms in which AWF writes events.
type dialect int

const (
	foreign    dialect = iota // not an event: AWF's own output
	envelope                  // F028: event, workflow_id, workflow_name, timestamp, payload
	audit                     // the audit trail: event, execution_id
	transcript                // a transcript: seq, run_id, type
	plugin                    // a plugin event: type, source, metadata
	serverSent                // a "data:" line of AWF's server-sent events: kind, run_id
)

// tell returns the dialect that has the keys. For broken text the keys before the break decide.
func (m *members) tell(dataLine bool) dialect {
	switch {
	case dataLine:
		if m.has(keyKind, keyRunID) {
			return serverSent
		}
	case m.has(keyEvent, keyExecutionID):
		return audit
	case m.has(keyEvent, keyWorkflowID):
		return envelope
	case m.has(keyRunID, keySeq, keyType):
		return transcript
	case m.has(keySource, keyMetadata, keyType):
		return plugin
	}
	return foreign
}

// decoder reads the members of one line.
// It keeps the first mistake, so that a decoding function reads like a list of fields.
type decoder struct {
	*members
	parser *parser
	err    error
}

func (d *decoder) fail(key int, format string, args ...any) {
	if d.err == nil {
		d.err = &mistake{keyNames[key], fmt.Sprintf(format, args...)}
	}
}

// mistake is a mistake in the value of a key.
type mistake struct{ key, reason string }

func (e *mistake) Error() string { return e.key + ": " + e.reason }

// Column returns the byte of the line, from 1, to which an error of [ParseLine] refers.
func Column(line []byte, err error) int {
	if invalid, ok := errors.AsType[*jsonbytes.InvalidError](err); ok {
		if bytes.HasPrefix(line, dataPrefix) {
			return invalid.Byte + len(dataPrefix)
		}
		return invalid.Byte
	}
	if wrong, ok := errors.AsType[*mistake](err); ok {
		return max(0, bytes.Index(line, []byte(`"`+wrong.key+`"`))) + 1
	}
	return 1
}

// text returns the string of a required key.
func (d *decoder) text(key int) string {
	if d.value[key] == nil {
		d.fail(key, "missing")
		return ""
	}
	return d.optional(key)
}

// optional returns the string of a key that may be missing or null.
func (d *decoder) optional(key int) string {
	raw := d.value[key]
	if raw == nil || raw[0] == 'n' {
		return ""
	}
	if raw[0] != '"' {
		d.fail(key, "want a string, got %s", jsonbytes.KindOf(raw))
		return ""
	}
	return d.parser.text(key, raw)
}

// textOr returns the string of a key, or "" if the key is missing or has another kind of value; neither is a mistake.
func (d *decoder) textOr(key int) string {
	if raw := d.value[key]; raw != nil && raw[0] == '"' {
		return jsonbytes.String(raw)
	}
	return ""
}

// timestamp returns the time of a required key, and its text.
func (d *decoder) timestamp(key int) (time.Time, string) {
	text := d.text(key)
	t, valid := parseTime(text)
	if !valid {
		d.fail(key, "want an RFC 3339 time, got %q", legible.Shorten(text, maxQuoted))
	}
	return t, text
}

// nonEmpty returns the string of a required key, which must not be empty.
func (d *decoder) nonEmpty(key int) string {
	s := d.text(key)
	if s == "" {
		d.fail(key, "want a name, got an empty string")
	}
	return s
}

// inside returns a decoder of a value of the line, which has no members unless it is an object. The next one uses its memory.
func (d *decoder) inside(value []byte) *decoder {
	inner := &decoder{members: &d.parser.inner, parser: d.parser}
	if *inner.members = (members{twice: -1}); len(value) > 0 && value[0] == '{' {
		_ = d.parser.scan(value, inner.members) // part of a valid line
	}
	return inner
}

// decode makes a record of a whole line, which must be valid JSON.
func (m *members) decode(p *parser, kind dialect, line []byte, now time.Time) (*Record, error) {
	d := &decoder{members: m, parser: p}
	if d.twice >= 0 {
		d.fail(d.twice, "duplicate key")
		return nil, d.err
	}
	r := p.record(kind)
	switch kind {
	case envelope:
		d.envelope(r, line, now)
	case audit:
		d.audit(r, line)
	case transcript:
		d.transcript(r)
	case plugin:
		d.plugin(r, now)
	case serverSent:
		d.serverSent(r, line, now)
	}
	if d.err != nil {
		return nil, d.err
	}
	if r.ID == "" {
		r.ID = lineID(line)
	}
	return r, nil
}

// envelope reads F028's own form unchanged. The rules for runs do not apply to it.
func (d *decoder) envelope(r *Record, line []byte, now time.Time) {
	r.Type = d.nonEmpty(keyEvent)
	r.WorkflowID = d.text(keyWorkflowID)
	r.WorkflowName = d.text(keyWorkflowName)
	r.Timestamp, r.stamp = d.timestamp(keyTimestamp)
	r.payload = d.object(keyPayload)
	r.given = d.optional(keyID)
	if r.ID = givenID(r.given); r.ID == "" {
		r.ID, r.anonymous = NewID(now), true // two equal envelopes may be two events
	}
	if mark := d.optional(keySeal); mark != "" {
		if text, isLast := bytes.CutSuffix(bytes.TrimRight(line, blanks), sealMember(mark)); isLast {
			r.sealed = sealed{text, mark, d.textOr(keySource)}
		}
	}
	if raw := d.value[keyOnlyWebhooks]; raw != nil && (json.Unmarshal(raw, &r.Webhooks) != nil || len(r.Webhooks) == 0) {
		d.fail(keyOnlyWebhooks, "want a list of webhooks, each FILE#NAME, got %s", legible.Shorten(string(raw), maxQuoted))
	}
	r.Trace = trace.Parse(d.textOr(keyTraceParent), d.textOr(keyTraceState))
}

// object returns the bytes of an optional key whose value must be an object.
func (d *decoder) object(key int) jsonbytes.Object {
	raw := d.value[key]
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		d.fail(key, "want an object, got %s", jsonbytes.KindOf(raw))
	}
	return bytes.Clone(raw)
}

func (d *decoder) audit(r *Record, line []byte) {
	name := d.nonEmpty(keyEvent)
	r.WorkflowID = d.nonEmpty(keyExecutionID)
	r.WorkflowName = d.optional(keyWorkflowName)
	r.Timestamp, r.stamp = d.timestamp(keyTimestamp)
	switch r.role = roleOf(name); r.role {
	case roleStart:
		r.Type = WorkflowStart
		r.payload.Raw("inputs", d.value[keyInputs])
		r.payload.Raw("inputs_truncated", d.value[keyInputsTruncated])
		r.payload.Text("user", d.optional(keyUser))
	case roleEnd:
		if name == "workflow.completed" {
			d.nonEmpty(keyStatus)
		}
		d.end(r, name)
	default:
		r.role, r.Type = roleOther, underscored(name)
		r.payload = bytes.Clone(line)
	}
}

func (d *decoder) transcript(r *Record) {
	typ := d.nonEmpty(keyType)
	r.WorkflowID = d.nonEmpty(keyRunID)
	r.Timestamp, r.stamp = d.timestamp(keyTimestamp)
	r.parentID = d.optional(keyParentRunID)
	r.childID = d.optional(keyChildRunID)

	inner := d.inside(d.value[keyPayload])
	switch r.role = roleOf(typ); r.role {
	case roleStepStart:
		r.Type = StepStart
		d.transcriptStep(r, inner)
	case roleStepEnd:
		r.Type = StepComplete
		d.transcriptStep(r, inner)
		inner.stepStatus(r, typ)
		r.step.result = bytes.Clone(inner.value[keyResult])
	case roleStart:
		r.Type = WorkflowStart
		r.WorkflowName = inner.optional(keyName)
	case roleEnd:
		r.WorkflowName = inner.optional(keyName)
		if inner.has(keyError) { // an empty one too
			typ = "run.failed"
		}
		inner.end(r, typ)
	default:
		r.Type = underscored(typ)
		d.free(r)
		if strings.HasPrefix(typ, "message.") || strings.HasPrefix(typ, "tool.") {
			d.spoken(r, inner)
		}
	}
	if d.err == nil && inner.err != nil {
		d.err = fmt.Errorf("payload.%w", inner.err)
	}
}

// free takes the payload as AWF wrote it. Because the payload of a body must be an object, any other value becomes its key "value".
func (d *decoder) free(r *Record) {
	switch raw := d.value[keyPayload]; {
	case raw == nil || raw[0] == 'n':
	case raw[0] == '{':
		r.payload = bytes.Clone(raw)
	default:
		r.payload.Raw("value", raw)
	}
}

func (d *decoder) plugin(r *Record, now time.Time) {
	typ := d.nonEmpty(keyType)
	d.nonEmpty(keySource)
	if id := d.optional(keyID); id != "" {
		r.given = OwnID(id, "plugin:"+d.optional(keySource))
		r.ID = r.given
	}
	r.Timestamp = now.UTC()
	if d.has(keyTimestamp) {
		r.Timestamp, r.stamp = d.timestamp(keyTimestamp)
	}
	raw := d.value[keyMetadata]
	var strs map[string]string
	if json.Unmarshal(raw, &strs) != nil {
		d.fail(keyMetadata, "want an object of strings")
		return
	}
	inner := d.inside(raw)
	r.WorkflowID = inner.optional(keyWorkflowID)
	r.WorkflowName = inner.optional(keyWorkflowName)
	inner.value[keyExitCode] = nil // a string here, a number in a body
	if !inner.named(r, typ, keyStepName, inner.optional(keyKind)) {
		r.Type = underscored(typ)
		if d.free(r); r.payload == nil {
			r.payload = bytes.Clone(raw)
		}
	}
}

func (d *decoder) serverSent(r *Record, line []byte, now time.Time) {
	kind := d.nonEmpty(keyKind)
	r.WorkflowID = d.nonEmpty(keyRunID)
	r.Timestamp = now.UTC()
	if !d.named(r, kind, keyStep, "") {
		r.Type = underscored(kind)
		r.payload = bytes.Clone(bytes.TrimSpace(bytes.TrimPrefix(line, dataPrefix)))
	}
}

// named reads an event of a run or a step in a dialect that says what happened by the event's name alone. It returns false for another
// event. name is the key of the step's name.
func (d *decoder) named(r *Record, typ string, name int, kind string) bool {
	switch r.role = roleOf(typ); r.role {
	case roleStart:
		r.Type = WorkflowStart
	case roleEnd:
		d.end(r, typ)
	case roleStepStart, roleStepEnd:
		r.childID, r.parentID = d.optional(keyChildRunID), d.optional(keyParentRunID)
		d.step(r, d.optional(name), kind, typ)
	default:
		return false
	}
	return true
}

// roleOf returns what an event means for its run, by AWF's name of it: "step.call_workflow.completed".
func roleOf(name string) role {
	at := strings.LastIndexByte(name, '.')
	switch what, how := name[:max(at, 0)], name[at+1:]; {
	case what == "workflow" || what == "run":
		switch how {
		case "started":
			return roleStart
		case "completed", "failed", "cancelled":
			return roleEnd
		}
	case what == "step" || what == "step.call_workflow":
		switch how {
		case "started":
			return roleStepStart
		case "completed", "failed":
			return roleStepEnd
		}
	}
	return roleOther
}

// underscored returns AWF's dotted name as webhooks spell it: message_user for "message.user".
func underscored(name string) string { return strings.ReplaceAll(name, ".", "_") }
