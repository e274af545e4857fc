package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"

	"github.com/awf-project/awf-hook/engine/secret"
	"gopkg.in/yaml.v3"
)

// allow reads network.allow: addresses, and ranges of them.
func (d *decoder) allow(n *yaml.Node, path string, cfg *Config) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	if limit := int(keyOf(path).Max); len(n.Content) > limit {
		d.fail(n, path, "want at most %d entries, got %d", limit, len(n.Content))
		return
	}
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		text, ok := d.value(entry, at)
		if !ok {
			continue
		}
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			cfg.Allow = append(cfg.Allow, netip.PrefixFrom(addr, addr.BitLen()))
		} else if prefix, err := netip.ParsePrefix(text); err == nil {
			cfg.Allow = append(cfg.Allow, prefix.Masked())
		} else {
			d.fail(entry, at, "want an address like 10.1.2.3 or a range like 10.0.0.0/8, got %s", quote(entry))
		}
	}
}

// TLS is a webhook's own authority and certificate. It prints without them.
type TLS struct {
	CAFile, CertFile, KeyFile string        // as they are given; "" for none
	ca, cert, key             secret.Secret // PEM
}

// Client is the TLS of the webhook's connections; nil if nothing is its own.
func (t TLS) Client() *tls.Config {
	if t.ca.IsZero() && t.cert.IsZero() {
		return nil
	}
	config := &tls.Config{}
	if !t.ca.IsZero() {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(t.ca.Reveal()))
	}
	if cert, err := tls.X509KeyPair([]byte(t.cert.Reveal()), []byte(t.key.Reveal())); err == nil { // it was parsed before
		config.Certificates = []tls.Certificate{cert}
	}
	return config
}

var tlsKeys = keys[*TLS]{
	"ca_file":   func(d *decoder, n *yaml.Node, path string, t *TLS) { t.ca = d.pem(n, path, &t.CAFile) },
	"cert_file": func(d *decoder, n *yaml.Node, path string, t *TLS) { t.cert = d.pem(n, path, &t.CertFile) },
	"key_file":  func(d *decoder, n *yaml.Node, path string, t *TLS) { t.key = d.pem(n, path, &t.KeyFile) },
}

func (d *decoder) tls(n *yaml.Node, path string, w *Webhook) {
	before := len(d.errs)
	if !mapping(d, n, path, tlsKeys, &w.TLS) || len(d.errs) > before {
		return
	}
	hasCert, hasKey := valueOf(n, "cert_file") != nil, valueOf(n, "key_file") != nil
	switch {
	case hasCert != hasKey:
		d.fail(n, path, "want cert_file and key_file, or none of them")
	case d.env == nil:
	case hasCert:
		if _, err := tls.X509KeyPair([]byte(w.TLS.cert.Reveal()), []byte(w.TLS.key.Reveal())); err != nil {
			d.fail(valueOf(n, "cert_file"), join(path, "cert_file"), "no certificate that goes with key_file")
		}
	}
	if ca := valueOf(n, "ca_file"); ca != nil && d.env != nil && !x509.NewCertPool().AppendCertsFromPEM([]byte(w.TLS.ca.Reveal())) {
		d.fail(ca, join(path, "ca_file"), "no certificate in it")
	}
}

// pem reads a file of certificates or a key, once, when the configuration is read.
func (d *decoder) pem(n *yaml.Node, path string, given *string) secret.Secret {
	name, ok := d.value(n, path)
	if !ok {
		return secret.Secret{}
	}
	*given = name
	text, _ := d.readFile(n, path, name, namedFile{maxPEM, "a file of certificates"})
	return secret.New(text)
}

// maxPEM is the longest file of certificates, in bytes.
const maxPEM = 1 << 20
