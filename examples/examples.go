// Package examples holds configurations with the events that they are for. The test suite runs them all.
package examples

import "embed"

// Demo holds the files that "awf-hook demo" plays: awf-hook.yaml and recorded runs of AWF.
//
//go:embed demo
var Demo embed.FS

// Events has an event of each type that AWF writes, one on each line, with the payload that AWF gives it.
//
//go:embed events.jsonl
var Events string

// OperatorEvents has an event of each type that awf-hook makes of itself.
//
//go:embed operator.jsonl
var OperatorEvents string

// Transforms are the sources of wasm transforms, with which "awf-hook transform new" begins, and the same message from a map and a format.
//
//go:embed transforms/same-message.yaml transforms/*/*.yaml transforms/*/*.jsonl transforms/*/README.md
//go:embed transforms/*/*.go transforms/*/*.js transforms/*/*.[chrt]* transforms/*/package.json
var Transforms embed.FS
