package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine/spelling"
)

// add merges the configuration of a later file into c. The table says how to merge the keys beside webhooks.
func (c *Config) add(file *Config) {
	c.Files = append(c.Files, file.Files...)
	c.Warnings = slices.Concat(c.Warnings, file.Warnings, offWithout(c.Webhooks, file.Webhooks))
	c.Webhooks = override(c.Webhooks, file.Webhooks)
	c.given = append(c.given, file.Webhooks...)
	c.Named = append(c.Named, file.Named...)
	rootKey.mergeBelow("", c, file, func(path string) bool {
		return slices.ContainsFunc(file.used, func(u use) bool { return u.path == path || strings.HasPrefix(u.path, path+".") })
	})
	c.used = append(c.used, file.used...)
}

// mergeBelow merges the keys below k that a later file sets.
func (k *Key) mergeBelow(path string, to, from any, gives func(path string) bool) {
	for i := range k.below {
		key := &k.below[i]
		at := path + key.Path
		switch {
		case !gives(at):
		case key.isPart() && key.merge != wholeHolds:
			key.mergeBelow(at+".", key.field(to), key.field(from), gives)
		case key.merge == allHold:
			all := reflect.ValueOf(key.field(to)).Elem()
			all.Set(reflect.AppendSlice(all, reflect.ValueOf(key.field(from)).Elem()))
		default:
			reflect.ValueOf(key.field(to)).Elem().Set(reflect.ValueOf(key.field(from)).Elem())
		}
		if key.instead != "" && gives(at) && !gives(path+key.instead) {
			reflect.ValueOf(k.find(key.instead).field(to)).Elem().SetZero()
		}
	}
}

// offWithout warns of entries that switch off a webhook which no earlier file has, if one has nearly that name. Other entries may be meant
// for the webhooks of other users.
func offWithout(base, over []Webhook) (warnings Errors) {
	names := make([]string, len(base))
	for i, w := range base {
		names[i] = w.Name
	}
	for _, w := range over {
		if w.Enabled || w.urlText != "" || slices.Contains(names, w.Name) {
			continue
		}
		if near := spelling.Suggest(w.Name, names); near != "" {
			message := "switches off nothing: no earlier file has a webhook " + strconv.Quote(w.Name) + near
			warnings = append(warnings, &Error{Pos: w.pos, Code: "key.useless", Message: message, Warning: true})
		}
	}
	return warnings
}

// override merges webhooks into a new slice. An entry with a name replaces an earlier one with the same name as a whole; an entry without
// a name is added.
func override(base, over []Webhook) []Webhook {
	merged := append([]Webhook(nil), base...)
	place := map[string]int{}
	for i, w := range merged {
		if w.Named {
			place[w.Name] = i
		}
	}
	for _, w := range over {
		if i, there := place[w.Name]; there && w.Named {
			merged[i] = w
		} else {
			merged = append(merged, w)
		}
	}
	return merged
}
