package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// asLines writes the events that a person wrote, on several lines or without what an envelope must have, as lines of their own.
// What is not a series of JSON objects stays as it is.
func asLines(text []byte) []byte {
	var lines bytes.Buffer
	now := time.Now().UTC().Format(time.RFC3339Nano)
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var object json.RawMessage
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return lines.Bytes()
		}
		if err != nil || object[0] != '{' {
			return text
		}
		line := []byte(object)
		var names struct {
			Event *string `json:"event"`
		}
		if json.Unmarshal(object, &names) == nil && names.Event != nil {
			line = completed(object, now)
		}
		if bytes.ContainsRune(line, '\n') {
			var compact bytes.Buffer
			if json.Compact(&compact, line) != nil {
				return text
			}
			line = compact.Bytes()
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
}

// completed appends to an envelope what it must have and does not give. An object of another dialect stays as it is.
func completed(object []byte, timestamp string) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return object
	}
	for _, key := range []string{"execution_id", "run_id", "metadata", "kind", "specversion"} {
		if _, other := members[key]; other {
			return object
		}
	}
	defaults := []struct{ key, value string }{
		{"event", `"workflow_end"`},
		{"workflow_id", `"run-1"`},
		{"workflow_name", `"workflow"`},
		{"timestamp", `"` + timestamp + `"`},
		{"payload", "{}"},
	}
	for _, d := range defaults {
		if _, given := members[d.key]; !given {
			object, _ = withMember(object, d.key, []byte(d.value)) // it is an object without the key
		}
	}
	return object
}
