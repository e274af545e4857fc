package config

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxHeaderValue is the longest value of a static header, in bytes.
const maxHeaderValue = 4096

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
		case !isHeaderName(key.Value):
			d.fail(key, at, "not a header name")
		case isReserved(key.Value):
			d.fail(key, at, "belongs to HTTP itself or to awf-hook")
		case len(text) > maxHeaderValue:
			d.fail(value, at, "want at most %d bytes, got %d", maxHeaderValue, len(text))
		case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			d.fail(value, at, "control character in a header's value")
		default:
			w.Headers = append(w.Headers, Header{key.Value, NewSecret(text)})
		}
	}
}

// isHeaderName says whether s is a token of RFC 9110.
func isHeaderName(s string) bool {
	for _, r := range s {
		isAlnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !isAlnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return s != ""
}

// isReserved says whether the header belongs to HTTP's framing or to what awf-hook sends itself.
func isReserved(name string) bool {
	name = strings.ToLower(name)
	reserved := []string{
		"connection", "content-length", "expect", "host", "idempotency-key", "keep-alive", "proxy-connection",
		"te", "trailer", "transfer-encoding", "upgrade", "x-idempotency-key",
	}
	return slices.Contains(reserved, name) || strings.HasPrefix(name, "x-awf-") || strings.HasPrefix(name, "webhook-")
}
