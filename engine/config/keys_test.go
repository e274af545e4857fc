package config_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the tables in docs/config.md")

const docs = "../../docs/config.md"

// paths returns the paths of all keys.
func paths() []string {
	var list []string
	for _, k := range config.Keys() {
		list = append(list, k.Path)
	}
	return list
}

// keysTable returns the table of keys in docs/config.md.
func keysTable() string {
	var b strings.Builder
	b.WriteString("| key | is | value | default | bounds | set in |\n|---|---|---|---|---|---|\n")
	for _, k := range config.Keys() {
		setIn := "any file"
		switch {
		case k.UserOnly:
			setIn = "the user's own files"
		case !strings.HasPrefix(k.Path, "webhooks"):
			setIn = "settings"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", k.Path, k.Is, k.Kind, k.Preset(), k.Bounds(), setIn)
	}
	return b.String()
}

// codesTable returns the table of codes in docs/config.md.
func codesTable() string {
	var b strings.Builder
	b.WriteString("| code | kind of mistake |\n|---|---|\n")
	for _, c := range config.Codes {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.Code, c.Is)
	}
	return b.String()
}

func TestKeysStandInDocs(t *testing.T) {
	for name, want := range map[string]string{"keys": keysTable(), "codes": codesTable()} {
		begin, end := "<!-- "+name+": written by go generate ./engine/config -->\n", "<!-- end of "+name+" -->\n"
		text, err := os.ReadFile(docs)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, begins := strings.Cut(string(text), begin)
		got, after, ends := strings.Cut(rest, end)
		if !begins || !ends {
			t.Fatalf("%s has no table of %s between %q and %q", docs, name, begin, end)
		}
		if *update {
			if err := os.WriteFile(docs, []byte(before+begin+want+end+after), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the table of %s in %s is old: run go generate ./engine/config (-want +got):\n%s", name, docs, diff)
		}
	}
}

// Docs, schema and checks name the same keys.
func TestDocsSchemaAndChecksNameTheSameKeys(t *testing.T) {
	want := slices.Sorted(slices.Values(paths()))
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	row := regexp.MustCompile("(?m)^\\| `((?:webhooks|network|queue|server?|tests)[^`]*)` \\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(documented)
	for name, got := range map[string][]string{
		"docs":   documented,
		"schema": slices.Sorted(maps.Keys(schemaKeys(config.Schema(), ""))),
		"checks": checkedKeys(t, ""),
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the keys of the %s (-table +%s):\n%s", name, name, diff)
		}
	}
}

// schemaKeys lists the paths of all properties in a schema, with their schemas.
func schemaKeys(schema map[string]any, path string) map[string]map[string]any {
	found := map[string]map[string]any{}
	if properties, ok := schema["properties"].(map[string]any); ok {
		for name, property := range properties {
			at := strings.TrimPrefix(path+"."+name, ".")
			found[at] = property.(map[string]any)
			maps.Copy(found, schemaKeys(property.(map[string]any), at))
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		maps.Copy(found, schemaKeys(items, path+"[]"))
	}
	if choices, ok := schema["anyOf"].([]any); ok {
		for _, choice := range choices {
			choice := choice.(map[string]any)
			if choice["type"] == "object" && slices.ContainsFunc(choices, isArray) {
				continue // one entry is the same as a list of one
			}
			maps.Copy(found, schemaKeys(choice, path))
		}
	}
	return found
}

func isArray(schema any) bool { return schema.(map[string]any)["type"] == "array" }

// checkedKeys asks the checks for the keys of a mapping: the mistake of an unknown key lists the known ones.
func checkedKeys(t *testing.T, path string) []string {
	t.Helper()
	list := regexp.MustCompile(`: unknown key, want one of (.*)$`)
	var found []string
	for _, m := range mistakes(t, document(path, "zzzzzzzz: 1")) {
		names := list.FindStringSubmatch(m.Error())
		if names == nil {
			continue
		}
		for name := range strings.SplitSeq(names[1], ", ") {
			at := strings.TrimPrefix(path+"."+name, ".")
			found = append(found, at)
			if key := keyOf(at); key != nil && key.Kind == config.KindMapping {
				found = append(found, checkedKeys(t, at)...)
			} else if slices.ContainsFunc(paths(), func(p string) bool { return strings.HasPrefix(p, at+"[].") }) {
				found = append(found, checkedKeys(t, at+"[]")...)
			}
		}
	}
	slices.Sort(found)
	return found
}

func keyOf(path string) *config.Key {
	for _, key := range config.Keys() {
		if key.Path == path {
			return &key
		}
	}
	return nil
}

// document returns a configuration in which the mapping at a key's path is {members}.
func document(path, members string) string {
	if path == "" {
		return members
	}
	text := "{" + members + "}"
	steps := strings.Split(path, ".")
	for i, step := range slices.Backward(steps) {
		name, isList := strings.CutSuffix(step, "[]")
		if isList {
			text = "[" + text + "]"
		}
		text = name + ": " + text
		if i > 0 {
			text = "{" + text + "}"
		}
	}
	return text
}

func mistakes(t *testing.T, text string) config.Errors {
	t.Helper()
	_, err := config.Parse("f.yaml", []byte(text), environment)
	var list config.Errors
	if err != nil && !errors.As(err, &list) {
		t.Fatalf("Parse(%q) = %v, want an error of the type config.Errors", text, err)
	}
	return list
}

// The checks read each key of the table: a value of a wrong type is a mistake at the key.
func TestEveryKeyIsChecked(t *testing.T) {
	for _, path := range paths() {
		at, wrong := keyPlace(path)
		value := "[[]]"
		if keyOf(path).Kind == config.KindTree { // it takes any value that JSON can hold
			value = ".nan"
		}
		if !slices.ContainsFunc(mistakes(t, wrong(value)), func(m *config.Error) bool {
			return strings.HasPrefix(m.Path, at) && !strings.Contains(m.Message, "unknown key")
		}) {
			t.Errorf("%s: %s has no mistake at %s: %v", path, value, at, mistakes(t, wrong(value)))
		}
	}
}

// keyPlace returns a key's path in a file, and a function that makes a file in which the key has a value.
func keyPlace(path string) (at string, with func(value string) string) {
	parent, name := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, name = path[:i], path[i+1:]
	}
	return strings.ReplaceAll(path, "[]", "[0]"), func(value string) string { return document(parent, name+": "+value) }
}

// The checks use the bounds that the table names.
func TestBoundsOfTheTableHold(t *testing.T) {
	proved := 0
	for _, k := range config.Keys() {
		var write func(n int64) string
		switch k.Kind {
		case config.KindNumber:
			write = func(n int64) string { return fmt.Sprint(n) }
		case config.KindDuration:
			write = func(n int64) string { return time.Duration(n).String() }
		case config.KindSize:
			write = func(n int64) string { return fmt.Sprint(n) }
		case config.KindText:
			write = func(n int64) string { return strings.Repeat("n", int(n)) }
		}
		if write == nil || k.Max == 0 {
			continue
		}
		proved++
		at, with := keyPlace(k.Path)
		for _, tt := range []struct {
			n    int64
			good bool
		}{{k.Min - 1, false}, {k.Min, true}, {k.Max, true}, {k.Max + 1, false}} {
			if tt.n < 0 {
				continue
			}
			text := with(`"` + write(tt.n) + `"`)
			good := !slices.ContainsFunc(mistakes(t, text), func(m *config.Error) bool { return m.Path == at })
			if good != tt.good {
				t.Errorf("%s: the value %s is accepted = %v, want %v (%s)", k.Path, write(tt.n), good, tt.good, k.Bounds())
			}
		}
	}
	if proved < 5 {
		t.Errorf("the bounds of %d keys were tried, want 5 or more", proved)
	}
}

// A configuration has the defaults that the table names.
func TestDefaultsOfTheTableHold(t *testing.T) {
	cfg, err := config.Parse("f.yaml", []byte("webhooks: [{url: 'https://example.com/'}]"), environment)
	if err != nil {
		t.Fatal(err)
	}
	values := cfg.Values()
	for _, v := range cfg.Webhooks[0].Values() {
		v.Key = "webhooks[]." + v.Key
		values = append(values, v)
	}
	proved := 0
	for _, v := range values {
		key := keyOf(v.Key)
		if v.Place != "default" || key.Kind == config.KindSchemes { // signing's depends on the secret
			continue
		}
		proved++
		if v.Text != key.Preset() {
			t.Errorf("the default of %s is %s, the table says %s", v.Key, v.Text, key.Preset())
		}
	}
	if proved < 5 {
		t.Errorf("%d defaults were compared, want 5 or more", proved)
	}
}

// Only lists and mappings have a bound in entries.
func TestBoundsHaveTheirUnit(t *testing.T) {
	for _, k := range config.Keys() {
		hasEntries := strings.Contains(string(k.Kind), "list") || strings.Contains(string(k.Kind), "mapping")
		if strings.HasSuffix(k.Bounds(), " entries") && !hasEntries {
			t.Errorf("%s is a %s and has the bounds %s", k.Path, k.Kind, k.Bounds())
		}
	}
}
