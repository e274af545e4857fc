package config

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// checkTags reports the explicit tags below a node. One that no rule of ours gives a meaning takes the text that stands behind it for the
// value: ! workflow_name startsWith "test-" would select the opposite of what was meant.
func (d *decoder) checkTags(n *yaml.Node, path string) {
	if tag := d.tagOf(n); tag != "" && !tagFits(n, tag) {
		d.fail(n, path, "%s", wrongTag(n, tag, keyOf(path)))
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for i, entry := range n.Content {
			d.checkTags(entry, path+"["+strconv.Itoa(i)+"]")
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			d.checkTags(n.Content[i], path)
			d.checkTags(n.Content[i+1], join(path, n.Content[i].Value))
		}
	}
}

// tagOf is a node's tag as it stands in the file, "" if there is none.
func (d *decoder) tagOf(n *yaml.Node) string {
	if n.Style&yaml.TaggedStyle != 0 {
		return n.Tag
	}
	if strings.HasPrefix(d.rest(n), "! ") { // for the parser, a lone ! says that the value is a text
		return "!"
	}
	return ""
}

// tagFits says whether a tag says what the value is anyway.
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
	case "!!binary":
		_, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
	default:
		return false
	}
	return err == nil
}

// wrongTag says what was probably meant. It does not quote the tag, which may be a credential that begins with !.
func wrongTag(n *yaml.Node, tag string, key *Key) string {
	const isTag = "a value that begins with ! is a YAML tag"
	switch {
	case strings.HasPrefix(tag, "!!"):
		return "the tag " + strconv.Quote(shorten(tag)) + " does not fit the value: leave it out"
	case slices.Contains([]string{"!env", "!ENV", "!Env", "!env_var", "!secret"}, tag) && n.Kind == yaml.ScalarNode:
		if variableName.MatchString(n.Value) && key != nil && slices.Contains(shownKinds, key.Kind) {
			return isTag + "; ${" + n.Value + "} reads a variable"
		}
		return isTag + "; ${NAME} reads a variable"
	case key != nil && key.Kind == KindExpr:
		return isTag + "; put the expression in quotes"
	}
	return isTag + "; put the value in quotes"
}
