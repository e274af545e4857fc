package transforms

import (
	"errors"
	"fmt"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

// overMaxBody is the error of what is longer than [MaxBody].
type overMaxBody string

func (what overMaxBody) Error() string {
	return fmt.Sprintf("the %s is over %d KiB", string(what), MaxBody>>10)
}

// otherReason is why a step failed that no word of Reasons tells.
const otherReason = "error"

// moduleReasons are the words for a module's failures.
var moduleReasons = []struct {
	err  error
	word string
}{
	{wasm.ErrFuel, "fuel"}, {wasm.ErrTime, "time"}, {wasm.ErrMemory, "memory"}, {wasm.ErrStack, "stack"}, {wasm.ErrInput, "input"},
	{wasm.ErrOutput, "output"}, {wasm.ErrInvalidOutput, "invalid"}, {wasm.ErrTrap, "trap"}, {wasm.ErrFail, "failed"},
	{wasm.ErrModule, "module"},
}

// Reasons lists the words that [Reason] has for the failures of a kind of step.
func Reasons(kind string) []string {
	if kind == "map" || kind == "format" {
		return []string{"budget", "output", otherReason}
	}
	words := []string{otherReason}
	for _, of := range moduleReasons {
		words = append(words, of.word)
	}
	return words
}

// Reason is a word for why a step failed; "" for a decision to send nothing, and for a module that could not be run now.
func Reason(err error) string {
	if err == nil || errors.Is(err, ErrDrop) || errors.Is(err, ErrNotRun) {
		return ""
	}
	for _, of := range moduleReasons {
		if errors.Is(err, of.err) {
			return of.word
		}
	}
	if over := overMaxBody(""); errors.As(err, &over) {
		return "output"
	}
	if errors.Is(err, expression.ErrBudget) {
		return "budget"
	}
	return otherReason
}
