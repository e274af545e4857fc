package expression_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
)

// slips misspells a name: without one letter, with one letter twice, and with two letters exchanged.
func slips(name string) (list []string) {
	middle := len(name) / 2
	list = append(list, name[:middle]+name[middle+1:], name[:middle]+name[middle:middle+1]+name[middle:])
	if name[middle-1] != name[middle] {
		list = append(list, name[:middle-1]+name[middle:middle+1]+name[middle-1:middle]+name[middle+1:])
	}
	return list
}

// A misspelt name of the environment or function of the docs is answered with the right name. The test leaves out names of three letters
// and fewer, since other names are as near to a misspelling of them.
func TestSlipsInNamesAreTold(t *testing.T) {
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Functions")
	table, _, _ = strings.Cut(table, "\n## ")
	sources := map[string]string{ // a use of each name
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
			if len(slip) <= 3 || slip == "urlecode" { // urlencode and urldecode are equally near
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
				t.Errorf("%s: the answer %q does not name %s", written, answer, last)
			}
			told++
		}
	}
	if told < 140 {
		t.Errorf("%d misspellings were tried, want 140 or more", told)
	}
}
