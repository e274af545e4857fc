package config

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/awf-project/awf-hook/engine/secret"
	"gopkg.in/yaml.v3"
)

var rootKeys = keys[*Config]{
	"webhooks": (*decoder).webhooks,
	"tests":    (*decoder).tests,
	"network": func(d *decoder, n *yaml.Node, path string, cfg *Config) {
		mapping(d, n, path, networkKeys, cfg)
	},
	"queue": func(d *decoder, n *yaml.Node, path string, cfg *Config) {
		mapping(d, n, path, queueKeys, &cfg.Queue)
	},
}

var networkKeys = keys[*Config]{
	"allow": (*decoder).allow,
	"https_only": func(d *decoder, n *yaml.Node, path string, cfg *Config) {
		d.boolean(n, path, &cfg.HTTPSOnly)
		cfg.httpsOnlyAt = Pos{d.file, n.Line, n.Column}
	},
}

var webhookKeys = keys[*Webhook]{
	"name":        (*decoder).name,
	"url":         (*decoder).url,
	"events":      (*decoder).events,
	"filter":      (*decoder).filter,
	"transform":   (*decoder).transform,
	"secret":      (*decoder).secret,
	"secret_file": (*decoder).secretFile,
	"signing":     (*decoder).signing,
	"tls":         (*decoder).tls,
	"headers":     (*decoder).headers,
	"enabled":     func(d *decoder, n *yaml.Node, path string, w *Webhook) { d.boolean(n, path, &w.Enabled) },
	"timeout":     func(d *decoder, n *yaml.Node, path string, w *Webhook) { d.duration(n, path, &w.Timeout) },
	"retry":       (*decoder).retry,
	"rate":        (*decoder).rate,
	"order_by":    (*decoder).orderBy,
	"order_max_wait": func(d *decoder, n *yaml.Node, path string, w *Webhook) {
		d.duration(n, path, &w.OrderMaxWait)
	},
	"max_in_flight": func(d *decoder, n *yaml.Node, path string, w *Webhook) {
		d.integer(n, path, &w.MaxInFlight)
	},
}

func (d *decoder) webhooks(n *yaml.Node, path string, cfg *Config) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	limit := int(keyOf(path).Max)
	if d.origin != UserFile {
		limit = maxCheckoutWebhooks
	}
	if len(n.Content) > limit {
		d.fail(n, path, "want at most %d entries, got %d", limit, len(n.Content))
		return
	}
	lines := map[string]int{}   // of the names
	urls := map[string][2]int{} // of entries without a name by what stands for it: the line of the first, and how many there are
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		w := d.webhook(entry, at)
		if w == nil {
			continue
		}
		place, shown := entry, ""
		if w.Name == "" {
			w.Name = d.unnamed(entry, at, w, urls)
			shown = strconv.Quote(w.Name)
		} else {
			place = resolve(valueOf(entry, "name"))
			shown = quote(place)
		}
		if line, twice := lines[w.Name]; twice {
			d.fail(place, at, "the name %s stands twice, first in line %d", shown, line)
		} else {
			lines[w.Name] = place.Line
		}
		w.Identity = d.identity + "#" + w.Name
		cfg.Webhooks = append(cfg.Webhooks, *w)
	}
}

// unnamed names a webhook by its receiver, so that what waits for one is not sent to another when entries change places.
func (d *decoder) unnamed(n *yaml.Node, path string, w *Webhook, lines map[string][2]int) string {
	whole := w.urlText
	if w.URL.Host() != "" {
		whole = w.URL.Reveal().String()
	}
	digest := sha256.Sum256([]byte(whole))
	name := fmt.Sprintf("%s-%x", w.URL.Host(), digest[:4])
	first, twice := lines[name]
	if !twice {
		lines[name] = [2]int{n.Line, 1}
		return name
	}
	if w.URL.Host() != "" {
		d.warn(n, path, "cannot be told from the entry in line %d, which has the same URL: give both a name", first[0])
	}
	lines[name] = [2]int{first[0], first[1] + 1}
	return fmt.Sprintf("%s-%d", name, first[1]+1)
}

// webhook reads one entry; nil if it is no mapping.
func (d *decoder) webhook(n *yaml.Node, path string) *Webhook {
	w := &Webhook{
		Enabled:      true,
		Timeout:      DefaultTimeout,
		Retry:        Retry{MaxAttempts: DefaultMaxAttempts, Backoff: Exponential, MaxDelay: DefaultMaxDelay, Jitter: DefaultJitter},
		OrderMaxWait: DefaultOrderMaxWait,
		MaxInFlight:  DefaultMaxInFlight,
		Origin:       d.origin,
		pos:          Pos{d.file, n.Line, n.Column},
	}
	d.used, d.known, d.reads = nil, nil, nil
	if !mapping(d, n, path, webhookKeys, w) {
		return nil
	}
	w.used, w.Known, w.reads = d.used, d.known, d.reads
	if valueOf(n, "url") == nil && w.Enabled {
		d.fail(n, join(path, "url"), "missing")
	}
	if valueOf(n, "events") == nil {
		for _, glob := range DefaultEvents {
			w.Events = append(w.Events, Text{Value: glob})
		}
	}
	if !w.Enabled && valueOf(n, "name") == nil {
		d.fail(valueOf(n, "enabled"), join(path, "enabled"), "needs a name, to say which webhook is off")
	}
	d.checkSigning(n, path, w)
	if wait := valueOf(n, "order_max_wait"); wait != nil && valueOf(n, "order_by") == nil {
		d.fail(wait, join(path, "order_by"), "missing, though order_max_wait is given")
	}
	return w
}

// FailURL makes the error of a mistake in the webhook's URL.
func (w *Webhook) FailURL(message string) *Error {
	return &Error{Pos: w.urlAt, Path: w.urlPath, Message: message}
}

// valueOf returns the value of a mapping's key, nil if it is not there.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	n = resolve(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (d *decoder) name(n *yaml.Node, path string, w *Webhook) {
	w.nameText = n.Value
	name, ok := d.value(n, path)
	limit := int(keyOf(path).Max)
	switch {
	case !ok:
	case name == "" || len(name) > limit || strings.ContainsFunc(name, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) || r == '#' }):
		d.fail(n, path, "want 1 to %d bytes without # and control characters, got %s", limit, quote(n))
	default:
		w.Name, w.Named = name, true
	}
}

func (d *decoder) url(n *yaml.Node, path string, w *Webhook) {
	w.urlText = n.Value
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	u, err := secret.ParseURL(text)
	split := secret.SplitHost(n.Value, func(name string) string {
		value, _ := d.env(name)
		return value
	})
	switch {
	case split != "":
		d.fail(n, path, "the value of %s would end the host: write /, ?, # and \\ in it percent-encoded", split)
	case err != nil:
		d.fail(n, path, "%s", err)
	default:
		w.URL = secret.NewURL(u)
		w.urlAt, w.urlPath = Pos{d.file, n.Line, n.Column}, path
	}
}

func (d *decoder) events(n *yaml.Node, path string, w *Webhook) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	if len(n.Content) == 0 {
		d.fail(n, path, "want at least one event, got an empty list")
	}
	if limit := int(keyOf(path).Max); len(n.Content) > limit {
		d.fail(n, path, "want at most %d events, got %d", limit, len(n.Content))
		return
	}
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		if glob, ok := d.value(entry, at); ok {
			w.Events = append(w.Events, d.text(entry, at, glob))
		}
	}
}

// filter is taken as it is: no variable is expanded in an expression.
func (d *decoder) filter(n *yaml.Node, path string, w *Webhook) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		d.fail(n, path, "want an expression, got %s", describe(n))
	case n.Value == "":
		d.fail(n, path, "want an expression, got an empty text")
	default:
		w.Filter = d.text(n, path, n.Value)
	}
}
