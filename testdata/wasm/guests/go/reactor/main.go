//go:build wasip1

// A message for a chat of an event: stock Go, built with -buildmode=c-shared. Of an event that begins with a list, it is the number of
// members, for which the guest decodes the whole event: that takes more fuel than anything else that guests usually do.
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
	var err error
	if in := unsafe.Slice((*byte)(at), length); bytes.HasPrefix(in, []byte(`{"list":`)) {
		out, err = members(in)
	} else {
		out, err = message(in)
	}
	if err != nil {
		text := err.Error()
		fail(unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
		return 0
	}
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(out))))<<32 | uint64(len(out))
}

func message(in []byte) ([]byte, error) {
	var e event
	if err := json.Unmarshal(in, &e); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"text": e.WorkflowName + ": " + e.Event,
		"attachments": []any{map[string]any{"fields": []field{
			{"id", e.WorkflowID}, {"at", e.Timestamp}, {"duration", e.Payload.Duration}, {"error", e.Payload.Error},
		}}},
	})
}

func members(in []byte) ([]byte, error) {
	var all map[string]any
	if err := json.Unmarshal(in, &all); err != nil {
		return nil, err
	}
	return json.Marshal(len(all))
}

func main() {}
