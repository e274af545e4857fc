package spelling_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/spelling"
)

func TestNearest(t *testing.T) {
	names := []string{"filter", "events", "url"}
	for name, want := range map[string]string{
		"filtre": "filter", "rul": "url", "EVENTS": "events", "evenst": "events", "Filter": "filter", "evets": "events", "uri": "url", "u": "url",
		"filter\u200b": "filter", "ﬁlter": "filter", "fіltеr": "filter", "\u00a0filter\u00a0": "filter", "ｕrl": "url",
		"": "", "xyz": "", "transform": "", strings.Repeat("filter", 10): "",
	} {
		if got := spelling.Nearest(name, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
