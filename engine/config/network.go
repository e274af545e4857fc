package config

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"

	"github.com/awf-project/awf-hook/engine/secret"
)

var networkKeys = []Key{
	{Path: "allow", Kind: KindRanges, Max: 100, merge: allHold, read: each((*decoder).prefix),
		Is: "addresses and ranges that all webhooks may reach, like `10.0.0.0/8`: without it a checkout's webhooks " +
			"reach no private address, and no webhook reaches a link-local or metadata address"},
	{Path: "https_only", Kind: KindBool, Default: "false", Is: "refuses webhooks whose URL is http"},
}

// httpURLs returns a mistake for each webhook with an http URL, if https_only is set.
func (c *Config) httpURLs(webhooks []Webhook) (mistakes Errors) {
	if !c.HTTPSOnly {
		return nil
	}
	var because Pos
	for _, u := range c.used {
		if u.path == "network.https_only" {
			because = u.pos
		}
	}
	for _, w := range webhooks {
		if w.Enabled && w.URL.Reveal().Scheme == "http" {
			mistakes = append(mistakes, w.FailURL("url.https", "want https, since network.https_only is set in "+because.short()))
		}
	}
	return mistakes
}

// prefix reads an address or a range of addresses.
func (d *decoder) prefix(n node) (prefix netip.Prefix, ok bool) {
	text, ok := d.value(n)
	if !ok {
		return prefix, false
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap() // an IPv4 address is judged as one, however it is written
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		d.fail(n, "value.form", "want an address like 10.1.2.3 or a range like 10.0.0.0/8, got %s", quote(n))
	}
	const mapped = 96 // bits before an IPv4 address
	if prefix.Addr().Is4In6() && prefix.Bits() >= mapped {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
	}
	return prefix.Masked(), err == nil
}

// TLS is a webhook's own authority and certificate. Printing it shows neither of them.
type TLS struct {
	CAFile, CertFile, KeyFile string        // as written; "" for none
	ca, cert, key             secret.Secret // PEM
}

// Client returns the TLS configuration of the webhook's connections, nil for the system's.
func (t TLS) Client() *tls.Config {
	if t.ca.IsZero() && t.cert.IsZero() {
		return nil
	}
	config := &tls.Config{}
	if !t.ca.IsZero() {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(t.ca.Reveal()))
	}
	if cert, err := tls.X509KeyPair([]byte(t.cert.Reveal()), []byte(t.key.Reveal())); err == nil { // judgeTLS has parsed it
		config.Certificates = []tls.Certificate{cert}
	}
	return config
}

var tlsKeys = []Key{
	{Path: "ca_file", Kind: KindText, read: byText((*decoder).pem),
		Is: "the authorities to trust for the receiver's certificate, instead of the system's"},
	{Path: "cert_file", Kind: KindText, read: byText((*decoder).pem), Is: "a client certificate, for receivers that require one"},
	{Path: "key_file", Kind: KindText, read: byText((*decoder).pem), Is: "the key of cert_file"},
}

// pem reads a file of certificates or of a key, once, with the configuration.
func (d *decoder) pem(n node, name string, t *TLS) {
	text, _ := d.readFile(n, name, maxPEM, "a file of certificates")
	*n.key.field(t).(*string) = name
	*map[string]*secret.Secret{"ca_file": &t.ca, "cert_file": &t.cert, "key_file": &t.key}[n.key.Path] = secret.New(text)
}

// maxPEM is the maximum size of a file of certificates, in bytes.
const maxPEM = 1 << 20

// judgeTLS checks the files against each other.
func (d *decoder) judgeTLS(n node, t *TLS) {
	hasCert, hasKey := n.has("cert_file"), n.has("key_file")
	if d.failed(n) {
		return
	}
	if hasCert != hasKey {
		d.fail(n, "key.missing", "want cert_file and key_file, or none of them")
	}
	if d.env == nil { // the files were not read
		return
	}
	if hasCert && hasKey {
		if _, err := tls.X509KeyPair([]byte(t.cert.Reveal()), []byte(t.key.Reveal())); err != nil {
			d.fail(n.get("cert_file"), "file.content", "no certificate that goes with key_file")
		}
	}
	if n.has("ca_file") && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.ca.Reveal())) {
		d.fail(n.get("ca_file"), "file.content", "no certificate in it")
	}
}
