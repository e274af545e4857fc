//go:build !linux

package source

import "os"

// reserve does nothing: this system cannot reserve space without changing a file's length.
func reserve(*os.File, int64) error { return nil }

func unreserve(*os.File) {}
