package transforms_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms"
)

// A message keeps its own words, apostrophes included, and nothing of the values that it quotes.
func TestQuotedValuesAreHidden(t *testing.T) {
	for _, value := range []string{
		`LEAK`, `LEAK"LEAK`, `"LEAK`, `LEAK"`, `\LEAK\`, `LEAK\"LEAK`, `LEAK'LEAK`, `'LEAK' 'LEAK`,
		"LEAK\nLEAK\tLEAK", "LEAK\x00\xffLEAK", "é LEAK`LEAK", ``,
	} {
		for _, format := range []string{
			"want a user's id (U…), a chat's or channel, got %q", "want one of a, b, got %q, did you mean it?",
			"parsing %q: %[1]q is not a number", "%+q and %[1]q",
		} {
			message := fmt.Sprintf(format, value)
			shown := transforms.Hidden(errors.New(message), true).Error()
			begin, _, _ := strings.Cut(format, "%")
			if strings.Contains(shown, "LEAK") || !strings.HasPrefix(shown, begin+"<secret>") ||
				strings.Count(shown, "<secret>") != strings.Count(format, "%") {
				t.Errorf("%s: %s", message, shown)
			}
			for cut := range len(message) {
				if shown := transforms.Hidden(errors.New(message[:cut]+"…"), true).Error(); strings.Contains(shown, "LEAK") {
					t.Errorf("%s: %s", message[:cut], shown)
				}
			}
		}
	}
	for message, want := range map[string]string{
		"want 1 to 5, got -12":                        "want 1 to 5, <secret>",
		"invalid character 'L' after 'LEAK'":          "invalid character <secret> after <secret>",
		`cannot fetch LEAK from 'a"LEAK' (the map's)`: `cannot fetch LEAK from <secret> (the map's)`,
	} {
		if shown := transforms.Hidden(errors.New(message), true).Error(); shown != want {
			t.Errorf("%s: %s, want %s", message, shown, want)
		}
	}
}
