package wasm

import (
	"encoding/binary"
	"errors"
)

// startExport is the name by which the host calls a module's start function.
const startExport = "awf:start"

// The sections that deferStart looks at.
const (
	exportSection = 7
	startSection  = 8
	functionKind  = 0
)

// deferStart turns a start section into an export, so that the function runs after the instance is made: with the step's own
// limits, and so that it can be said what it used and why it failed. The meter wrote the module: it is well formed and
// has an export section.
func deferStart(module []byte) ([]byte, error) {
	const header = 8 // magic and version
	type section struct {
		id   byte
		body []byte
	}
	var sections []section
	var start []byte // the function's index, as it is written
	for rest := module[header:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || uint64(len(rest)-1-n) < size {
			return nil, errors.New("sections do not add up")
		}
		body := rest[1+n : 1+n+int(size)]
		if rest[0] == startSection {
			start = body
		} else {
			sections = append(sections, section{rest[0], body})
		}
		rest = rest[1+n+int(size):]
	}
	if start == nil {
		return module, nil
	}
	out := append(make([]byte, 0, len(module)+len(startExport)+8), module[:header]...)
	isDone := false
	for _, s := range sections {
		if s.id == exportSection {
			count, n := binary.Uvarint(s.body)
			if n <= 0 {
				return nil, errors.New("exports cannot be counted")
			}
			body := binary.AppendUvarint(nil, count+1)
			body = append(body, s.body[n:]...)
			body = append(body, byte(len(startExport)))
			body = append(body, startExport...)
			body = append(append(body, functionKind), start...)
			s.body, isDone = body, true
		}
		out = binary.AppendUvarint(append(out, s.id), uint64(len(s.body)))
		out = append(out, s.body...)
	}
	if !isDone {
		return nil, errors.New("no exports")
	}
	return out, nil
}
