package config

import (
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/secret"
	"gopkg.in/yaml.v3"
)

// headers reads the headers that a webhook sends or that a test expects.
func (d *decoder) headers(n node, owner any) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "value.type", "want a mapping, got %s", describe(n.Node))
		return
	}
	if high := int(n.key.Max); high > 0 && len(n.Content)/2 > high {
		d.fail(n, "value.length", "want at most %d headers, got %d", high, len(n.Content)/2)
		return
	}
	to := n.key.field(owner).(*[]Header)
	lines := map[string]int{} // by name in lower case
	for name, value := range d.members(n) {
		read := d.scalar
		if n.key.Plain {
			read = d.plainText
		}
		text, ok := read(value)
		line, twice := lines[strings.ToLower(name.Value)]
		lines[strings.ToLower(name.Value)] = name.Line
		switch {
		case !ok:
		case twice:
			d.fail(name, "yaml.duplicate", "duplicate key, first in line %d", line)
		case delivery.CheckHeader(name.Value, "") != nil && !n.key.Plain:
			d.fail(name, "header.form", "%v", delivery.CheckHeader(name.Value, ""))
		case delivery.CheckHeader(name.Value, text) != nil && !n.key.Plain:
			d.fail(value, "header.form", "%v", delivery.CheckHeader(name.Value, text))
		default:
			*to = append(*to, Header{name.Value, secret.New(text)})
		}
	}
}
