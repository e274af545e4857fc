package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

const byteOrderMark = "\ufeff" // some editors begin a file with it

// asLines turns JSON objects, which somebody may have written by hand, into lines, and completes envelopes. It returns any other text
// unchanged but for a byte order mark.
func asLines(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
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
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	trimmed := bytes.TrimSpace(text)
	switch {
	case len(trimmed) == 0:
		return "it is empty"
	case bytes.HasPrefix(trimmed, []byte("\xff\xfe")), bytes.HasPrefix(trimmed, []byte("\xfe\xff")),
		bytes.ContainsRune(trimmed[:min(len(trimmed), 2)], 0):
		return "it is UTF-16: write it as UTF-8"
	case trimmed[0] != '{' && trimmed[0] != '[' && json.Valid(trimmed):
		return "want an object, got other JSON"
	case trimmed[0] != '{' && trimmed[0] != '[':
		return "it has no JSON"
	}
	if wrong := syntaxError(text); wrong != "" {
		return wrong
	}
	return keys
}

// syntaxError says where a sequence of JSON values is wrong; "" if it is right.
func syntaxError(text []byte) string {
	var value json.RawMessage
	var err error
	decoder := json.NewDecoder(bytes.NewReader(text))
	for err == nil {
		err = decoder.Decode(&value)
	}
	syntax := (*json.SyntaxError)(nil)
	before := bytes.TrimRight(text, " \t\r\n")
	switch {
	case errors.Is(err, io.EOF):
		return ""
	case errors.As(err, &syntax):
		before = text[:syntax.Offset-1]
	default:
		err = errors.New("the JSON ends too early")
	}
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return fmt.Sprintf("line %d, column %d: %v", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(line)+1, err)
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
			object, _ = jsonbytes.WithMember(object, d.key, []byte(d.value)) // an object without this key
		}
	}
	return object
}
