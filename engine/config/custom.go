package config

import (
	"net/textproto"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/signature"
)

// schemeKeys lists the keys of a mapping in signing.
var schemeKeys = []Key{
	{Path: "custom", Kind: KindMapping, below: customKeys, read: by((*decoder).custom),
		Is: "the receiver's own scheme: an HMAC with the secret's literal bytes as key"},
}

var customKeys = []Key{
	{Path: "header", Kind: KindText, read: byText((*decoder).headerName), Is: "the header that carries the signature"},
	{Path: "template", Kind: KindText, Max: 1024, Without: "{body}",
		Is: "what is signed, with `{id}`, `{timestamp}` (Unix seconds) and `{body}`"},
	{Path: "hash", Kind: KindText, Choices: []string{"sha256", "sha512"}, Without: "sha256", Is: "`sha256` or `sha512`"},
	{Path: "encoding", Kind: KindText, Choices: []string{"hex", "base64"}, Without: "hex", Is: "`hex` or `base64`"},
	{Path: "prefix", Kind: KindText, Max: 1024, read: (*decoder).headerPart,
		Is: "precedes the signature, perhaps with `{id}` and `{timestamp}`; " +
			"the part after its last separator precedes each signature"},
	{Path: "separator", Kind: KindText, Max: 10, read: (*decoder).headerPart,
		Is: "separates the signatures of several valid secrets; without it only the first secret signs"},
	{Path: "id_header", Kind: KindText, read: byText((*decoder).headerName),
		Is: "a header that also carries the delivery's id, which X-AWF-Delivery always does"},
	{Path: "timestamp_header", Kind: KindText, read: byText((*decoder).headerName), Is: "a header that carries the timestamp"},
}

// custom reads the receiver's own scheme.
func (d *decoder) custom(n node, w *Webhook) {
	var c signature.Custom
	if !d.mapping(n, &c) || !d.isKnown(n) {
		return
	}
	if err := c.Check(); err != nil {
		part, message, _ := strings.Cut(err.Error(), ": ")
		at := n.get(part)
		if at.Node == nil {
			at = n.at(part)
		}
		d.fail(at, "signing.custom", "%s", message)
		return
	}
	for _, other := range w.Custom {
		if textproto.CanonicalMIMEHeaderKey(other.Header) == textproto.CanonicalMIMEHeaderKey(c.Header) {
			d.fail(n.get("header"), "value.duplicate", "another scheme signs in %s already", c.Header)
			return
		}
	}
	w.Custom = append(w.Custom, c)
}

// headerPart reads a part of a header's value.
func (d *decoder) headerPart(n node, owner any) {
	to := n.key.field(owner).(*string)
	d.field(n, to)
	if err := delivery.CheckHeader("X-Value", *to); err != nil {
		d.fail(n, "header.form", "%v", err)
	}
}

func (d *decoder) headerName(n node, name string, c *signature.Custom) {
	if err := delivery.CheckHeader(name, ""); err != nil {
		d.fail(n, "header.form", "%v", err)
		return
	}
	*n.key.field(c).(*string) = name
}
