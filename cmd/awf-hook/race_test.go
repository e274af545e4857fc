//go:build race

package main

const (
	raceEnabled = true
	slowdown    = 10 // about how much longer everything takes under the race detector
)
