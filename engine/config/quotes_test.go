package config_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// A warning about quotes or lines comes where the value is hardly what its author meant, and nowhere else.
func TestOnlySlipsOfQuotesAndLinesAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"timeout: 5s\n    headers: {X-A: “a”}":                         "yaml.quote",
		"headers: {X-A: “a” or “b”}":                                   "",
		"transform: {map: {text: '„{{ a }}“ ist fertig, „{{ b }}“'}}":  "",
		"transform: {map: {text: „ja“, fr: « ok », note: “all done”}}": "",
		"headers:\n      X-A: !!str \"a b\"":                           "",
		"headers:\n      X-A: !!str a b":                               "",
		"headers:\n      X-A: !!str 'a b'":                             "",
		"headers:\n      X-A: !!str\n        a b":                      "",
		"headers:\n      X-A: !!str \"a\n        b\"":                  "yaml.fold",
		"headers:\n      X-A: \"a\\\n        b c\"":                    "",
		"headers:\n      X-A: \"a b\\\n        c\n        d\"":         "yaml.fold",
		"headers:\n      X-A: \"a\\\\\n        b\"":                    "yaml.fold",
		"headers:\n      X-A: \"a\n        b\"":                        "yaml.fold",
		"headers:\n      X-A: 'a\n        b'":                          "yaml.fold",
		"headers:\n      X-A: a\n        b":                            "yaml.fold",
		"headers:\n      X-A: >-\n        a\n        b":                "",
		"headers:\n      X-A: |-\n        a b":                         "",
		"secret: >-\n      0123456789abcdef\n      0123456789abcdef":   "yaml.fold",
	} {
		cfg, err := config.Parse("f.yaml", []byte("webhooks:\n  - name: a\n    url: https://a.test/\n    "+text+"\n"), environment)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var codes []string
		for _, w := range cfg.Warnings {
			if w.Code != "secret.standard" {
				codes = append(codes, w.Code)
			}
		}
		if got := fmt.Sprint(slices.Compact(codes)); got != "["+want+"]" {
			t.Errorf("%s: warnings %s, want [%s]", text, got, want)
		}
	}
}
