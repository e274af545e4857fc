//go:build !unix

package wasm

import "io/fs"

// ownedByUs cannot tell on this platform.
func ownedByUs(fs.FileInfo) bool { return true }
