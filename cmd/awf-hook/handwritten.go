package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// whyNoEvent says why there is no event in a text.
func whyNoEvent(text []byte) string {
	const keys = "want a line of AWF's, or an object with event, workflow_id, workflow_name, timestamp and payload"
	text = bytes.TrimSpace(text)
	var value any
	err := json.Unmarshal(text, &value)
	syntax := (*json.SyntaxError)(nil)
	switch {
	case len(text) == 0:
		return "it is empty"
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return "it is UTF-16: write it as UTF-8"
	case text[0] != '{' && text[0] != '[':
		return "it has no JSON"
	case errors.As(err, &syntax) && !bytes.ContainsRune(text, '\n'):
		return fmt.Sprintf("character %d: %v", syntax.Offset, err)
	}
	return keys
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
