package expression_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// The examples of functions in docs/config.md have the values that the page shows.
func TestFunctionsOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Functions")
	table, _, _ = strings.Cut(table, "\n## ")
	in := expression.NewEnv(&event.Event{Type: "workflow_end", WorkflowName: "deploy-eu",
		Timestamp: time.Date(2026, 11, 24, 1, 24, 0, 0, time.UTC)})
	rows := regexp.MustCompile("(?m)^\\| `(.*)` \\| `(.*)` \\|$").FindAllStringSubmatch(table, -1)
	for _, row := range rows {
		source, want := strings.ReplaceAll(row[1], `\|`, "|"), row[2]
		program, err := expression.CompileValue(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got, err := program.AppendJSON(nil, in)
		if err != nil || string(got) != want {
			t.Errorf("%s is %s, %v, the docs say %s", source, got, err, want)
		}
	}
	if len(rows) < 50 {
		t.Errorf("%d rows found, want 50", len(rows))
	}
}
