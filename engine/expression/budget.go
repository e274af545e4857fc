package expression

import (
	"errors"
	"fmt"

	"github.com/awf-project/awf-hook/engine/legible"
)

// Bounds of a run of an expression, which docs/config.md lists.
const (
	maxSteps    = 300_000 // of 25 to 100 ns each
	maxMemory   = 4 << 20 // total bytes that the run allocates
	maxElements = 100_000 // total elements of lists and maps that the run creates
)

// ErrBudget is wrapped by the error of a run that takes too many steps or too much memory.
var ErrBudget = errors.New("budget exceeded")

// RunError says why an expression failed on an event, in one line without control characters.
type RunError struct {
	Message string
	Err     error // [ErrBudget], or nil
}

func (e *RunError) Error() string { return e.Message }
func (e *RunError) Unwrap() error { return e.Err }

// budget is the part of its budget that a run has left.
type budget struct {
	steps, bytes, elements int
}

func (b *budget) reset() { *b = budget{maxSteps, maxMemory, maxElements} }

var (
	errSteps  = fmt.Errorf("%w: more than %d steps", ErrBudget, maxSteps)
	errMemory = fmt.Errorf("%w: more than %d MiB of memory", ErrBudget, maxMemory>>20)
	errLists  = fmt.Errorf("%w: lists of more than %d elements", ErrBudget, maxElements)
)

// spend takes steps. It panics with errSteps when there are none left.
func (b *budget) spend(steps int) {
	if b.steps -= steps; b.steps < 0 || steps < 0 {
		panic(errSteps)
	}
}

// grow takes memory and the steps to fill it.
func (b *budget) grow(bytes int) {
	if b.bytes -= bytes; b.bytes < 0 || bytes < 0 {
		panic(errMemory)
	}
	b.spend(bytes / bytesPerStep)
}

// list takes the memory of a list's elements.
func (b *budget) list(elements int) {
	if b.elements -= elements; b.elements < 0 || elements < 0 {
		panic(errLists)
	}
	b.grow(16 * elements)
}

// The least number of bytes that a run handles in the time of a step.
const (
	bytesPerStep     = 16 // copied or searched
	slowBytesPerStep = 8  // character by character
)

// scan takes the steps to read a text.
func (b *budget) scan(s string) { b.spend(len(s) / bytesPerStep) }

// look takes the steps to read an argument at a number of bytes per step: 0 means bytesPerStep, and deep reads the argument to its leaves.
func (b *budget) look(v any, bytes int) {
	b.spend(1)
	if bytes == deep {
		b.weigh(v)
		return
	}
	if bytes == 0 {
		bytes = bytesPerStep
	}
	switch v := v.(type) {
	case string:
		b.spend(len(v) / bytes)
	case []any:
		b.spend(len(v))
	case map[string]any:
		b.spend(len(v))
	}
}

// weigh takes the steps to read a value to its leaves.
func (b *budget) weigh(v any) { b.weighAt(0, v) }

func (b *budget) weighAt(depth int, v any) {
	b.enter(depth)
	switch v := v.(type) {
	case string:
		b.scan(v)
	case []any:
		for _, inner := range v {
			b.weighAt(depth+1, inner)
		}
	case map[string]any:
		for _, inner := range v {
			b.weighAt(depth+1, inner)
		}
	}
}

// maxDepth is the deepest nesting of a value, the same as of JSON that is read.
const maxDepth = 10_000

var errDepth = errors.New("nested too deeply")

// enter takes one step, for a value at a depth.
func (b *budget) enter(depth int) {
	if b.spend(1); depth > maxDepth {
		panic(errDepth)
	}
}

// maxMessage is how long an error's message may be, in bytes.
const maxMessage = 200

// runError returns a run-time error of one short line.
func runError(err error) *RunError {
	var cause error
	if errors.Is(err, ErrBudget) {
		cause = ErrBudget
	}
	return &RunError{legible.ShortLine(err.Error(), maxMessage), cause}
}
