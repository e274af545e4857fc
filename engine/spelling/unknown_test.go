package spelling_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/spelling"
)

func TestUnknown(t *testing.T) {
	var many []string
	for i := range 120 {
		many = append(many, fmt.Sprintf("webhook-of-team-%03d", i))
	}
	for _, tt := range []struct {
		name  string
		names []string
		want  string
	}{
		{"oncal", []string{"slack", "oncall"}, "no webhook is called oncal: did you mean oncall?"},
		{"x", []string{"slack", "oncall", "slack"}, "no webhook is called x: want one of oncall, slack"},
		{"x", nil, "no webhook is called x: there is none"},
		{"a\x1b[2J", []string{"slack\nforged"}, `no webhook is called "a\x1b[2J": want one of "slack\nforged"`},
		{"\xff", []string{"slack"}, `no webhook is called "\xff": want one of slack`},
	} {
		if got := spelling.Unknown("webhook", tt.name, tt.names).Error(); got != tt.want {
			t.Errorf("Unknown(%q, %q) = %s, want %s", tt.name, tt.names, got, tt.want)
		}
	}
	if got := spelling.Unknown("webhook", "x", many).Error(); !strings.HasSuffix(got, "webhook-of-team-099 and 20 more") {
		t.Errorf("with 120 names: %s", got)
	}
}
