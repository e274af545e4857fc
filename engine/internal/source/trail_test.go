package source

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// A program is alive while its process is, but not if another process has its id, for example after a restart of the
// host.
func TestAnotherProcessWithTheSameIDIsNotTheProgram(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pid   int
		older int64 // ticks by which the noted process is older than the running one
		alive bool
	}{
		{"this process", os.Getpid(), 0, true},
		{"one that had this id before", os.Getpid(), 1, runtime.GOOS != "linux"},
		{"one that has ended", 4_194_300, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made, err := newTrail(place{folder: t.TempDir()}, trailInfo{Started: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			if err := made.setPID(tt.pid); err != nil {
				t.Fatal(err)
			}
			if made.born > 0 {
				if err := made.put(atPID, (made.born-tt.older)*pidRange+made.pid); err != nil {
					t.Fatal(err)
				}
			}
			made.close()
			taken, err := takeTrail(made.path)
			if err != nil {
				t.Fatal(err)
			}
			defer taken.remove()
			if taken.pid != int64(tt.pid) || taken.alive() != tt.alive {
				t.Errorf("process %d, alive: %v, want process %d, %v", taken.pid, taken.alive(), tt.pid, tt.alive)
			}
		})
	}
}
