// Package examples holds configurations with the events that they are for. The test suite runs them all.
package examples

import "embed"

// Demo is what "awf-hook demo" plays: awf-hook.yaml and recorded runs of AWF.
//
//go:embed demo
var Demo embed.FS
