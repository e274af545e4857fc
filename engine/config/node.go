package config

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/awf-project/awf-hook/engine/legible"
	"gopkg.in/yaml.v3"
)

// maxQuoted is how much of a text an error quotes, in bytes.
const maxQuoted = 60

// node is a value in the file with its path. It is never an alias but the alias's target.
type node struct {
	*yaml.Node
	path  string     // "webhooks[0].retry.delay"
	key   *Key       // the key that it is the value of
	given *yaml.Node // a member's value as written, perhaps an alias
}

// get returns the value of a mapping's key, without a Node if the mapping does not have the key.
func (n node) get(name string) node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return node{Node: resolve(n.Content[i+1]), path: join(n.path, name), key: n.key.find(name)}
		}
	}
	return node{}
}

func (n node) has(name string) bool { return n.get(name).Node != nil }

// at returns the mapping itself with the path of one of its keys.
func (n node) at(name string) node { return node{Node: n.Node, path: join(n.path, name), key: n.key} }

// entry returns the list's i-th entry.
func (n node) entry(i int) node {
	return node{Node: resolve(n.Content[i]), path: n.path + "[" + strconv.Itoa(i) + "]", key: n.key}
}

func (n node) isText() bool { return n.Kind == yaml.ScalarNode && n.Tag != "!!null" }

// entries yields the entries of a list, whose length must be within the key's bounds.
func (d *decoder) entries(n node) iter.Seq[node] {
	return func(yield func(node) bool) {
		low, high, got := int(n.key.Min), int(n.key.Max), len(n.Content)
		if d.origin != UserFile && n.path == "webhooks" {
			high = maxCheckoutWebhooks
		}
		switch {
		case n.Kind != yaml.SequenceNode:
			d.fail(n, "value.type", "want a list, got %s%s", describe(n.Node), map[yaml.Kind]string{
				yaml.MappingNode: ": each of its entries begins with - and a space",
				yaml.ScalarNode:  ": put the entries in [ ]",
			}[n.Kind])
			return
		case got < low || high > 0 && got > high:
			d.fail(n, "value.length", "want %s, got %d", entries(low, high), got)
			return
		}
		for i := range n.Content {
			if d.isFull() || !yield(n.entry(i)) {
				return
			}
		}
	}
}

// entries says how many entries are allowed.
func entries(low, high int) string {
	if low == 0 {
		return fmt.Sprintf("at most %d entries", high)
	}
	return fmt.Sprintf("%d to %d entries", low, high)
}

// members yields the keys of a mapping with their values. It reports duplicates and yields only the first.
func (d *decoder) members(n node) iter.Seq2[node, node] {
	return func(yield func(name, value node) bool) {
		first := map[string]int{}
		for i := 0; i+1 < len(n.Content) && !d.isFull(); i += 2 {
			name := node{Node: n.Content[i], path: join(n.path, n.Content[i].Value)}
			line, twice := first[name.Value]
			switch {
			case name.Kind != yaml.ScalarNode:
				name.path = n.path
				d.fail(name, "yaml.key", "want a name as a key, got %s", describe(name.Node))
				continue
			case name.Value == "<<":
				d.fail(name, "yaml.merge", "merge keys are not supported")
				continue
			case twice:
				d.fail(name, "yaml.duplicate", "duplicate key, first in line %d", line)
				continue
			}
			first[name.Value] = name.Line
			if !yield(name, node{resolve(n.Content[i+1]), name.path, n.key, n.Content[i+1]}) {
				return
			}
		}
	}
}

// join appends a key to a path. It quotes a key that would make the path unreadable.
func join(path, key string) string {
	if key == "" || len(key) > maxQuoted || !legible.IsLine(key) {
		key = strconv.Quote(legible.Shorten(key, maxQuoted))
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// resolve returns the target of an alias, or the node itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// describe names the kind of a node for an error. It does not quote a scalar, which may be a misplaced credential.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode:
		return "a mapping: a value that begins with {{ needs quotes"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null" && n.Anchor != "":
		return "nothing: a value that begins with & is an anchor, and needs quotes"
	case n.Tag == "!!null":
		return "nothing"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	}
	return "a single value"
}
