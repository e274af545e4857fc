package transforms_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
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

// A text that a map takes from the previous step's output is secret where that output is, be it a part of the text, the whole string or
// the whole output.
func TestSecretsOfTextsKeepTheirPlaces(t *testing.T) {
	const body = `{"a":"ge\u0068 \"eim","b":1}`
	const text = `geh "eim`
	step := chain(t, "      {map: body.a, content_type: text/plain}")[0].Step
	for secret, want := range map[[2]int][2]int{
		{0, len(body)}: {0, len(text)},
		{5, 21}:        {0, len(text)}, // with its quotes
		{6, 20}:        {0, len(text)},
		{6, 8}:         {0, 2},
		{4, 14}:        {0, 3}, // to the end of the first escape
		{17, 20}:       {5, len(text)},
	} {
		values := expression.NewEnv(failed)
		values.SetBody([]byte(body), true, [][2]int{secret})
		in := &transforms.Input{Event: failed, Values: values, Content: delivery.Content{Body: []byte(body), Secret: [][2]int{secret}}}
		made, err := step.Apply(t.Context(), in)
		if err != nil || string(made.Body) != text || len(made.Secret) != 1 || made.Secret[0] != want {
			t.Errorf("a secret at %v: %q, %v, %v, want it at %v", secret, made.Body, made.Secret, err, want)
		}
	}
}
