package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// exec runs its command whatever is wrong with the value of one of its own flags, says what is wrong, and delivers nothing.
func TestExecRunsWithWrongValues(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	tried := 0
	try := func(f *pflag.Flag) {
		values := map[string][]string{
			"bool": {"maybe", ""}, "duration": {"", "-1s", "soon"}, "string": {""},
		}[f.Value.Type()]
		if strings.HasPrefix(f.Name, "log-") {
			values = append(values, "loud")
		}
		for _, value := range values {
			tried++
			flag := "--" + f.Name
			out := h.run(h.command(h.hook, "exec", flag+"="+value, "--", "sh", "-c", "echo RAN; exit 7"), 7)
			if !strings.HasPrefix(out, "RAN\nawf-hook: "+flag+": ") {
				t.Errorf("exec %s=%q said %s", flag, value, out)
			}
		}
	}
	cmd, _, err := (&command{}).root().Find([]string{"exec"})
	if err != nil {
		t.Fatal(err)
	}
	cmd.LocalFlags().VisitAll(try)
	cmd.InheritedFlags().VisitAll(try)
	if tried < 18 {
		t.Errorf("tried %d values", tried)
	}
	for _, args := range [][]string{{"-c", "a", "-c", "b"}, {"-c", "nofile.yaml"}, {"-c"}} {
		out := h.run(h.command(h.hook, append(append([]string{"exec"}, args...), "--", "sh", "-c", "echo RAN; exit 7")...), 7)
		if !strings.HasPrefix(out, "RAN\nawf-hook: ") {
			t.Errorf("exec %q said %s", args, out)
		}
	}
	if out := h.run(h.command(h.hook, "exec", "--drain-timout=1s", "--", "echo", "RAN"), exitUsage); strings.Contains(out, "RAN") {
		t.Errorf("exec with an unknown flag said %s", out)
	}
}
