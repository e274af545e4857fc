package config

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Value is a value of a configuration and its source.
type Value struct {
	Key       string   `json:"key"`                 // "retry.delay"
	Text      string   `json:"value"`               // as people write it, with secrets masked
	Place     string   `json:"place"`               // file and line, or "default"
	Variables []string `json:"variables,omitempty"` // the variables that it reads, each as $NAME
}

// Place returns the file and line of the webhook's entry.
func (w *Webhook) Place() string { return w.pos.short() }

// Values lists the webhook's values in the order of the keys.
func (w *Webhook) Values() []Value {
	list := values(webhookKeys, "", w.used, w)
	for i := range w.Transform {
		for j := range w.Transform[i].Options {
			list = append(list, w.Transform[i].Options[j].shown(w.used))
		}
	}
	return list
}

// Values lists the values beside webhooks in the order of the keys.
func (c *Config) Values() []Value { return values(rootKeys, "", c.used, c) }

// Digest returns a digest of the active webhooks that does not depend on where the files are. It covers neither secrets nor masked
// values, because others may read it.
func (c *Config) Digest() string {
	var lines []string
	for _, w := range c.Active() {
		text := w.Name
		for _, v := range w.Values() {
			text += "\n" + v.Key + "\x00" + v.Text
		}
		lines = append(lines, text)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\x00\n")))
	return hex.EncodeToString(sum[:6])
}

// values lists the values of a table's keys and of the mappings in it, except for empty ones.
func values(table []Key, path string, used []use, owner any) []Value {
	var list []Value
	for _, key := range table {
		v := Value{Key: path + key.Path, Place: "default"}
		switch {
		case key.isPart():
			list = append(list, values(key.below, v.Key+".", used, key.field(owner))...)
			continue
		case key.show != nil:
			v.Text = key.show(owner)
		case !key.hidden:
			v.Text = key.showField(key.field(owner))
		}
		for _, u := range slices.Backward(used) { // the last file decides
			if u.path == v.Key || v.Key == "secret" && u.path == "secret_file" {
				v.use(u)
				break
			}
		}
		if v.Text != "" {
			list = append(list, v)
		}
	}
	return list
}

// use records where the value comes from.
func (v *Value) use(u use) {
	v.Place = u.pos.short()
	for _, variable := range u.variables {
		if !slices.Contains(v.Variables, "$"+variable) {
			v.Variables = append(v.Variables, "$"+variable)
		}
	}
	if u.unresolved {
		v.Text = "not known without its variables"
	}
}

// joined joins the texts of a list's entries.
func joined[T any](list []T, text func(T) string) string {
	texts := make([]string, len(list))
	for i, entry := range list {
		texts[i] = text(entry)
	}
	return strings.Join(texts, ", ")
}
