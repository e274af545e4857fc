//go:build !unix

package wasm

import "time"

// threadTime returns the time of day: threads have no clock here.
func threadTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
