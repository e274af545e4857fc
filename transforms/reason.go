package transforms

import (
	"errors"
	"fmt"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

// overMaxBody is the error of something that is longer than [maxBody].
type overMaxBody string

func (what overMaxBody) Error() string {
	return fmt.Sprintf("the %s is over %d KiB", string(what), maxBody>>10)
}

// otherReason is the word for all other failures.
const otherReason = "error"

// moduleReasons holds the words for a module's failures.
var moduleReasons = []struct {
	err  error
	word string
}{
	{wasm.ErrFuel, "fuel"}, {wasm.ErrTime, "time"}, {wasm.ErrMemory, "memory"}, {wasm.ErrStack, "stack"}, {wasm.ErrInput, "input"},
	{wasm.ErrOutput, "output"}, {wasm.ErrInvalidOutput, "invalid"}, {wasm.ErrTrap, "trap"}, {wasm.ErrFail, "failed"},
	{wasm.ErrModule, "module"},
}

// Reasons lists the words that [Reason] may return for a kind of step.
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

// Reason returns a word that says why a step failed. It returns "" if the step succeeded, dropped the event or did not run.
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
