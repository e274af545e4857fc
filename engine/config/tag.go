package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
	"gopkg.in/yaml.v3"
)

// checkStyle checks the tags of the values below a node and the comments after them. YAML takes the text after an unknown tag as the
// value, so that ! workflow_name startsWith "test-" would select the opposite of what was meant.
func (d *decoder) checkStyle(n node) {
	if n.Kind == yaml.AliasNode {
		n.Node = n.Alias // which a definition may have outside its webhooks
	}
	if n.Anchor != "" {
		if _, known := d.tagged[n.Node]; known {
			return
		}
		d.tagged[n.Node] = false
	}
	d.checkComment(n)
	if tag := d.tagOf(n.Node); tag != "" && !tagFits(n.Node, tag) {
		d.fail(n, "yaml.tag", "%s", wrongTag(n, tag))
		d.tagged[n.Node] = true
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for i, entry := range n.Content {
			d.checkStyle(node{Node: entry, path: n.entry(i).path, key: n.key})
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, value := n.Content[i], n.Content[i+1]
			d.checkStyle(node{Node: name, path: n.path})
			key := n.key.find(name.Value)
			if n.key != nil && (n.key.Kind == KindTree || n.key.Kind == KindHeaders) { // its members are checked like itself
				key = n.key
			}
			if key != nil { // an unknown key is a mistake as a whole
				path := join(n.path, name.Value)
				if key.Kind == KindSteps && value.Kind == yaml.MappingNode { // is the same as a list with one step
					path += "[0]"
				}
				d.checkStyle(node{Node: value, path: path, key: key})
			}
		}
	}
}

// tagOf returns a node's tag as written in the file, "" if there is none.
func (d *decoder) tagOf(n *yaml.Node) string {
	if n.Style&yaml.TaggedStyle != 0 {
		return n.Tag
	}
	text := d.rest(n) // the parser takes a lone ! as the tag of a text, and drops it
	if n.Anchor != "" {
		text = strings.TrimLeft(strings.TrimPrefix(text, "&"+n.Anchor), indents)
		for line := n.Line; line < len(d.lines) && (text == "" || text[0] == '#'); line++ {
			text = strings.TrimLeft(d.lines[line], indents)
		}
	}
	if strings.HasPrefix(text, "!") {
		return "!"
	}
	return ""
}

// tagFits reports whether a tag names the type that the value has anyway.
func tagFits(n *yaml.Node, tag string) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	var err error
	switch tag {
	case "!!str":
	case "!!int":
		var v int64
		err = n.Decode(&v)
	case "!!float":
		_, err = strconv.ParseFloat(n.Value, 64)
	case "!!bool":
		if n.Value != "true" && n.Value != "false" {
			return false
		}
	case "!!null":
		return slices.Contains([]string{"", "~", "null"}, n.Value)
	default:
		return false
	}
	return err == nil
}

// wrongTag returns the error for a tag. It suggests what was probably meant, and does not quote the tag, which may be a credential that
// begins with !.
func wrongTag(n node, tag string) string {
	const isTag = "a value that begins with ! is a YAML tag"
	switch {
	case tag == "!!binary":
		return "base64 is not decoded: write the text itself, without !!binary"
	case strings.HasPrefix(tag, "!!"):
		return "the tag " + strconv.Quote(legible.Shorten(tag, maxQuoted)) + " does not fit the value: leave it out"
	case slices.Contains([]string{"!env", "!ENV", "!Env", "!env_var", "!secret"}, tag) && n.Kind == yaml.ScalarNode:
		if variableName().MatchString(n.Value) && n.key != nil && slices.Contains(shownKinds, n.key.Kind) {
			return isTag + "; ${" + n.Value + "} reads a variable"
		}
		return isTag + "; ${NAME} reads a variable"
	case n.key != nil && n.key.Kind == KindExpr:
		return isTag + "; put the expression in quotes"
	}
	return isTag + "; put the value in quotes"
}

// literalKinds lists the kinds whose values have such a form that nobody takes a comment for a part of one.
var literalKinds = []Kind{KindNumber, KindDuration, KindSize, KindRate, KindPercent, KindDurations, KindNumbers, KindBool, KindTime}

var (
	cutOff   = lazy.Regexp(`^[ \t]+#[^\s#!-]`) // probably no comment, since no space follows
	comment  = lazy.Regexp(`^[ \t]+#`)         // any comment
	halfDone = lazy.Regexp(`(?:[=<>!&|+,(\[{-]|\b(?:and|or|not|in|contains|matches|startsWith|endsWith))$`)
)

// checkComment warns if YAML takes the end of a value for a comment, or a comment for the end of a value. It checks only values on one
// line and without quotes, because quotes show where a value ends.
func (d *decoder) checkComment(n node) {
	if n.key == nil || n.Style != 0 || len(n.Content) > 0 || slices.Contains(literalKinds, n.key.Kind) {
		return
	}
	rest, ends := strings.CutPrefix(d.rest(n.Node), n.Value)
	mayBeCut := cutOff().MatchString(rest) || comment().MatchString(rest) && n.key.isExpression() && isHalf(n.Value)
	switch {
	case !ends:
	case n.Tag == "!!null" && mayBeCut:
		d.warn(n, "yaml.comment", "YAML takes the value for a comment, since it begins with #: put it in quotes")
	case mayBeCut:
		hash := *n.Node
		hash.Column += utf8.RuneCountInString(n.Value) + strings.IndexByte(rest, '#')
		d.warn(node{Node: &hash, path: n.path}, "yaml.comment",
			"YAML takes what follows for a comment: put the whole value in quotes, or a space behind the #")
	case n.key.Kind == KindSecret || n.key.Kind == KindSecrets:
		if strings.Contains(n.Value, "#") {
			d.warn(n, "yaml.comment",
				"the # and what follows it belong to the secret: put it in quotes, or a space before the # of a comment")
		}
	}
}

func (k *Key) isExpression() bool { return k.Kind == KindExpr || k.Kind == KindTree && k.Plain }

// isHalf reports whether an expression ends too early.
func isHalf(text string) bool {
	open := strings.Count(text, "(") + strings.Count(text, "[") - strings.Count(text, ")") - strings.Count(text, "]")
	return open > 0 || halfDone().MatchString(strings.TrimSpace(text))
}
