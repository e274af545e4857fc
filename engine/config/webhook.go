package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
	"gopkg.in/yaml.v3"
)

var rootKeys = keys[*Config]{
	"webhooks": (*decoder).webhooks,
	"network":  nil,
	"queue":    nil,
	"tests":    nil,
}

var webhookKeys = keys[*Webhook]{
	"name":          (*decoder).name,
	"url":           (*decoder).url,
	"events":        (*decoder).events,
	"filter":        (*decoder).filter,
	"secret":        (*decoder).secret,
	"signing":       (*decoder).signing,
	"headers":       (*decoder).headers,
	"timeout":       (*decoder).timeout,
	"retry":         (*decoder).retry,
	"max_in_flight": (*decoder).maxInFlight,

	"enabled":        nil,
	"order_by":       nil,
	"order_max_wait": nil,
	"rate":           nil,
	"secret_file":    nil,
	"transform":      nil,
}

var retryKeys = keys[*Retry]{
	"max_attempts": (*decoder).maxAttempts,
	"delay":        (*decoder).delay,

	"backoff":   nil,
	"jitter":    nil,
	"max_age":   nil,
	"max_delay": nil,
	"schedule":  nil,
	"statuses":  nil,
}

func (d *decoder) webhooks(n *yaml.Node, path string, cfg *Config) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	if len(n.Content) > maxWebhooks {
		d.fail(n, path, "want at most %d entries, got %d", maxWebhooks, len(n.Content))
		return
	}
	lines := map[string]int{} // of the names
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		w := d.webhook(entry, at)
		if w == nil {
			continue
		}
		place, shown := entry, ""
		if w.Name == "" {
			w.Name = fmt.Sprintf("%s-%d", w.URL.Host(), i+1)
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

// webhook reads one entry; nil if it is no mapping.
func (d *decoder) webhook(n *yaml.Node, path string) *Webhook {
	w := &Webhook{
		Timeout:     DefaultTimeout,
		Retry:       Retry{MaxAttempts: DefaultMaxAttempts},
		MaxInFlight: DefaultMaxInFlight,
	}
	if !mapping(d, n, path, webhookKeys, w) {
		return nil
	}
	has := func(key string) bool { return valueOf(n, key) != nil }
	if !has("url") {
		d.fail(n, path, "url: missing")
	}
	if !has("events") {
		for _, glob := range DefaultEvents {
			w.Events = append(w.Events, Text{Value: glob})
		}
	}
	switch {
	case !has("signing") && has("secret"):
		w.Signing = []signature.Scheme{signature.AWF, signature.Standard}
	case len(w.Signing) > 0 && !has("secret"):
		d.fail(n, path, "signing: needs a secret")
	case has("secret") && isEmptyList(valueOf(n, "signing")):
		d.fail(n, path, "secret: does nothing, since signing is an empty list")
	}
	return w
}

func isEmptyList(n *yaml.Node) bool {
	return n != nil && resolve(n).Kind == yaml.SequenceNode && len(resolve(n).Content) == 0
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
	name, ok := d.scalar(n, path)
	const limit = 100
	switch {
	case !ok || d.unresolved(n):
	case name == "" || len(name) > limit || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '#' || r == 0x7f }):
		d.fail(n, path, "want 1 to %d bytes without # and control characters, got %s", limit, quote(n))
	default:
		w.Name = name
	}
}

func (d *decoder) url(n *yaml.Node, path string, w *Webhook) {
	text, ok := d.scalar(n, path)
	if !ok || d.unresolved(n) {
		return
	}
	u, err := url.Parse(text) // its error quotes the URL, which may be a credential
	switch {
	case err != nil:
		d.fail(n, path, "not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		d.fail(n, path, "want a URL that begins with https:// or http://")
	case u.Hostname() == "":
		d.fail(n, path, "want a URL with a host")
	default:
		u.Fragment = ""
		w.URL = URL{NewSecret(u.String())}
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
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		if glob, ok := d.scalar(entry, at); ok && !d.unresolved(entry) {
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

func (d *decoder) secret(n *yaml.Node, path string, w *Webhook) {
	text, ok := d.scalar(n, path)
	if !ok || d.unresolved(n) {
		return
	}
	if _, err := signature.Key(text); err != nil {
		d.fail(n, path, "%s", strings.TrimPrefix(err.Error(), "secret: "))
		return
	}
	w.Secret = NewSecret(text)
}

func (d *decoder) signing(n *yaml.Node, path string, w *Webhook) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		text, ok := d.scalar(entry, at)
		scheme := signature.Scheme(text)
		switch {
		case !ok || d.unresolved(entry):
		case text == "github" || text == "custom":
			d.fail(entry, at, "not supported by this version yet")
		case !slices.Contains(signature.Schemes, scheme):
			d.fail(entry, at, "want awf or standard, got %s", quote(entry))
		case slices.Contains(w.Signing, scheme):
			d.fail(entry, at, "%s stands twice", scheme)
		default:
			w.Signing = append(w.Signing, scheme)
		}
	}
}

func (d *decoder) headers(n *yaml.Node, path string, w *Webhook) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, got %s", describe(n))
		return
	}
	if len(n.Content)/2 > maxHeaders {
		d.fail(n, path, "want at most %d headers, got %d", maxHeaders, len(n.Content)/2)
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

func (d *decoder) timeout(n *yaml.Node, path string, w *Webhook) {
	d.duration(n, path, minTimeout, maxTimeout, &w.Timeout)
}

func (d *decoder) retry(n *yaml.Node, path string, w *Webhook) {
	mapping(d, n, path, retryKeys, &w.Retry)
}

func (d *decoder) maxAttempts(n *yaml.Node, path string, r *Retry) {
	d.integer(n, path, 1, maxMaxAttempts, &r.MaxAttempts)
}

func (d *decoder) delay(n *yaml.Node, path string, r *Retry) {
	d.duration(n, path, minDelay, maxDelay, &r.Delay)
}

func (d *decoder) maxInFlight(n *yaml.Node, path string, w *Webhook) {
	d.integer(n, path, 1, maxMaxInFlight, &w.MaxInFlight)
}

func (d *decoder) integer(n *yaml.Node, path string, low, high int, to *int) {
	text, ok := d.scalar(n, path)
	if !ok || d.unresolved(n) {
		return
	}
	i, err := strconv.Atoi(text)
	switch {
	case err != nil:
		d.fail(n, path, "want a number from %d to %d, got %s", low, high, quote(n))
	case i < low || i > high:
		d.fail(n, path, "want %d to %d, got %s", low, high, unquoted(n))
	default:
		*to = i
	}
}

func (d *decoder) duration(n *yaml.Node, path string, low, high time.Duration, to *time.Duration) {
	text, ok := d.scalar(n, path)
	if !ok || d.unresolved(n) {
		return
	}
	v, err := time.ParseDuration(text)
	switch {
	case err != nil:
		d.fail(n, path, "want a duration like 10s or 5m, got %s", quote(n))
	case v < low || v > high:
		d.fail(n, path, "want %v to %v, got %s", low, high, unquoted(n))
	default:
		*to = v
	}
}
