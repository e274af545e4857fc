package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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

// What looks like a slip may be right in a text: then it is not why the file cannot be read.
func TestSlipsInTextsAreRight(t *testing.T) {
	const begin = "webhooks:\n  - name: a\n    url: https://a.test/\n"
	for text, want := range map[string]string{
		begin + "    description: |\n      \u2022 one\n    events: [a\n":                        "f.yaml:6:5: not YAML: a list that begins",
		begin + "    description: |\n      Statut\u00a0: ok\n      - \u00a0x\n    events: [a\n": "f.yaml:7:5: not YAML: a list that begins",
		begin + "    description: >-\n      \u2013 one\n    filter: a: b\n":                     "f.yaml:6:13: not YAML: a \": \" in a value",
		begin + "    description: \u200fone\n    events: [a\n":                                  "f.yaml:5:5: not YAML: a list that begins",
		begin + "    description: |\n      of two words\n    filter: a: b\n":                    "f.yaml:6:13: not YAML: a \": \" in a value",
		begin + "    description: |\n      x: \"a\" b\n    events: [a\n":                        "f.yaml:6:5: not YAML: a list that begins",
		begin + "    nmae: \u00a0x\n":                                                           "unknown key, did you mean name?",
		begin + "    description: |\n      \u2022 one\n  -\u00a0name: b\n    url: x\n":          `f.yaml:6:4: not YAML: the character '\u00a0'`,
		begin + "  \u2022name: b\n    url: https://a.test/\n":                                   `f.yaml:4:3: not YAML: the character '\u2022'`,
		begin + "  -\u00a0name: b\n    url: x\n  -\u00a0name: c\n    url: x\n":                  `f.yaml:4:4: not YAML: the character '\u00a0'`,
		begin + "    events:\u00a0[a]\n    filter: a: b\n":                                      `f.yaml:4:12: not YAML: the character '\u00a0'`,
		begin + "\u00a0\u00a0\u00a0\u00a0events: [a]\n    enabled: true\n":                      `f.yaml:4:1: not YAML: the character '\u00a0'`,
		begin + "    events\uff1a[a]\n    enabled: true\n":                                      `f.yaml:4:11: not YAML: the character '\uff1a'`,
	} {
		if all := mistakes(t, text); len(all) != 1 || !strings.Contains(all.Error(), want) {
			t.Errorf("%q: %v, want %s", text, all, want)
		}
	}
	const much = 250_000
	began := time.Now()
	mistakes(t, begin+strings.Repeat("\u00a0", much)+"x\n  events: [a\n")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d of them take %s", much, took)
	}
}
