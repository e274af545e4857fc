package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/signature"
	"gopkg.in/yaml.v3"
)

// SigningSecret is a secret with the time in which it signs.
type SigningSecret struct {
	secret.Secret
	NotBefore, NotAfter time.Time // zero for no bound
}

// maxSecretFile is the longest secret_file, in bytes.
const maxSecretFile = 4096

// shortSecret is the length below which a secret is worth a warning, in bytes.
const shortSecret = 16

var secretKeys = keys[*SigningSecret]{
	"value":      (*decoder).secretValue,
	"not_before": func(d *decoder, n *yaml.Node, path string, s *SigningSecret) { d.time(n, path, &s.NotBefore) },
	"not_after":  func(d *decoder, n *yaml.Node, path string, s *SigningSecret) { d.time(n, path, &s.NotAfter) },
}

// secret is one text, or a list of texts and of mappings with the time in which each signs.
func (d *decoder) secret(n *yaml.Node, path string, w *Webhook) {
	if n.Kind != yaml.SequenceNode {
		var s SigningSecret
		if d.secretValue(n, path, &s); !s.IsZero() {
			w.Secrets = []SigningSecret{s}
		}
		return
	}
	if limit := int(keyOf(path).Max); len(n.Content) == 0 || len(n.Content) > limit {
		d.fail(n, path, "want 1 to %d secrets, got %d", limit, len(n.Content))
		return
	}
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		var s SigningSecret
		if entry.Kind != yaml.MappingNode {
			d.secretValue(entry, at, &s)
		} else {
			mapping(d, entry, at, secretKeys, &s)
			switch {
			case valueOf(entry, "value") == nil:
				d.fail(entry, join(at, "value"), "missing")
			case !s.NotAfter.IsZero() && !s.NotAfter.After(s.NotBefore):
				d.fail(entry, join(at, "not_after"), "want a time after not_before")
			}
		}
		if !s.IsZero() {
			w.Secrets = append(w.Secrets, s)
		}
	}
}

func (d *decoder) secretValue(n *yaml.Node, path string, s *SigningSecret) {
	if text, ok := d.value(n, path); ok && d.goodSecret(n, path, text) {
		s.Secret = secret.New(text)
	}
}

func (d *decoder) goodSecret(n *yaml.Node, path, text string) bool {
	key, err := signature.Key(text)
	if err != nil {
		d.fail(n, path, "%s", strings.TrimPrefix(err.Error(), "secret: "))
		return false
	}
	if slip := secret.Pasted(text); slip != "" {
		d.warn(n, path, "%s", slip)
	}
	if len(key) < shortSecret {
		d.warn(n, path, "%d bytes are short for a secret, want %d or more", len(key), shortSecret)
	}
	return true
}

// secretFile reads the secret from a file, once, when the configuration is read.
func (d *decoder) secretFile(n *yaml.Node, path string, w *Webhook) {
	name, ok := d.value(n, path)
	if !ok {
		return
	}
	text, ok := d.readFile(n, path, name, namedFile{maxSecretFile, "a secret"})
	if text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"); ok && d.goodSecret(n, path, text) {
		w.Secrets = []SigningSecret{{Secret: secret.New(text)}}
	}
}

// namedFile is a kind of file that a configuration names.
type namedFile struct {
	limit int64 // bytes
	is    string
}

// readFile reads a file that the configuration names, unless its variables are not looked up. A relative path starts at its folder.
func (d *decoder) readFile(n *yaml.Node, path, name string, kind namedFile) (string, bool) {
	if d.env == nil {
		return "", false
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.identity), name)
	}
	text, err := file.Read(name, kind.limit)
	if tooLarge := (*file.TooLarge)(nil); errors.As(err, &tooLarge) {
		err = fmt.Errorf("%w: not %s", err, kind.is)
	}
	if err != nil {
		d.fail(n, path, "%s: %v", unquoted(n), err)
	}
	return string(text), err == nil
}

func (d *decoder) signing(n *yaml.Node, path string, w *Webhook) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		if entry.Kind == yaml.MappingNode {
			mapping(d, entry, at, schemeKeys, w)
			continue
		}
		text, ok := d.value(entry, at)
		scheme := signature.Scheme(text)
		switch {
		case !ok:
		case text == "custom":
			d.fail(entry, at, "want a mapping: {custom: {header: …}}")
		case !slices.Contains(signature.Schemes, scheme):
			d.fail(entry, at, "want awf, standard, github or a mapping with custom, got %s", quote(entry))
		case slices.Contains(w.Signing, scheme):
			d.fail(entry, at, "%s stands twice", scheme)
		default:
			w.Signing = append(w.Signing, scheme)
		}
	}
}

// checkSigning judges what secret, secret_file and signing say together.
func (d *decoder) checkSigning(n *yaml.Node, path string, w *Webhook) {
	given, file, signing := valueOf(n, "secret"), valueOf(n, "secret_file"), valueOf(n, "signing")
	if given != nil && file != nil {
		d.fail(file, join(path, "secret_file"), "there is a secret already")
	}
	if given == nil {
		given = file
	}
	switch {
	case signing == nil && given != nil:
		w.Signing = []signature.Scheme{signature.AWF, signature.Standard}
	case len(w.Signing)+len(w.Custom) > 0 && given == nil:
		d.fail(signing, join(path, "signing"), "needs a secret")
	case given != nil && isEmptyList(signing):
		d.fail(given, join(path, "secret"), "does nothing, since signing is an empty list")
	}
	if signing == nil || !slices.Contains(w.Signing, signature.Standard) {
		return
	}
	for _, s := range w.Secrets {
		if !strings.HasPrefix(s.Reveal(), "whsec_") {
			d.warn(given, join(path, "secret"), "libraries for Standard Webhooks want secrets of the form whsec_ and base64")
			return
		}
	}
}

func isEmptyList(n *yaml.Node) bool {
	return n != nil && resolve(n).Kind == yaml.SequenceNode && len(resolve(n).Content) == 0
}
