//go:build !race

package main

const (
	raceEnabled = false
	slowdown    = 1
)
