package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/secret"
	"gopkg.in/yaml.v3"
)

// variable matches ${NAME}, ${NAME:-default}, and $$, which means a plain $. It also matches an unclosed ${, which is a mistake.
var variable = lazy.Regexp(`\$\$|\$\{([^}]*)(\}?)`)

var variableName = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)

// scalar returns the text of a scalar with its variables expanded. It reports a mistake and returns false if n is not a scalar, is null, or
// has a variable that is not set.
func (d *decoder) scalar(n node) (string, bool) {
	if !n.isText() {
		d.fail(n, "value.type", "want a value, got %s", describe(n.Node))
		return "", false
	}
	if slip := secret.Unread(n.Value); slip != "" && isSecret(n) {
		d.warn(n, "variable.plain", "%s", slip)
	}
	if slip := secret.Placeholder(n.Value); slip != "" && isSecret(n) && !isInTransform(n) {
		d.warn(n, "variable.plain", "%s", slip)
	}
	if isSecret(n) && !isInTransform(n) && n.key.Kind != KindURL && d.isFolded(n) {
		d.warn(n, "yaml.fold", "YAML joins its lines with spaces, which belong to it: write it on one line")
	}
	d.checkQuotes(n)
	d.inserted = nil
	var text strings.Builder
	end, ok := 0, true
	for _, at := range variable().FindAllStringIndex(n.Value, -1) {
		text.WriteString(n.Value[end:at[0]])
		end = at[1]
		ref := n.Value[at[0]:end]
		if ref == "$$" {
			text.WriteString("$")
			continue
		}
		value, good := d.expand(n, ref)
		ok = ok && good
		d.inserted = append(d.inserted, [2]int{text.Len(), text.Len() + len(value)})
		text.WriteString(value)
	}
	return text.String() + n.Value[end:], ok
}

// isFolded reports whether YAML has made a space of a line break in a scalar. A > before a header's value asks for that.
func (d *decoder) isFolded(n node) bool {
	if !strings.Contains(n.Value, " ") || n.Anchor != "" {
		return false
	}
	line := d.rest(n.Node)
	if n.Style&yaml.TaggedStyle != 0 {
		_, line, _ = strings.Cut(line, " ")
		line = strings.TrimLeft(line, " ")
	}
	if line == "" { // the value begins in a later one
		return false
	}
	switch n.Style &^ yaml.TaggedStyle {
	case 0:
		return !strings.HasPrefix(line, n.Value)
	case yaml.FoldedStyle:
		return n.key.Kind != KindHeaders
	case yaml.SingleQuotedStyle:
		return singleQuoted().FindString(line) == ""
	case yaml.DoubleQuotedStyle:
		const most = 100 // lines that are looked at
		quoted := doubleQuoted().FindString(strings.Join(append([]string{line}, d.lines[n.Line:min(n.Line+most, len(d.lines))]...), "\n"))
		return strings.Contains(escaped().ReplaceAllString(quoted, ""), "\n") // a \ at a line's end joins without a space
	}
	return false
}

// escaped matches a character behind a \ in double quotes.
var escaped = lazy.Regexp(`(?s)\\.`)

// checkName warns of a key that looks as if it contained a variable or an expression.
func (d *decoder) checkName(n node) {
	if strings.Contains(n.Value, "${") || strings.Contains(n.Value, "{{") {
		d.warn(n, "variable.plain", "nothing is replaced in a key: it stays as it is written")
	}
}

// inBraces matches the expressions in a map's text.
var inBraces = lazy.Regexp(`(?s)\{\{.*?\}\}`)

// checkText warns of a variable in a map's text, which is sent as it is. Its expressions are checked elsewhere.
func (d *decoder) checkText(n node) {
	d.checkQuotes(n)
	if !isInTransform(n) || strings.HasPrefix(n.Value, "=") || !strings.Contains(n.Value, "${") {
		return
	}
	for _, m := range variable().FindAllStringSubmatch(inBraces().ReplaceAllString(n.Value, ""), -1) {
		if name, _, _ := strings.Cut(m[1], ":-"); m[2] != "" && variableName().MatchString(name) {
			d.warn(n, "variable.plain", "${%s} is not replaced in a map: put it into with, and write {{ with.NAME }} here", name)
			return
		}
	}
}

// checkQuotes warns of quotes at the ends of a plain value that YAML does not take as such.
func (d *decoder) checkQuotes(n node) {
	isPasted := n.key.Kind == KindSecret || n.key.Kind == KindSecrets // signing.go asks secret.Pasted about its quotes
	switch {
	case n.Style != 0:
	case endsInQuote(n.Value):
		d.warn(n, "yaml.quote", "ends with a quote that it does not begin with")
	case !isPasted && !isInTransform(n) && typographic().MatchString(n.Value):
		d.warn(n, "yaml.quote", "its typographic quotes belong to it: YAML's own are straight, as in \"a\"")
	}
}

var typographic = lazy.Regexp(`^[“”„«»‘’‚][^“”„«»‘’‚]*[“”„«»‘’]$`)

// endsInQuote reports whether a plain value ends with a quote that is not opened in it.
func endsInQuote(text string) bool {
	for _, quote := range []string{`"`, "'"} {
		if strings.HasSuffix(text, quote) && strings.Count(text, quote)%2 == 1 {
			return true
		}
	}
	return false
}

func (d *decoder) expand(n node, ref string) (string, bool) {
	m := variable().FindStringSubmatch(ref)
	name, def, hasDefault := strings.Cut(m[1], ":-")
	switch {
	case m[2] == "":
		d.fail(n, "variable.form", "${ is not closed; a plain $ is written $$")
		return "", false
	case !variableName().MatchString(name):
		d.fail(n, "variable.form", "${%s}: not the name of a variable; a plain $ is written $$", legible.Shorten(name, maxQuoted))
		return "", false
	case strings.Contains(def, "${"):
		d.fail(n, "variable.form", "${%s}: a default cannot hold a variable", name)
		return "", false
	}
	d.reads = append(d.reads, name)
	if d.env == nil {
		return "", true
	}
	if value, set := d.env(name); set && (value != "" || !hasDefault) {
		if isSecret(n) {
			d.known = append(d.known, secret.New(value))
		}
		return value, true
	}
	if hasDefault {
		return def, true
	}
	d.fail(n, "variable.unset", "the variable %s is not set", name)
	return "", false
}

// variables lists the names of the variables in the scalars below a node.
func variables(n *yaml.Node) []string {
	var names []string
	for _, m := range variable().FindAllStringSubmatch(n.Value, -1) {
		if m[0] != "$$" {
			name, _, _ := strings.Cut(m[1], ":-")
			names = append(names, name)
		}
	}
	for i, inner := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 { // nothing is expanded in a key
			continue
		}
		// aliases are not followed, because a value belongs to the place of its definition
		names = append(names, variables(inner)...)
	}
	return names
}

// isSecret reports whether the value of a variable in n must not be shown.
func isSecret(n node) bool {
	return slices.Contains([]Kind{KindURL, KindSecret, KindSecrets, KindHeaders}, n.key.Kind) || isInTransform(n)
}

func isInTransform(n node) bool { return strings.Contains(n.path, "].transform") }

// unresolved reports whether the value of n is unknown because its variables are not looked up.
func (d *decoder) unresolved(n node) bool {
	return d.env == nil && strings.Contains(n.Value, "${")
}

// isKnown reports whether the values in a mapping are free of mistakes, and none is unresolved.
func (d *decoder) isKnown(n node) bool {
	unresolved := func(value *yaml.Node) bool { return d.unresolved(node{Node: resolve(value)}) }
	return !d.failed(n) && !slices.ContainsFunc(n.Content, unresolved)
}

// quote quotes a scalar as written, for an error. The values of its variables may be secrets.
func quote(n node) string { return strconv.Quote(unquoted(n)) }

func unquoted(n node) string { return legible.Shorten(n.Value, maxQuoted) }

// Unread returns a mistake for each enabled webhook whose variables were not looked up, as [NoEnv] leaves them.
func (c *Config) Unread() error {
	var errs Errors
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		if w.Enabled && slices.ContainsFunc(w.used, func(u use) bool { return u.unresolved }) {
			names := strings.Join(slices.Compact(slices.Sorted(slices.Values(w.reads))), ", ")
			why := fmt.Sprintf("webhook %s: %s not looked up: the configuration was read without an environment, to check it", w.Name, names)
			errs = append(errs, &Error{w.pos, "variable.unset", "", why, false})
		}
	}
	if errs == nil {
		return nil
	}
	return errs
}
