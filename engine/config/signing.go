package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/signature"
	"gopkg.in/yaml.v3"
)

// SigningSecret is a secret and the period in which it signs.
type SigningSecret struct {
	secret.Secret
	NotBefore, NotAfter time.Time // zero for no bound
}

// maxSecretFile is the maximum size of a secret_file, in bytes.
const maxSecretFile = 4096

// shortSecret is the length in bytes below which a secret causes a warning.
const shortSecret = 16

var secretKeys = []Key{
	{Path: "value", Kind: KindSecret, Required: true, read: by((*decoder).secretValue), Is: "the secret"},
	{Path: "not_before", Kind: KindTime, Is: "the time from which it signs"},
	{Path: "not_after", Kind: KindTime, Is: "the time at which it stops signing"},
}

// secrets reads a text, or a list of texts and of mappings that say when each secret signs.
func (d *decoder) secrets(n node, to *[]SigningSecret) {
	if n.Kind != yaml.SequenceNode {
		var s SigningSecret
		if d.secretValue(n, &s); !s.IsZero() {
			*to = []SigningSecret{s}
		}
		return
	}
	for entry := range d.entries(n) {
		var s SigningSecret
		if entry.Kind != yaml.MappingNode {
			d.secretValue(entry, &s)
		} else if d.mapping(entry, &s); entry.has("value") && !s.NotAfter.IsZero() && !s.NotAfter.After(s.NotBefore) {
			d.fail(entry.at("not_after"), "value.range", "want a time after not_before")
		}
		if !s.IsZero() {
			*to = append(*to, s)
		}
	}
}

func (d *decoder) secretValue(n node, s *SigningSecret) {
	if text, ok := d.value(n); ok && d.goodSecret(n, text) {
		s.Secret = secret.New(text)
	}
}

func (d *decoder) goodSecret(n node, text string) bool {
	key, err := signature.Key(text)
	if err != nil {
		d.fail(n, "secret.form", "%s", strings.TrimPrefix(err.Error(), "secret: "))
		return false
	}
	if slip := secret.Pasted(text); slip != "" {
		d.warn(n, "secret.pasted", "%s", slip)
	}
	if len(key) < shortSecret {
		d.warn(n, "secret.short", "%d bytes are short for a secret, want %d or more", len(key), shortSecret)
	}
	return true
}

// secretFile reads the secret from a file, once, with the configuration.
func (d *decoder) secretFile(n node, name string, w *Webhook) {
	text, ok := d.readFile(n, name, maxSecretFile, "a secret")
	if text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"); ok && d.goodSecret(n, text) {
		w.Secrets = []SigningSecret{{Secret: secret.New(text)}}
	}
}

// readFile reads a file of at most limit bytes that the configuration refers to, unless variables are not looked up. Relative paths start
// at the configuration's folder. kind says in an error what the file should be.
func (d *decoder) readFile(n node, name string, limit int64, kind string) (string, bool) {
	if d.env == nil {
		return "", false
	}
	d.named = append(d.named, d.absolute(name))
	text, err := file.Read(d.absolute(name), limit)
	if _, tooLarge := errors.AsType[*file.TooLarge](err); tooLarge {
		err = fmt.Errorf("%w: not %s", err, kind)
	}
	if err != nil {
		d.fail(n, "file.read", "%s: %v", unquoted(n), err)
	}
	return string(text), err == nil
}

func (d *decoder) signing(n node, w *Webhook) {
	for entry := range d.entries(n) {
		if entry.Kind == yaml.MappingNode {
			d.mapping(entry, w)
			continue
		}
		text, ok := d.value(entry)
		scheme := signature.Scheme(text)
		switch {
		case !ok:
		case text == "custom":
			d.fail(entry, "value.type", "want a mapping: {custom: {header: …}}")
		case !slices.Contains(signature.Schemes, scheme):
			d.fail(entry, "value.choice", "want awf, standard, github or a mapping with custom, got %s", quote(entry))
		case slices.Contains(w.Signing, scheme):
			d.fail(entry, "value.duplicate", "%s is listed twice", scheme)
		default:
			w.Signing = append(w.Signing, scheme)
		}
	}
}

// judgeSigning checks secret, secret_file and signing against each other.
func (d *decoder) judgeSigning(n node, w *Webhook) {
	given, file, signing := n.get("secret"), n.get("secret_file"), n.get("signing")
	if given.Node != nil && file.Node != nil {
		d.fail(file, "key.conflict", "there is a secret already")
	}
	if given.Node == nil && file.Node != nil {
		given = file
		given.path = join(n.path, "secret")
	}
	switch {
	case signing.Node == nil && given.Node != nil:
		w.Signing = []signature.Scheme{signature.AWF, signature.Standard}
	case len(w.Signing)+len(w.Custom) > 0 && given.Node == nil:
		d.fail(signing, "key.missing", "needs a secret")
	case given.Node != nil && signing.Kind == yaml.SequenceNode && len(signing.Content) == 0:
		d.fail(given, "key.useless", "does nothing, since signing is an empty list")
	}
	if signing.Node == nil || !slices.Contains(w.Signing, signature.Standard) {
		return
	}
	for _, s := range w.Secrets {
		if !strings.HasPrefix(s.Reveal(), "whsec_") {
			d.warn(given, "secret.standard", "libraries for Standard Webhooks want secrets of the form whsec_ and base64")
			return
		}
	}
}

// showSigning lists the schemes.
func (w *Webhook) showSigning() string {
	var names []string
	for _, scheme := range w.Signing {
		names = append(names, string(scheme))
	}
	for _, scheme := range w.Custom {
		names = append(names, "custom "+scheme.Header)
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func showSecrets(secrets []SigningSecret) string {
	return joined(secrets, func(s SigningSecret) string {
		text := secret.Mask
		if !s.NotBefore.IsZero() {
			text += " from " + s.NotBefore.Format(time.RFC3339)
		}
		if !s.NotAfter.IsZero() {
			text += " until " + s.NotAfter.Format(time.RFC3339)
		}
		return text
	})
}
