package config

import (
	"go/token"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is the kind of a key's value.
type Kind string

const (
	KindText      Kind = "text"
	KindURL       Kind = "URL"
	KindGlobs     Kind = "list of globs"
	KindRanges    Kind = "list of addresses"
	KindExpr      Kind = "expression"
	KindSecret    Kind = "secret"
	KindSecrets   Kind = "secret or list"
	KindSchemes   Kind = "list of schemes"
	KindTexts     Kind = "list of texts"
	KindHeaders   Kind = "mapping of texts"
	KindNumber    Kind = "number"
	KindDuration  Kind = "duration"
	KindSize      Kind = "size"
	KindRate      Kind = "rate"
	KindPercent   Kind = "percent"
	KindDurations Kind = "list of durations"
	KindNumbers   Kind = "list of numbers"
	KindBool      Kind = "true or false"
	KindTime      Kind = "time"
	KindList      Kind = "list"
	KindMapping   Kind = "mapping"
	KindSteps     Kind = "step or list" // of transform
	KindTree      Kind = "any value"    // kept as it is written
)

// Key describes one key of the configuration. Reading, merging, check --print, docs/config.md and the JSON Schema are made of it.
//
// Each mapping's keys are listed in a table beside the type that holds the mapping. [Keys] lists all of them.
type Key struct {
	Path     string // the name in a mapping's table; in [Keys] the full path, with [] for a list's entries: "webhooks[].retry.delay"
	Kind     Kind
	Default  string   // the value that is read if the key is missing
	Without  string   // what applies if the key is missing, in words or decided elsewhere
	Min, Max int64    // durations in nanoseconds, sizes and texts in bytes, lists and mappings in entries; 0 for no bound
	Choices  []string // the allowed texts; nil for any
	UserOnly bool     // only the user's own files, that of -c and the global one, may set it and the keys below it
	Required bool     // the mapping must have it
	Plain    bool     // variables are not expanded
	Is       string   // what it means

	// The owner is the value into which the key's mapping is read. Without these functions, the owner's field that has the key's name keeps
	// the value, and the field's type says how to read and show it.
	read   func(d *decoder, n node, owner any)
	show   func(owner any) string             // the value as people read it
	judge  func(d *decoder, n node, part any) // checks the keys of a mapping against each other
	at     keeper
	hidden bool // the value is not shown

	merge   merging
	instead string // another key of the mapping that it excludes: setting this one in a later file removes the other
	below   []Key  // the keys of a mapping or of a list's entries
	noun    string // the word for a format's options in errors; "" for keys of this package
	anyCase bool   // choices may be written in any case, and errors suggest a near one
	orExpr  bool   // the text may also be an expression instead of a choice

	goesWith []string // the kinds of steps that may have the key; nil for all kinds
}

// merging says what applies if several files set a key.
type merging int

const (
	lastHolds  merging = iota // the value of the last file; in a mapping, key by key
	wholeHolds                // the mapping of the last file, without keys of other files
	allHold                   // the entries of all files
)

// keeper returns the field of an owner that keeps a key's value.
type keeper func(owner any) any

func keeps[T any](to func(*T) any) keeper { return func(owner any) any { return to(owner.(*T)) } }

// by makes a function that reads or judges a value of a T's key.
func by[T any](read func(*decoder, node, *T)) func(*decoder, node, any) {
	return func(d *decoder, n node, owner any) { read(d, n, owner.(*T)) }
}

// byText is [by] for a scalar, whose text it reads with the variables expanded.
func byText[T any](read func(d *decoder, n node, text string, owner *T)) func(*decoder, node, any) {
	return func(d *decoder, n node, owner any) {
		if text, ok := d.value(n); ok {
			read(d, n, text, owner.(*T))
		}
	}
}

// as makes a function that shows the value of a T's key.
func as[T any](show func(*T) string) func(any) string {
	return func(owner any) string { return show(owner.(*T)) }
}

// each makes a function that reads a list, entry by entry, into the key's field.
func each[E any](read func(*decoder, node) (entry E, ok bool)) func(*decoder, node, any) {
	return func(d *decoder, n node, owner any) {
		to := n.key.field(owner).(*[]E)
		for entry := range d.entries(n) {
			if v, ok := read(d, entry); ok {
				*to = append(*to, v)
			}
		}
	}
}

// isPart reports whether the key's mapping is read into a part of the owner.
func (k *Key) isPart() bool { return k.Kind == KindMapping && k.read == nil }

// field returns the field of the owner that keeps the key's value, nil for none: MaxDelay for max_delay.
func (k *Key) field(owner any) any {
	if k.at != nil {
		return k.at(owner)
	}
	v := reflect.ValueOf(owner).Elem()
	at := place{v.Type(), k.Path}
	index, known := places.Load(at)
	if !known {
		name := strings.ReplaceAll(k.Path, "_", "")
		f, _ := v.Type().FieldByNameFunc(func(field string) bool { return token.IsExported(field) && strings.EqualFold(field, name) })
		index, _ = places.LoadOrStore(at, f.Index)
	}
	if index := index.([]int); index != nil {
		return v.FieldByIndex(index).Addr().Interface()
	}
	return nil
}

// place is a key of the values of a type.
type place struct {
	of   reflect.Type
	path string
}

// places keeps the fields that [Key.field] found, by their places.
var places sync.Map

// Bounds of durations.
const (
	millisecond = int64(time.Millisecond)
	minute      = int64(time.Minute)
	day         = 24 * int64(time.Hour)
	year        = 365 * day
)

//go:generate go test -run ^TestKeysStandInDocs$ -update

// Keys returns all keys, in the order of the documentation.
func Keys() []Key { return flat("", false, rootKeys) }

var rootKey = Key{Kind: KindMapping, below: rootKeys}

// flat lists the keys of a table and of the tables below it, with their full paths.
func flat(path string, userOnly bool, table []Key) []Key {
	var list []Key
	for _, k := range table {
		k.UserOnly = k.UserOnly || userOnly
		below := "."
		if k.Kind != KindMapping {
			below = "[]."
		}
		k.Path = path + k.Path
		list = append(append(list, k), flat(k.Path+below, k.UserOnly, k.below)...)
	}
	return list
}

// find returns the key below k with a name, nil if there is none.
func (k *Key) find(name string) *Key {
	if k == nil {
		return nil
	}
	if i := slices.IndexFunc(k.below, func(k Key) bool { return k.Path == name }); i >= 0 {
		return &k.below[i]
	}
	return nil
}

// names lists the keys of a mapping for an error: keys of this package alphabetically, a format's options as in its table.
func (k *Key) names() []string {
	var list []string
	for _, below := range k.below {
		list = append(list, below.Path)
	}
	if k.noun == "" {
		slices.Sort(list)
	}
	return list
}
