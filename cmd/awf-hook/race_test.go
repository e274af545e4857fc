//go:build race

package main

const (
	raceEnabled = true
	slowdown    = 10 // roughly how much slower everything is under the race detector
)
