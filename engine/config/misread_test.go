package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// YAML takes the text after a lone ! as the value and drops the tag, so that a filter would select the opposite. It is a mistake in its
// line wherever it stands, however lines end, and however long they are.
func TestLoneTagIsSeen(t *testing.T) {
	long := strings.Repeat(` or workflow_name == "déploiement"`, 200)
	for _, value := range []string{
		`! a`, "!\ta", "!\n      a", `&f ! a`, "&f\n      ! a", "&f # !\n\n      # why\n      ! a", `! &f a`, `!<!> a`, `&f !<!> a`,
		"! |\n      a", `! "a"`, `&f ! 'a'`, "! a" + long, "&f ! a" + long,
	} {
		head := "webhooks:\n  - url: https://example.com/\n    filter: "
		line := 3
		for _, text := range []string{
			head + value + "\n",
			"webhooks:\n  - filter: " + value + "\n    url: https://example.com/\n",
			"webhooks: [{url: https://example.com/, filter: " + strings.ReplaceAll(value, "|", "") + "}]\n",
		} {
			for _, end := range []string{"\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029"} {
				for _, mark := range []string{"", "\ufeff"} {
					if end > "\r\n" && strings.Contains(value, "#") {
						continue // such a character does not end a comment
					}
					_, err := config.Parse("awf-hook.yaml", []byte(mark+strings.ReplaceAll(text, "\n", end)), environment)
					mistakes, _ := errors.AsType[config.Errors](err)
					want := fmt.Sprintf("awf-hook.yaml:%d:", line)
					if len(mistakes) != 1 || mistakes[0].Code != "yaml.tag" || !strings.HasPrefix(mistakes[0].Error(), want) {
						t.Errorf("%.120q: %v, want a mistake of the tag in line %d", strings.ReplaceAll(text, "\n", end), err, line)
					}
				}
			}
			line--
		}
	}
}

// An alias may stand for a value outside a definition's webhooks. Its tag is a mistake, too.
func TestLoneTagBehindAnAliasIsSeen(t *testing.T) {
	load := project(t, map[string]string{".awf/workflows/ship.yaml": `name: ship
common: &c {filters: [&f ! workflow_name startsWith "a"], other: !x 5}
webhooks: [{name: own, url: "https://example.com/", filter: *f}]
`})
	want := ".awf/workflows/ship.yaml:2:23: webhooks[0].filter: a value that begins with ! is a YAML tag; put the expression in quotes"
	if err := load().Workflows.Lookup("ship").Err; fmt.Sprint(err) != want {
		t.Errorf("mistakes %v, want %s", err, want)
	}
}

// A variable in a map's text is sent as it is, which nobody means.
func TestVariableInAMapIsSeen(t *testing.T) {
	for text, want := range map[string]bool{
		"${CI}": true, "a ${CI:-b} {{ event }}": true, "{{ event }}${CI}": true, "$$ ${CI}": true,
		"$CI": false, "${ CI }": false, "${": false, "$${CI}": false, "=event": false, "{{ '${CI}' }}": false, "{event}": false,
	} {
		file := "webhooks: [{url: https://example.com/, transform: {map: {a: [\"" + text + "\"]}}}]"
		cfg, err := config.Parse("awf-hook.yaml", []byte(file), environment)
		if err != nil || strings.Contains(cfg.Warnings.Error(), "${CI} is not replaced in a map") != want {
			t.Errorf("%s: %v, %v, warned should be %v", text, err, cfg.Warnings, want)
		}
	}
}

// A text in another encoding is a mistake: lines of it cannot be shown, and tags in it cannot be seen.
func TestOtherEncodingsAreRefused(t *testing.T) {
	for _, text := range []string{"\xff\xfew\x00", "\xfe\xff\x00w", "\xff\xfe\x00\x00", "w\x00e\x00", "webhooks: [\xe9]"} {
		if _, err := config.Parse("awf-hook.yaml", []byte(text), environment); !strings.Contains(fmt.Sprint(err), "awf-hook.yaml:1:") {
			t.Errorf("%q: %v, want a mistake in line 1", text, err)
		}
	}
}

// A mistake in what a variable holds shows the variable, and not what it holds.
func TestMistakeInAVariableHidesItsValue(t *testing.T) {
	for _, key := range []string{"listen", "rate", "page"} {
		_, err := config.Parse("awf-hook.yaml", []byte("serve: {"+key+": \"${HIDDEN}\"}\nwebhooks: []\n"), func(string) (string, bool) {
			return "a hidden value", true
		})
		if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "serve."+key) {
			t.Errorf("%s: %v, want a mistake without the value", key, err)
		}
	}
}
