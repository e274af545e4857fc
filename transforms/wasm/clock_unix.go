//go:build unix

package wasm

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is what this thread has used of a processor: a busy machine makes it no longer.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
