// Command noskip runs go test with its arguments, and fails if a test skips itself for a reason that is not listed here.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
)

// allowed matches the reasons of tests that CI runs elsewhere, or that have nothing to test.
var allowed = regexp.MustCompile(`make (guests|cluster|scale|trouble|upgrade|release|screenshots|page) runs it` +
	`|root can write anywhere` + // .ci/run runs it as another user
	`|no awf on PATH` + // the recordings stand in for it
	`|no event`) // an input of a fuzz target holds none

type event struct{ Action, Package, Test, Output string }

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	skipped := false
	said := map[string]string{} // by package and test
	for lines := json.NewDecoder(out); ; {
		var e event
		if err := lines.Decode(&e); err != nil {
			break
		}
		test := e.Package + " " + e.Test
		switch {
		case e.Test == "":
			fmt.Print(e.Output)
		case e.Action == "output":
			said[test] += e.Output
		case e.Action == "fail":
			fmt.Print(said[test])
		case e.Action == "skip" && !allowed.MatchString(said[test]):
			skipped = true
			fmt.Printf("%sa test that skips itself fails here\n", said[test])
		}
		if e.Action == "pass" || e.Action == "skip" {
			delete(said, test)
		}
	}
	if err := cmd.Wait(); err != nil || skipped {
		os.Exit(1)
	}
}
