package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is how large the heap becomes before it is collected, in bytes, even if little of it is in use: collecting a
// small heap each time that it doubles costs a tenth of a delivery. docs/config.md names it.
const heapFloor = 24 << 20

// leastLive is the least that setHeapFloor takes as in use, in bytes: Go multiplies its own floor of 4 MiB by the percentage.
const leastLive = heapFloor / 6

// useHeapFloor sets the floor, unless the user set GOGC or GOMEMLIMIT. It looks again after each collection.
func useHeapFloor() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		setHeapFloor(100)
	}
}

// setHeapFloor sets the percentage by which the heap may grow, if it differs much from the one before.
func setHeapFloor(before int) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := max(100, heapFloor*100/int(max(live[0].Value.Uint64(), leastLive))-100)
	if percent < before || percent > before/4*5 { // each setting stops all goroutines
		debug.SetGCPercent(percent)
		before = percent
	}
	collected := new([16]uintptr) // no longer reachable: the next collection finds it
	runtime.AddCleanup(collected, setHeapFloor, before)
}
