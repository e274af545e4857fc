package sender_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

var statusRow = regexp.MustCompile(`(?m)^\| ([0-9, -]+) \| (delivered|dead|retry) \| (-|event|webhook|receiver) \| .{5,} \|$`)

// docs/delivery.md says once what each status means.
func TestDocsTellWhatEachStatusMeans(t *testing.T) {
	text, err := os.ReadFile("../../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[int]string{}
	for _, row := range statusRow.FindAllStringSubmatch(string(text), -1) {
		for part := range strings.SplitSeq(row[1], ", ") {
			var from, to int
			if n, _ := fmt.Sscanf(part, "%d-%d", &from, &to); n < 2 {
				to = from
			}
			for code := from; code <= to; code++ {
				if told[code] != "" {
					t.Errorf("%d is told twice", code)
				}
				told[code] = row[2] + " " + row[3]
			}
		}
	}
	for code := 100; code <= 999; code++ {
		v := sender.Judge(sender.Exchange{Answer: delivery.Answer{Status: code}})
		got := v.Outcome.String() + " " + strings.Replace(v.Blame.String(), "none", "-", 1)
		if told[code] != got {
			t.Errorf("%d: %s, and the docs tell %q", code, got, told[code])
		}
	}
}
