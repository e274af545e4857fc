package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// What every start pays before main: allocations and bytes of the initialization of all packages of this module together. A regular
// expression takes 20 to 200 allocations.
const (
	initAllocations = 1_200
	initBytes       = 128 << 10
)

// TestStartInitializesLittle counts what packages allocate before main runs. Counts do not depend on the machine, unlike times.
func TestStartInitializesLittle(t *testing.T) {
	t.Parallel()
	list, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	isOurs := map[string]bool{}
	for path := range strings.FieldsSeq(string(list)) {
		isOurs[path] = strings.HasPrefix(path, module) && !strings.HasSuffix(path, "/cmd/awf-hook") // of which this test is a part
	}
	start := exec.Command(os.Args[0], "-test.run=^$")
	start.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	trace, err := start.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, trace)
	}
	var allocations, bytes, packages int
	for line := range strings.Lines(string(trace)) {
		var path string
		var at, clock float64
		var size, allocs int
		_, err := fmt.Sscanf(line, "init %s @%g ms, %g ms clock, %d bytes, %d allocs", &path, &at, &clock, &size, &allocs)
		if err == nil && isOurs[path] {
			t.Logf("%s: %d allocations, %d bytes", path, allocs, size)
			packages, allocations, bytes = packages+1, allocations+allocs, bytes+size
		}
	}
	if packages < 5 || (allocations > initAllocations || bytes > initBytes) && !raceEnabled { // the detector allocates too
		t.Errorf("%d packages make %d allocations of %d bytes before main, want at most %d of %d: make what a command may not need on first use",
			packages, allocations, bytes, initAllocations, initBytes)
	}
}

// A command line that begins with a command's name builds that command alone, and its help is the same.
func TestStartBuildsOneCommand(t *testing.T) {
	text := func(cmd *cobra.Command) string {
		var text strings.Builder
		cmd.SetOut(&text)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	for _, cmd := range (&command{}).root().Commands() {
		alone := (&command{}).root(cmd.Name()).Commands()
		if cmd.GroupID == "" { // completion and man describe the others
			if len(alone) < 10 {
				t.Errorf("%s sees only %d commands", cmd.Name(), len(alone))
			}
			continue
		}
		if len(alone) != 1 || alone[0].Name() != cmd.Name() {
			t.Errorf("%s: its command line has %d commands, want it alone", cmd.Name(), len(alone))
			continue
		}
		if diff := cmp.Diff(text(cmd), text(alone[0])); diff != "" {
			t.Errorf("%s: help (-with others +alone):\n%s", cmd.Name(), diff)
		}
	}
}
