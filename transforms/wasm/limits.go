package wasm

import (
	"fmt"
	"log/slog"
)

// Limits bound what one event may cost a step. Zero means the default.
type Limits struct {
	Fuel     int64 // about one per instruction; with isolation: event it includes the start of the instance; 0: see [DefaultFuel]
	Memory   int64 // bytes of linear memory, rounded down to pages of 64 KiB
	Stack    int64 // bytes of nested calls, nominal
	Input    int64 // bytes of the event
	Output   int64 // bytes of the body
	LogLines int64 // of [MaxLogLine] bytes; further lines are only counted
	Module   int64 // bytes of the .wasm file
}

// MaxLogLine is how many bytes are kept of a line that a guest logs, and of the text that it fails with.
const MaxLogLine = 1 << 10

// maxConfig is the size of a step's configuration as JSON, in bytes.
const maxConfig = 64 << 10

// pageSize is WebAssembly's unit of memory, in bytes.
const pageSize = 64 << 10

// limits lists each limit's name in a configuration, its default and its bounds.
var limits = [...]struct {
	name                   string
	of                     func(*Limits) *int64
	byDefault, least, most int64
}{
	{"fuel", func(l *Limits) *int64 { return &l.Fuel }, fuelBase, 1_000, mostFuel},
	{"memory", func(l *Limits) *int64 { return &l.Memory }, 16 << 20, 64 << 10, 256 << 20},
	{"stack", func(l *Limits) *int64 { return &l.Stack }, 1 << 20, 16 << 10, 8 << 20},
	{"input", func(l *Limits) *int64 { return &l.Input }, 1 << 20, 1 << 10, 16 << 20},
	{"output", func(l *Limits) *int64 { return &l.Output }, 256 << 10, 1 << 10, 1 << 20},
	{"log_lines", func(l *Limits) *int64 { return &l.LogLines }, 32, 1, 1_000},
	{"module", func(l *Limits) *int64 { return &l.Module }, 8 << 20, 1 << 10, 32 << 20},
}

// Defaults are the limits of a step that sets none.
func Defaults() (l Limits) {
	for _, limit := range limits {
		*limit.of(&l) = limit.byDefault
	}
	return l
}

// Bounds are the least and the most that a step can set.
func Bounds() (least, most Limits) {
	for _, limit := range limits {
		*limit.of(&least), *limit.of(&most) = limit.least, limit.most
	}
	return least, most
}

// CheckSize returns an error if a module of so many bytes is too large. The error wraps [ErrModule].
func (l Limits) CheckSize(size int64) error {
	limits, err := l.complete()
	if err == nil && size > limits.Module {
		err = fmt.Errorf("%w: %s", ErrModule, over("module", size, limits.Module))
	}
	return err
}

// Check returns an error that names, as a configuration does, a limit that is out of its bounds.
func (l Limits) Check() error {
	_, err := l.complete()
	return err
}

// complete sets the defaults and checks the bounds.
func (l Limits) complete() (Limits, error) {
	for _, limit := range limits {
		value := limit.of(&l)
		if *value == 0 {
			*value = limit.byDefault
		}
		if *value < limit.least || *value > limit.most {
			return l, fmt.Errorf("%s: want %d to %d, got %d", limit.name, limit.least, limit.most, *value)
		}
	}
	l.Memory -= l.Memory % pageSize
	return l, nil
}

// raise says how to raise the limit with the given name and value, if that is possible.
func raise(name string, value int64) string {
	for _, limit := range limits {
		if limit.name == name && value < limit.most {
			return fmt.Sprintf("; limits: {%s: N} sets another, up to %d", name, limit.most)
		}
	}
	return ", which is the most that there is"
}

func tooLarge(n, limit int64) string { return fmt.Sprintf("%d bytes, want at most %d", n, limit) }

// over says that so many bytes exceed the limit with the given name.
func over(name string, n, limit int64) string { return tooLarge(n, limit) + raise(name, limit) }

// reached says that a guest has used up the limit with the given name.
func reached(name string, limit int64) string {
	return fmt.Sprintf("limit %d bytes%s", limit, raise(name, limit))
}

// Isolation says what one event can leave behind for the next.
type Isolation int

const (
	IsolateEvent    Isolation = iota // nothing: every event gets its own instance
	IsolateInstance                  // the guest's memory: one event after another uses an instance
)

func (i Isolation) String() string {
	if i == IsolateInstance {
		return "instance"
	}
	return "event"
}

// Options are the options of a step. The zero value is right for most steps.
type Options struct {
	Limits      Limits
	Isolation   Isolation
	With        map[string]any // the guest's configuration; encoding/json must be able to write it
	ContentType string         // of the body; "" and JSON types require valid JSON, others allow any bytes
	SHA256      string         // of the .wasm file, in hex; "" allows any file
	Logger      *slog.Logger   // gets what the guest logs; nil discards it
}
