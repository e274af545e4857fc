package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Value is one value of a configuration, for showing what holds and why.
type Value struct {
	Key       string   `json:"key"`                 // "retry.delay"
	Text      string   `json:"value"`               // as a person would write it; secrets are masked
	Place     string   `json:"place"`               // where it stands, "default" if nowhere
	Variables []string `json:"variables,omitempty"` // that it reads, each as $NAME
}

// Place is the file and line of the webhook's entry.
func (w *Webhook) Place() string { return w.pos.short() }

func (p Pos) short() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Values lists what holds for the webhook, key by key.
func (w *Webhook) Values() []Value { return values(webhookKeys, "", w.used, w) }

// Values lists what holds beside the webhooks, key by key.
func (c *Config) Values() []Value { return values(rootKeys, "", c.used, c) }

// Digest tells configurations apart by what they say of their active webhooks, wherever their files are. Secrets, and what shows only
// masked, are not in it: others may read it.
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

// values lists the keys of a table and of the mappings in it, where there is something to say of them.
func values(table []Key, path string, used []use, owner any) []Value {
	var list []Value
	for _, key := range table {
		v := Value{Key: path + key.Path, Place: "default"}
		switch {
		case key.into != nil:
			list = append(list, values(key.below, v.Key+".", used, key.into(owner))...)
			continue
		case key.show != nil:
			v.Text = key.show(&key, owner)
		}
		for _, u := range slices.Backward(used) { // the last file's is what holds
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

// use notes where the value stands.
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

func showList[T any](list []T) string {
	if len(list) == 0 {
		return ""
	}
	return strings.ReplaceAll(fmt.Sprint(list), " ", ", ")
}
