package event

import (
	"bytes"
	"encoding/json"
)

// The keys by which the dialects are told apart and read.
// They index [members].
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
	keyIteration
	keyKind
	keyMetadata
	keyName
	keyParentRunID
	keyPath
	keyPayload
	keyResult
	keyRunID
	keySeq
	keySource
	keyStatus
	keyStep
	keyStepName
	keyTimestamp
	keyType
	keyUser
	keyWorkflowID
	keyWorkflowName
	keyCount
)

var keyNames = [keyCount]string{
	keyChildRunID:   "child_run_id",
	keyDuration:     "duration",
	keyDurationMS:   "duration_ms",
	keyError:        "error",
	keyEvent:        "event",
	keyExecutionID:  "execution_id",
	keyExitCode:     "exit_code",
	keyID:           "id",
	keyInputs:       "inputs",
	keyIteration:    "iteration",
	keyKind:         "kind",
	keyMetadata:     "metadata",
	keyName:         "name",
	keyParentRunID:  "parent_run_id",
	keyPath:         "path",
	keyPayload:      "payload",
	keyResult:       "result",
	keyRunID:        "run_id",
	keySeq:          "seq",
	keySource:       "source",
	keyStatus:       "status",
	keyStep:         "step",
	keyStepName:     "step_name",
	keyTimestamp:    "timestamp",
	keyType:         "type",
	keyUser:         "user",
	keyWorkflowID:   "workflow_id",
	keyWorkflowName: "workflow_name",
}

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
	twice int // the first known key that stands twice, -1 for none
}

func (m *members) has(keys ...int) bool {
	for _, k := range keys {
		if m.value[k] == nil {
			return false
		}
	}
	return true
}

// scan collects the members of the object in text.
// It is lenient: of broken text it gives what stands before the break.
// Text must be checked with json.Valid before its values are used.
func scan(text []byte) members {
	m := members{twice: -1}
	i := skipSpace(text, 0)
	if i == len(text) || text[i] != '{' {
		return m
	}
	i = skipSpace(text, i+1)
	for i < len(text) && text[i] == '"' {
		end := skipString(text, i)
		if end < 0 {
			return m
		}
		key := text[i+1 : end-1]
		i = skipSpace(text, end)
		if i == len(text) || text[i] != ':' {
			return m
		}
		i = skipSpace(text, i+1)
		valueEnd := skipValue(text, i)
		m.put(key, text[i:max(i, valueEnd)])
		if valueEnd < 0 {
			return m
		}
		i = skipSpace(text, valueEnd)
		if i == len(text) || text[i] != ',' {
			break
		}
		i = skipSpace(text, i+1)
	}
	return m
}

func (m *members) put(key, value []byte) {
	if bytes.IndexByte(key, '\\') >= 0 {
		var plain string
		if json.Unmarshal(append(append([]byte{'"'}, key...), '"'), &plain) != nil {
			return
		}
		key = []byte(plain)
	}
	k, known := keyIndex[string(key)]
	if !known {
		return
	}
	if m.value[k] != nil && m.twice < 0 {
		m.twice = k
	}
	m.value[k] = value
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// skipString returns the index behind the string that begins at i, -1 if it does not end.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// skipValue returns the index behind the value that begins at i, -1 if it does not end.
// It does not recurse: nesting is as deep as the text wants.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth == 0 {
				return i // an empty value: json.Valid refuses it
			}
			depth--
			i++
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			for i < len(b) && !bytes.ContainsRune([]byte(",:]} \t\r\n"), rune(b[i])) {
				i++
			}
			if depth == 0 && i == len(b) {
				return -1 // a number may go on
			}
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}
