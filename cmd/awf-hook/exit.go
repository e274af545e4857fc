package main

import "fmt"

// Exit codes. If several apply, the first of 3, 2, 1, 5, 4 counts.
const (
	exitOK           = 0 // every accepted delivery is delivered or kept
	exitFailure      = 1 // a run-time failure: something was neither stored nor delivered
	exitUsage        = 2 // bad arguments
	exitConfig       = 3 // bad configuration
	exitBadLines     = 4 // bad lines, with --strict
	exitNotDelivered = 5 // something is not delivered, with --wait-delivered, or dead, with --fail-on-dead
)

// exitError is an error with an exit code. An error without one is a mistake in the arguments.
type exitError struct {
	code int
	err  error // nil if it was already printed
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func failure(err error) error { return &exitError{exitFailure, err} }
