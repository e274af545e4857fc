//go:build !linux && !darwin

package sqlite

import (
	"context"
	"fmt"
	"runtime"
)

// folder stands for the files of a queue, which does not work on this platform.
type folder struct{ owner int64 }

func openFolder(string) (*folder, error) {
	return nil, fmt.Errorf("a queue in a file is not supported on %s", runtime.GOOS)
}

func (f *folder) enter(context.Context) error { return nil }
func (f *folder) leave()                      {}
func (f *folder) makeOwners() error           { return nil }
func (f *folder) register() error             { return nil }
func (f *folder) dead() ([]int64, error)      { return nil, nil }
func (f *folder) forget(int64)                {}
func (f *folder) close(bool) error            { return nil }
func createFile(string) error                 { return nil }
func hideFile(string) error                   { return nil }
