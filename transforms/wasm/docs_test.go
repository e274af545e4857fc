package wasm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// TestDocsSayTheLimits looks for each limit, its default and its bounds in docs/transforms.md.
func TestDocsSayTheLimits(t *testing.T) {
	docs := string(read(t, "../../docs/transforms.md"))
	defaults := wasm.Defaults()
	least, most := wasm.Bounds()
	for _, l := range []struct {
		name                   string
		byDefault, least, most int64
		unit                   func(int64) string
		afterDefault           string
	}{
		{"fuel", defaults.Fuel, least.Fuel, most.Fuel, thousands, ""},
		{"memory", defaults.Memory, least.Memory, most.Memory, inBytes, ""},
		{"stack", defaults.Stack, least.Stack, most.Stack, inBytes, ""},
		{"input", defaults.Input, least.Input, most.Input, inBytes, ""},
		{"output", defaults.Output, least.Output, most.Output, inBytes, ""},
		{"log_lines", defaults.LogLines, least.LogLines, most.LogLines, thousands, ", each of " + inBytes(wasm.MaxLogLine)},
		{"module", defaults.Module, least.Module, most.Module, inBytes, ""},
	} {
		row := fmt.Sprintf("| `%s` | %s%s | %s to %s |", l.name, l.unit(l.byDefault), l.afterDefault, l.unit(l.least), l.unit(l.most))
		if !strings.Contains(docs, row) {
			t.Errorf("docs/transforms.md does not say %s", row)
		}
	}
}

func thousands(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

func inBytes(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
