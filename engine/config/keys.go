package config

import (
	"slices"
	"time"
)

// Kind is what a key's value is.
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

// Key is one key of the configuration: all that is known of it. What reads a file, what check --print shows, docs/config.md and the
// JSON Schema come of it.
//
// The keys of each mapping stand in a table beside what the mapping is read into. [Keys] lists them all.
type Key struct {
	Path     string // in a mapping's table its name; in [Keys] the whole, with [] for a list's entries: "webhooks[].retry.delay"
	Kind     Kind
	Default  string   // what is read where it is missing
	Without  string   // what holds where it is missing, in words or decided elsewhere
	Min, Max int64    // of numbers; of durations in nanoseconds, of sizes and texts in bytes, lists and mappings in entries; 0 for none
	Choices  []string // what a text may be; nil for anything
	UserOnly bool     // only the user's own files may give it, which are -c's and the global one
	Required bool     // its mapping must give it
	Plain    bool     // no variable is expanded in it
	Is       string   // what it says

	access
	merge   merging
	instead string // the key beside it that it replaces: if a further file gives the one, the other of a file before is gone
	below   []Key  // of a mapping, or of a list's entries
	noun    string // what a format's options are called in errors; "" for keys of this package
	anyCase bool   // its choices may be written in any case, and a near one is suggested
	orExpr  bool   // a text may also be an expression, which its choices do not bind
}

// merging says what holds of a key that several files give.
type merging int

const (
	lastHolds  merging = iota // what the last file says; of a mapping, key by key
	wholeHolds                // the last file's mapping as a whole, with no key of another file
	allHold                   // the entries of all files
)

// access is the way from a key to where its value is kept. The owner is what the key's mapping is read into.
type access struct {
	read func(d *decoder, n node, owner any)
	show func(k *Key, owner any) string // what holds, for people; nil where there is nothing to say
	into func(owner any) any            // of a mapping, what its own keys are read into
	at   func(owner any) any            // the field that keeps the value; nil if it is kept in a way of its own
}

// field keeps a value in a field of the owner, whose type says how it is read.
func field[T any](to func(*T) any) access {
	return access{
		read: func(d *decoder, n node, owner any) { d.field(n, to(owner.(*T))) },
		show: func(k *Key, owner any) string { return k.showField(to(owner.(*T))) },
		at:   func(owner any) any { return to(owner.(*T)) },
	}
}

// by reads a value in a way of its own.
func by[T any](read func(*decoder, node, *T)) access {
	return access{read: func(d *decoder, n node, owner any) { read(d, n, owner.(*T)) }}
}

// reading reads in a way of its own what is shown like a field.
func reading[T any](a access, read func(*decoder, node, *T)) access {
	a.read = by(read).read
	return a
}

// showing says what check --print shows.
func showing[T any](a access, show func(*T) string) access {
	a.show = func(_ *Key, owner any) string { return show(owner.(*T)) }
	return a
}

// within reads a mapping into a part of the owner. Then judge says what is wrong with its keys together.
func within[T, U any](part func(*T) *U, judge func(d *decoder, n node, to *U)) access {
	return access{
		read: func(d *decoder, n node, owner any) {
			if to := part(owner.(*T)); d.mapping(n, to) && judge != nil {
				judge(d, n, to)
			}
		},
		into: func(owner any) any { return part(owner.(*T)) },
	}
}

// Bounds of durations.
const (
	millisecond = int64(time.Millisecond)
	minute      = int64(time.Minute)
	day         = 24 * int64(time.Hour)
	year        = 365 * day
)

//go:generate go test -run ^TestKeysStandInDocs$ -update

// Keys lists all keys, in the order of the documentation.
var Keys = flat("", rootKeys)

var rootKey = Key{Kind: KindMapping, below: rootKeys}

// flat lists the keys of a table and of the tables below, by their whole paths.
func flat(path string, table []Key) []Key {
	var list []Key
	for _, k := range table {
		below := "."
		if k.Kind != KindMapping {
			below = "[]."
		}
		k.Path = path + k.Path
		list = append(append(list, k), flat(k.Path+below, k.below)...)
	}
	return list
}

// find returns the key below of a name, nil if there is none.
func (k *Key) find(name string) *Key {
	if k == nil {
		return nil
	}
	if i := slices.IndexFunc(k.below, func(k Key) bool { return k.Path == name }); i >= 0 {
		return &k.below[i]
	}
	return nil
}

// names lists the keys of a mapping for an error: those of this package in the alphabet's order, a format's in that of its table.
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
