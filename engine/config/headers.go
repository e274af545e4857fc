package config

import (
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/secret"
	"gopkg.in/yaml.v3"
)

func (d *decoder) headers(n *yaml.Node, path string, w *Webhook) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, got %s", describe(n))
		return
	}
	if limit := int(keyOf(path).Max); len(n.Content)/2 > limit {
		d.fail(n, path, "want at most %d headers, got %d", limit, len(n.Content)/2)
		return
	}
	lines := map[string]int{} // of the names, whose case means nothing
	for key, value := range d.members(n, path) {
		at := join(path, key.Value)
		value = resolve(value)
		text, ok := d.scalar(value, at)
		line, twice := lines[strings.ToLower(key.Value)]
		lines[strings.ToLower(key.Value)] = key.Line
		switch {
		case !ok:
		case twice:
			d.fail(key, at, "stands twice, first in line %d", line)
		case delivery.CheckHeader(key.Value, "") != nil:
			d.fail(key, at, "%v", delivery.CheckHeader(key.Value, ""))
		case delivery.CheckHeader(key.Value, text) != nil:
			d.fail(value, at, "%v", delivery.CheckHeader(key.Value, text))
		default:
			w.Headers = append(w.Headers, Header{key.Value, secret.New(text)})
		}
	}
}
