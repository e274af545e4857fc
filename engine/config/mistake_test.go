package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
)

// A wrong value of a key, and a wrong name, is a mistake at its place. The cases are made from the table of keys.
func TestEveryKeyTellsEachKindOfMistake(t *testing.T) {
	tried := map[string]int{}
	for _, key := range config.Keys() {
		at, with := keyPlace(key.Path)
		parent, name := "", key.Path
		if i := strings.LastIndexByte(key.Path, '.'); i >= 0 {
			parent, name = key.Path[:i], key.Path[i+1:]
		}
		cases := map[string]string{
			"an unknown tag": with("!x 1"),
			"a lone tag":     with(`! "1"`),
			"a wrong tag":    with("!!timestamp 2026-01-01"),
			"a misspelling":  document(parent, name+"z: 1"),
			"another case":   document(parent, strings.ToUpper(name)+": 1"),
			"a list":         with("[[]]"),
			"nothing":        with("~"),
			"twice":          document(parent, name+": x, "+name+": y"),
		}
		if key.Kind == config.KindTree { // it takes any value that JSON can hold
			delete(cases, "a list")
			delete(cases, "nothing")
		}
		if key.Max > 0 && slices.Contains([]config.Kind{config.KindNumber, config.KindSize}, key.Kind) {
			cases["too much"] = with(fmt.Sprint(key.Max + 1))
		}
		if key.Max > 0 && key.Kind == config.KindDuration {
			cases["too much"] = with((time.Duration(key.Max) + time.Millisecond).String())
		}
		if key.Kind != config.KindTree && key.Kind != config.KindExpr && !strings.HasPrefix(key.Path, "tests") {
			cases["an unset variable"] = with(`"${NOBODY_SET_THIS}"`)
		}
		for kind, text := range cases {
			if !strings.Contains(text, "\n") && parent == "" { // the root is not a mapping in braces
				text = strings.Replace(text, ", "+name+": y", "\n"+name+": y", 1)
			}
			found := mistakes(t, text)
			if !slices.ContainsFunc(found, func(m *config.Error) bool { return strings.HasPrefix(m.Path, at) || isSibling(m.Path, at) }) {
				t.Errorf("%s, %s: %q has no mistake at %s: %v", key.Path, kind, text, at, found)
			}
			tried[kind]++
		}
	}
	if tried["too much"] < 15 || tried["a lone tag"] != len(config.Keys()) {
		t.Errorf("cases tried: %v, want a lone tag for each key, and 15 or more values that are too much", tried)
	}
}

// isSibling reports whether path is at, misspelt as in one of the cases.
func isSibling(path, at string) bool {
	return strings.EqualFold(strings.TrimSuffix(path, "z"), at)
}

// YAML can write a value in many ways. Each way is good, or a mistake that says what to write.
func TestWhatYAMLCanHold(t *testing.T) {
	for _, test := range []struct {
		name, member string // of a webhook
		want         string // a part of the only mistake; "" if it is good
	}{
		{"a lone tag in a filter", `filter: ! workflow_name startsWith "test-"`, "put the expression in quotes"},
		{"a not without quotes", `filter: !(event == "a")`, "put the expression in quotes"},
		{"an env tag", "secret: !env NAME", "${NAME} reads a variable"},
		{"a private tag", "timeout: !x 5s", "put the value in quotes"},
		{"!!str", `filter: !!str event == "a"`, ""},
		{"!!int", "max_in_flight: !!int 5", ""},
		{"!!int that is none", "name: !!int five", "does not fit"},
		{"!!float", "headers: {X: !!float 1.5}", ""},
		{"!!bool", "enabled: !!bool true", ""},
		{"!!bool yes", "name: !!bool yes", "does not fit"},
		{"!!timestamp", "name: !!timestamp 2026-01-01", "does not fit"},
		{"!!map", "headers: !!map {X: y}", "does not fit"},
		{"!!seq", "events: !!seq [a]", "does not fit"},
		{"!!set", "headers: !!set {X}", "does not fit"},
		{"a tag of a key", "!x name: a", "a YAML tag"},
		{"a tag of another name space", "name: !<tag:example.com,2026:x> a", "a YAML tag"},
		{"a tag in quotes", `name: "!x a"`, ""},
		{"octal of old", "max_in_flight: 010", "leading zero"},
		{"octal of today", "max_in_flight: 0o10", "want a number"},
		{"hexadecimal", "max_in_flight: 0x10", "want a number"},
		{"a fraction", "max_in_flight: 3.0", "want a number"},
		{"an underscore", "max_in_flight: 1_0", "want a number"},
		{"an exponent", "max_in_flight: 1e1", "want a number"},
		{"a number as text", `max_in_flight: "10"`, ""},
		{"yes", "enabled: yes", "want true or false"},
		{"y", "enabled: y", "want true or false"},
		{"True", "enabled: True", "want true or false"},
		{"a date as a name", "name: 2026-01-01", ""},
		{"a sexagesimal", "timeout: 1:30", "want a duration"},
		{"null", "name: null", "want a value, got nothing"},
		{"a tilde", "name: ~", "want a value, got nothing"},
		{"nothing", "name:", "want a value, got nothing"},
		{"a folded name", "name: >\n      a", "control characters"},
		{"a folded, stripped name", "name: >-\n      a", ""},
		{"a folded duration", "timeout: >\n      5s", "want a duration"},
		{"a folded filter", "filter: >\n      event == \"a\"", ""},
		{"a comment", "name: a # b", ""},
		{"no comment", "name: 'a #b'", "without #"},
		{"a merge key", "<<: {name: a}", "merge keys"},
		{"an anchor", "name: &a b", ""},
		{"an alias of nothing", "name: *a", "is an alias"},
		{"braces", "name: {{ workflow_name }}", "{{ needs quotes"},
		{"an at sign", "name: @team", "put it in quotes"},
		{"a quote within", `filter: "a" == "b"`, "other quotes"},
		{"a colon", "filter: event == a: b", "in quotes"},
		{"a tab", "name: a\n\ttimeout: 5s", "a tab"},
		{"a star", "events: [*]", "needs quotes"},
		{"a second document", "name: a\n---\nb: c", "a second YAML document"},
		{"a byte order mark inside", "name: \ufeffa", "control characters"},
	} {
		text := "webhooks:\n  - url: https://example.com/\n    " + test.member + "\n"
		found := mistakes(t, text)
		switch {
		case test.want == "" && len(found) > 0:
			t.Errorf("%s: %v, want it good", test.name, found)
		case test.want != "" && !slices.ContainsFunc(found,
			func(m *config.Error) bool { return strings.Contains(m.Message, test.want) && m.Line >= 3 }):
			t.Errorf("%s: %v, want %s", test.name, found, test.want)
		}
	}
}

func TestMistakesAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"unknown keys": strings.Repeat("k%d: 1\n", 1),
		"tags":         "webhooks: [" + strings.Repeat("!x 1,", 300_000) + "]",
		"entries":      "webhooks: [" + strings.Repeat("[],", 10_000) + "]",
	} {
		if name == "unknown keys" {
			var b strings.Builder
			for i := range 300_000 {
				fmt.Fprintf(&b, "k%d: 1\n", i)
			}
			text = b.String()
		}
		began := time.Now()
		found := mistakes(t, text)
		if len(found) != 1_001 || !slices.ContainsFunc(found,
			func(m *config.Error) bool { return strings.HasPrefix(m.Message, "more than 1000 mistakes") }) {
			t.Errorf("%s: %d mistakes, want 1000 and one that says that there are more", name, len(found))
		}
		t.Logf("%s: took %v", name, time.Since(began))
	}
}

// A warning says what is odd about a secret, wherever the secret comes from, and does not quote it.
func TestOddSecretsAreTold(t *testing.T) {
	odd := "0123456789abcdef "
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(odd+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(string) (string, bool) { return odd, true }
	for _, text := range []string{"secret: '" + odd + "'", "secret: '${S}'", "secret_file: " + file, "secret: [{value: '${S}'}]"} {
		cfg, err := config.Parse("f.yaml", []byte("webhooks: [{url: 'https://a.example/', "+text+"}]"), env)
		if err != nil || len(cfg.Warnings) != 1 || !strings.Contains(cfg.Warnings[0].Message, "begins or ends with white space") {
			t.Errorf("%s: warnings %v, error %v; want one warning about white space", text, cfg.Warnings, err)
		}
		if strings.Contains(cfg.Warnings.Error(), "0123") {
			t.Errorf("%s: the warning shows the secret: %v", text, cfg.Warnings)
		}
	}
}
