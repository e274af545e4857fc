//go:build wasip1

// A message for a chat of an event: stock Go, built with -buildmode=c-shared. Of an event that is only a list it decodes the whole, which
// takes more fuel than anything else that guests usually do, and makes the number of its members.
package main

import (
	"bytes"
	"encoding/json"
	"unsafe"
)

type event struct {
	Event        string `json:"event"`
	WorkflowID   string `json:"workflow_id"`
	WorkflowName string `json:"workflow_name"`
	Timestamp    string `json:"timestamp"`
	Payload      struct {
		Duration json.Number `json:"duration"`
		Error    string      `json:"error"`
	} `json:"payload"`
}

type field struct {
	Title string `json:"title"`
	Value any    `json:"value"`
}

//go:wasmimport awf fail
func fail(text unsafe.Pointer, length uint32)

var in, out []byte // kept until the next call

//go:wasmexport alloc
func alloc(size uint32) unsafe.Pointer {
	in = make([]byte, size)
	return unsafe.Pointer(unsafe.SliceData(in))
}

//go:wasmexport transform
func transform(at unsafe.Pointer, length uint32) uint64 {
	text := unsafe.Slice((*byte)(at), length)
	if bytes.HasPrefix(text, []byte(`{"list":`)) {
		return answer(members(text))
	}
	var e event
	err := json.Unmarshal(text, &e)
	if err == nil {
		out, err = json.Marshal(map[string]any{
			"text": e.WorkflowName + ": " + e.Event,
			"attachments": []any{map[string]any{"fields": []field{
				{"id", e.WorkflowID}, {"at", e.Timestamp}, {"duration", e.Payload.Duration}, {"error", e.Payload.Error},
			}}},
		})
	}
	return answer(out, err)
}

func members(text []byte) ([]byte, error) {
	var event map[string]any
	if err := json.Unmarshal(text, &event); err != nil {
		return nil, err
	}
	return json.Marshal(len(event))
}

func answer(body []byte, err error) uint64 {
	if err != nil {
		text := err.Error()
		fail(unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
		return 0
	}
	out = body
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(out))))<<32 | uint64(len(out))
}

func main() {}
