package event

import "bytes"

// The keys that tell the dialects apart and hold their values. They index [members].
const (
	keyChildRunID = iota
	keyDuration
	keyDurationMS
	keyError
	keyEvent
	keyExecutionID
	keyExitCode
	keyID
	keyInputs
	keyInputsTruncated
	keyIteration
	keyKind
	keyMetadata
	keyName
	keyOnlyWebhooks
	keyParentRunID
	keyPath
	keyPayload
	keyResult
	keyRunID
	keySeal
	keySeq
	keySource
	keyStatus
	keyStep
	keyStepName
	keyTimestamp
	keyTraceParent
	keyTraceState
	keyType
	keyUser
	keyWorkflowID
	keyWorkflowName
	keyCount
)

var keyNames = [keyCount]string{
	keyChildRunID: "child_run_id", keyDuration: "duration", keyDurationMS: "duration_ms", keyError: "error", keyEvent: "event",
	keyExecutionID: "execution_id", keyExitCode: "exit_code", keyID: "id", keyInputs: "inputs",
	keyInputsTruncated: "inputs_truncated", keyIteration: "iteration", keyKind: "kind", keyMetadata: "metadata",
	keyName: "name", keyOnlyWebhooks: "only_webhooks", keyParentRunID: "parent_run_id", keyPath: "path", keyPayload: "payload",
	keyResult: "result", keyRunID: "run_id", keySeal: "seal", keySeq: "seq", keySource: "source", keyStatus: "status",
	keyStep: "step", keyStepName: "step_name", keyTimestamp: "timestamp", keyTraceParent: "traceparent",
	keyTraceState: "tracestate", keyType: "type", keyUser: "user", keyWorkflowID: "workflow_id",
	keyWorkflowName: "workflow_name",
}

// keyIndex is the reverse of keyNames.
var keyIndex = func() map[string]int {
	m := make(map[string]int, keyCount)
	for i, name := range keyNames {
		m[name] = i
	}
	return m
}()

// members holds the values of one JSON object by their keys, as exact bytes; nil where a key is missing.
// The values are parts of the scanned text.
type members struct {
	value [keyCount][]byte
	twice int // the first known key that is repeated, -1 for none
}

func (m *members) has(keys ...int) bool {
	for _, k := range keys {
		if m.value[k] == nil {
			return false
		}
	}
	return true
}

// scan scans with a new parser.
func scan(text []byte) (m members, err error) {
	err = new(parser).scan(text, &m)
	return m, err
}

// scan collects the members of the object in text. It returns an error if text is not a single valid JSON object. For broken text it
// collects the members before the break, and marks the keys after it.
func (p *parser) scan(text []byte, m *members) error {
	*m = members{twice: -1}
	r := &p.json
	r.Reset(text)
	err := r.Members(func(name []byte) error {
		value, err := r.Raw()
		if err != nil {
			value = text[:0] // its name still tells the dialect
		}
		m.put(name, value)
		return err
	})
	if err == nil {
		err = r.End()
	}
	if err != nil {
		m.lookBehind(text)
	}
	return err
}

// lookBehind finds the keys after the break in broken text, which help to tell the dialect. They get no value.
func (m *members) lookBehind(text []byte) {
	for k, name := range keyNames {
		if _, behind, found := bytes.Cut(text, []byte(`"`+name+`"`)); found && m.value[k] == nil {
			if behind = bytes.TrimLeft(behind, " \t"); len(behind) > 0 && behind[0] == ':' {
				m.value[k] = text[:0]
			}
		}
	}
}

func (m *members) put(name, value []byte) {
	k, known := keyIndex[string(name)]
	if !known {
		return
	}
	if m.value[k] != nil && m.twice < 0 {
		m.twice = k
	}
	m.value[k] = value
}
