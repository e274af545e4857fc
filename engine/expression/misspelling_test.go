package expression_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
)

// slips are one-letter mistakes in a name: a letter too few, one twice, two exchanged.
func slips(name string) (list []string) {
	middle := len(name) / 2
	list = append(list, name[:middle]+name[middle+1:], name[:middle]+name[middle:middle+1]+name[middle:])
	if name[middle-1] != name[middle] {
		list = append(list, name[:middle-1]+name[middle:middle+1]+name[middle-1:middle]+name[middle+1:])
	}
	return list
}

// Each name of the environment and each function of the docs is suggested for a slip in it. Names of three letters and less are left
// out, since a slip in one is as near to others.
func TestSlipsInNamesAreTold(t *testing.T) {
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Functions")
	table, _, _ = strings.Cut(table, "\n## ")
	sources := map[string]string{ // by name, how it is used
		"event": `%s == "workflow_error"`, "workflow_id": `%s == "a"`, "workflow_name": `%s startsWith "a"`, "timestamp": `%s.Hour() == 1`,
		"payload": `%s.error == "a"`,
	}
	for _, call := range regexp.MustCompile("(?m)^\\| `(\\w+)\\(").FindAllStringSubmatch(table, -1) {
		sources[call[1]] = "%s(payload.inputs) == 1"
	}
	for _, key := range []string{"status", "duration", "exit_code", "error", "inputs", "iteration", "path", "result", "step", "user"} {
		sources["payload."+key] = "%s == 1"
	}
	told := 0
	for name, source := range sources {
		last := name[strings.LastIndexByte(name, '.')+1:]
		if len(last) <= 3 {
			continue
		}
		for _, slip := range slips(last) {
			if len(slip) <= 3 || slip == "urlecode" { // which is as near to urldecode
				continue
			}
			written := fmt.Sprintf(source, strings.TrimSuffix(name, last)+slip)
			answer := ""
			if program, err := expression.CompileBool(written); err != nil {
				answer = err.Error()
			} else if len(program.Warnings()) > 0 {
				answer = program.Warnings()[0].Message
			}
			if !regexp.MustCompile(`\b` + last + `\b`).MatchString(answer) {
				t.Errorf("%s: %q, want it to name %s", written, answer, last)
			}
			told++
		}
	}
	if told < 140 {
		t.Errorf("%d slips were tried, want more", told)
	}
}
