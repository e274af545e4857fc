package config

import (
	"net/textproto"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/signature"
	"gopkg.in/yaml.v3"
)

// schemeKeys are those of an entry of signing that is a mapping.
var schemeKeys = keys[*Webhook]{"custom": (*decoder).custom}

var customKeys = keys[*signature.Custom]{
	"header":    func(d *decoder, n *yaml.Node, path string, c *signature.Custom) { d.headerName(n, path, &c.Header) },
	"template":  func(d *decoder, n *yaml.Node, path string, c *signature.Custom) { d.part(n, path, &c.Template) },
	"hash":      func(d *decoder, n *yaml.Node, path string, c *signature.Custom) { d.part(n, path, &c.Hash) },
	"encoding":  func(d *decoder, n *yaml.Node, path string, c *signature.Custom) { d.part(n, path, &c.Encoding) },
	"prefix":    func(d *decoder, n *yaml.Node, path string, c *signature.Custom) { d.headerPart(n, path, &c.Prefix) },
	"separator": func(d *decoder, n *yaml.Node, path string, c *signature.Custom) { d.headerPart(n, path, &c.Separator) },
	"id_header": func(d *decoder, n *yaml.Node, path string, c *signature.Custom) { d.headerName(n, path, &c.IDHeader) },
	"timestamp_header": func(d *decoder, n *yaml.Node, path string, c *signature.Custom) {
		d.headerName(n, path, &c.TimestampHeader)
	},
}

// custom reads a scheme of the receiver's own.
func (d *decoder) custom(n *yaml.Node, path string, w *Webhook) {
	var c signature.Custom
	before := len(d.errs)
	if !mapping(d, n, path, customKeys, &c) || len(d.errs) > before || d.unresolvedBelow(n) {
		return
	}
	if err := c.Check(); err != nil {
		part, message, _ := strings.Cut(err.Error(), ": ")
		at := valueOf(n, part)
		if at == nil {
			at = n
		}
		d.fail(at, join(path, part), "%s", message)
		return
	}
	for _, other := range w.Custom {
		if textproto.CanonicalMIMEHeaderKey(other.Header) == textproto.CanonicalMIMEHeaderKey(c.Header) {
			d.fail(valueOf(n, "header"), join(path, "header"), "another scheme signs in %s already", c.Header)
			return
		}
	}
	w.Custom = append(w.Custom, c)
}

// unresolvedBelow says whether a mapping has a value that cannot be judged, since no variables are looked up.
func (d *decoder) unresolvedBelow(n *yaml.Node) bool {
	for _, value := range n.Content {
		if d.unresolved(resolve(value)) {
			return true
		}
	}
	return false
}

func (d *decoder) part(n *yaml.Node, path string, to *string) {
	text, ok := d.value(n, path)
	limit := int(keyOf(path).Max)
	switch {
	case !ok:
	case len(text) > limit:
		d.fail(n, path, "want at most %d bytes, got %d", limit, len(text))
	default:
		*to = text
	}
}

// headerPart is a part of a header's value.
func (d *decoder) headerPart(n *yaml.Node, path string, to *string) {
	d.part(n, path, to)
	if err := delivery.CheckHeader("X-Value", *to); err != nil {
		d.fail(n, path, "%v", err)
	}
}

func (d *decoder) headerName(n *yaml.Node, path string, to *string) {
	name, ok := d.value(n, path)
	if !ok {
		return
	}
	if err := delivery.CheckHeader(name, ""); err != nil {
		d.fail(n, path, "%v", err)
		return
	}
	*to = name
}
