//go:build !unix

package wasm

import "time"

// threadTime is the wall clock, where threads have none.
func threadTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
