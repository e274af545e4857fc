package format

import (
	"fmt"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
)

// matches returns a function that reports whether a text matches a regular expression.
func matches(expression string) func(string) bool {
	compiled := lazy.Regexp(expression)
	return func(s string) bool { return compiled().MatchString(s) }
}

// match checks constant texts against the rules of their keys.
func (f *Format) match() []Mistake {
	var mistakes []Mistake
	check := func(name string, key *Key, t *text) {
		constant, is := t.constant()
		switch {
		case !is || constant == "" && !key.Required:
		case key.match != nil && !key.match(constant):
			mistakes = append(mistakes, Mistake{Option: name, Message: wantMatch(key, constant)})
		case key.closed && !t.isLiteral() && !slices.Contains(key.Choices, strings.ToLower(constant)):
			mistakes = append(mistakes, Mistake{Option: name, Message: wantChoice(key.Choices, constant)})
		}
	}
	for i := range f.Receiver.Keys {
		key := &f.Receiver.Keys[i]
		v := f.values[key.Name]
		if key.Kind == KindSecret && key.match != nil && v.secret != "" && !key.match(v.secret) {
			mistakes = append(mistakes, Mistake{Option: key.Name, Message: "want " + key.want})
		}
		check(key.Name, key, v.text)
		for _, entry := range v.fields {
			if key.match != nil && !key.match(entry.label) {
				mistakes = append(mistakes, Mistake{Option: key.Name + "." + entry.label, Message: wantMatch(key, entry.label)})
			}
		}
		for n, entry := range v.list {
			check(fmt.Sprintf("%s[%d]", key.Name, n), key, entry)
		}
	}
	return mistakes
}

func wantMatch(key *Key, got string) string {
	return fmt.Sprintf("want %s, got %q", key.want, legible.Shorten(got, maxQuoted))
}

// quoted matches an expression that is a single text.
var quoted = lazy.Regexp(`^\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*$`)

// constant returns the value of a text that is the same for all events.
func (t *text) constant() (string, bool) {
	switch {
	case t == nil:
		return "", false
	case t.isLiteral():
		return t.literal, true
	case len(t.parts) == 1 && t.parts[0].Program != nil:
		found := quoted().FindStringSubmatch(t.parts[0].Program.Source())
		if found != nil {
			return found[1] + found[2], true
		}
	}
	return "", false
}
