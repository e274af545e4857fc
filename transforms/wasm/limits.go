package wasm

import (
	"fmt"
	"log/slog"
)

// Limits bound what one event may cost a step. A zero is the default.
type Limits struct {
	Fuel     int64 // about one per instruction; of an event, with isolation: event together with the instance's beginning
	Memory   int64 // bytes of linear memory, rounded down to pages of 64 KiB
	Stack    int64 // bytes of calls within calls, nominal
	Input    int64 // bytes of the event
	Output   int64 // bytes of the body
	LogLines int64 // of [MaxLogLine] bytes; those beyond are counted
	Module   int64 // bytes of the .wasm file
}

// MaxLogLine is what is kept of a line that a guest logs, and of the text that it fails with, in bytes.
const MaxLogLine = 1 << 10

// maxConfig is the size of a step's configuration as JSON, in bytes.
const maxConfig = 64 << 10

// Defaults are the limits of a step that sets none.
func Defaults() Limits {
	return Limits{Fuel: 50_000_000, Memory: 16 << 20, Stack: 1 << 20, Input: 1 << 20, Output: 256 << 10, LogLines: 32, Module: 8 << 20}
}

// Bounds are the least and the most that a step can set. The greatest Fuel is a stall of the process of some seconds at
// the worst, since a running guest cannot be interrupted.
func Bounds() (least, most Limits) {
	return Limits{Fuel: 1_000, Memory: 64 << 10, Stack: 16 << 10, Input: 1 << 10, Output: 1 << 10, LogLines: 1, Module: 1 << 10},
		Limits{Fuel: 2_000_000_000, Memory: 256 << 20, Stack: 8 << 20, Input: 16 << 20, Output: 1 << 20, LogLines: 1_000, Module: 32 << 20}
}

// Check says which limit is out of its bounds, by the name that it has in a configuration.
func (l Limits) Check() error {
	_, err := l.complete()
	return err
}

// complete puts the defaults where nothing is set.
func (l Limits) complete() (Limits, error) {
	least, most := Bounds()
	defaults := Defaults()
	for _, f := range []struct {
		name                        string
		value                       *int64
		byDefault, minimum, maximum int64
	}{
		{"fuel", &l.Fuel, defaults.Fuel, least.Fuel, most.Fuel},
		{"memory", &l.Memory, defaults.Memory, least.Memory, most.Memory},
		{"stack", &l.Stack, defaults.Stack, least.Stack, most.Stack},
		{"input", &l.Input, defaults.Input, least.Input, most.Input},
		{"output", &l.Output, defaults.Output, least.Output, most.Output},
		{"log_lines", &l.LogLines, defaults.LogLines, least.LogLines, most.LogLines},
		{"module", &l.Module, defaults.Module, least.Module, most.Module},
	} {
		if *f.value == 0 {
			*f.value = f.byDefault
		}
		if *f.value < f.minimum || *f.value > f.maximum {
			return l, fmt.Errorf("%s: want %d to %d, got %d", f.name, f.minimum, f.maximum, *f.value)
		}
	}
	l.Memory -= l.Memory % pageSize
	return l, nil
}

// pageSize is WebAssembly's unit of memory, in bytes.
const pageSize = 64 << 10

// Isolation says what one event can leave behind for the next.
type Isolation int

const (
	IsolateEvent    Isolation = iota // nothing: every event gets an instance of its own
	IsolateInstance                  // the guest's memory: instances are used again, by one event at a time
)

func (i Isolation) String() string {
	if i == IsolateInstance {
		return "instance"
	}
	return "event"
}

// Options are a step's. The zero value is right for most.
type Options struct {
	Limits      Limits
	Isolation   Isolation
	With        map[string]any // the guest's configuration: what encoding/json can write
	ContentType string         // of the body; "" and JSON types want valid JSON, others take any bytes
	SHA256      string         // in hex, of the .wasm file; "" takes any
	Logger      *slog.Logger   // takes what the guest logs; nil drops it
}
