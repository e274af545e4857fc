package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// asLines writes JSON objects that somebody wrote by hand as lines, and completes envelopes. It returns any other text
// unchanged.
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

// completed appends the required keys that an envelope lacks. It returns an object of another dialect unchanged.
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
			object, _ = withMember(object, d.key, []byte(d.value)) // an object without this key
		}
	}
	return object
}
