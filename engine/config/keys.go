package config

import (
	"slices"
	"strings"
	"time"
)

// Kind is what a key's value is.
type Kind string

const (
	KindText     Kind = "text"
	KindURL      Kind = "URL"
	KindGlobs    Kind = "list of globs"
	KindExpr     Kind = "expression"
	KindSecret   Kind = "secret"
	KindSecrets  Kind = "secret or list"
	KindSchemes  Kind = "list of schemes"
	KindHeaders  Kind = "mapping of texts"
	KindNumber   Kind = "number"
	KindDuration Kind = "duration"
	KindSize     Kind = "size"
	KindBool     Kind = "true or false"
	KindTime     Kind = "time"
	KindList     Kind = "list"
	KindMapping  Kind = "mapping"
)

// Key is one key of the configuration.
// The table of them, [Keys], is what the checks, docs/config.md and the JSON Schema are made of.
type Key struct {
	Path     string // with [] for the entries of a list: "webhooks[].retry.delay"
	Kind     Kind
	Default  string // as it would be written, or in words; "" for none
	Min, Max int64  // of numbers; of durations in nanoseconds, of sizes and texts in bytes, lists and mappings in entries; 0 for none
	UserOnly bool   // may stand in the user's own files only, which are -c's and the global one
	Later    bool   // of the design, and not of this version
	Is       string // what it says
}

//go:generate go test -run ^TestKeysStandInDocs$ -update

// Keys is the table of all keys, in the order of the documentation.
var Keys = []Key{
	{Path: "webhooks", Kind: KindList, Max: 10_000, Is: "the webhooks"},
	{Path: "webhooks[].name", Kind: KindText, Min: 1, Max: 100, Default: "the URL's host and the entry's number", Is: "the webhook's name; with its file it is what deliveries belong to. Another file's entry of the same name overrides this one"},
	{Path: "webhooks[].url", Kind: KindURL, Is: "the receiver, http or https; `user:password@` becomes Basic authentication"},
	{Path: "webhooks[].enabled", Kind: KindBool, Default: "true", Is: "false switches the webhook of this name off"},
	{Path: "webhooks[].events", Kind: KindGlobs, Min: 1, Max: 100, Default: "[workflow_*, step_complete]", Is: "which types of events: `*` is any run of characters, `?` one"},
	{Path: "webhooks[].filter", Kind: KindExpr, Max: 16 << 10, Default: "all of them", Is: "an expression that is true for the events to send"},
	{Path: "webhooks[].secret", Kind: KindSecrets, Max: 10, Default: "unsigned", Is: "signs the requests; `whsec_…` is decoded as Standard Webhooks has it, anything else is taken literally. A list, newest first, is for rotating"},
	{Path: "webhooks[].secret[].value", Kind: KindSecret, Is: "a secret of the list"},
	{Path: "webhooks[].secret[].not_before", Kind: KindTime, Is: "from when on it signs"},
	{Path: "webhooks[].secret[].not_after", Kind: KindTime, Is: "until when it signs"},
	{Path: "webhooks[].secret_file", Kind: KindText, UserOnly: true, Is: "a file that holds the secret, without its last line's end; a relative path starts at the configuration's folder"},
	{Path: "webhooks[].signing", Kind: KindSchemes, Default: "[awf, standard] with a secret", Is: "how requests are signed: `awf`, `standard`; `[]` is unsigned"},
	{Path: "webhooks[].headers", Kind: KindHeaders, Max: 50, Is: "static headers of every request; a value is 4,096 bytes at most"},
	{Path: "webhooks[].timeout", Kind: KindDuration, Min: int64(10 * time.Millisecond), Max: int64(5 * time.Minute), Default: "15s", Is: "of one attempt, the response's body included"},
	{Path: "webhooks[].retry", Kind: KindMapping, Is: "when a delivery is tried again"},
	{Path: "webhooks[].retry.max_attempts", Kind: KindNumber, Min: 1, Max: 50, Default: "10", Is: "how often a delivery is tried"},
	{Path: "webhooks[].retry.delay", Kind: KindDuration, Min: int64(10 * time.Millisecond), Max: int64(24 * time.Hour), Default: "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h", Is: "the wait before the second attempt, doubled from there, 24h at most. The default is Standard Webhooks' schedule"},
	{Path: "webhooks[].max_in_flight", Kind: KindNumber, Min: 1, Max: 64, Default: "4", Is: "attempts at a time; there are never more connections"},
	{Path: "webhooks[].transform", Kind: KindSteps, Max: 10, Default: "the event itself", Is: "what makes the body: a step, or a list of steps that feed each other"},
	{Path: "webhooks[].transform[].map", Kind: KindTree, Is: "a tree with expressions in it, or one expression; nothing is sent where it comes to nothing"},
	{Path: "webhooks[].transform[].format", Kind: KindText, Is: "a receiver's own format, which `with` tells more: see docs/formats.md"},
	{Path: "webhooks[].transform[].with", Kind: KindTree, Is: "what the step can read, `with` in a map's expressions; variables are expanded in it, and their values are secrets"},
	{Path: "webhooks[].transform[].omitempty", Kind: KindBool, Default: "false", Is: "leaves out of the map what is null"},
	{Path: "webhooks[].transform[].content_type", Kind: KindText, Default: "application/json", Is: "of the body that the step makes; other than JSON the map must come to a text"},
	{Path: "network", Kind: KindMapping, UserOnly: true, Is: "what holds for all receivers"},
	{Path: "queue", Kind: KindMapping, UserOnly: true, Is: "the queue of deliveries; the same holds for all files, so that the user's last one that gives a key decides"},
	{Path: "queue.path", Kind: KindText, Min: 1, Max: 4096, Default: "$XDG_STATE_HOME/awf-hook/queue.db, else ~/.local/state/…", UserOnly: true, Is: "its file, which any number of processes share; a relative path starts at the configuration's folder; `memory:` keeps nothing beyond the process"},
	{Path: "queue.keep", Kind: KindDuration, Min: int64(time.Minute), Max: int64(365 * 24 * time.Hour), Default: "7d", UserOnly: true, Is: "how long delivered deliveries are kept"},
	{Path: "queue.keep_dead", Kind: KindDuration, Min: int64(time.Minute), Max: int64(3650 * 24 * time.Hour), Default: "90d", UserOnly: true, Is: "how long dead letters are kept"},
	{Path: "queue.max_size", Kind: KindSize, Min: 1 << 20, Max: 1 << 40, Default: "1GiB", UserOnly: true, Is: "how large the queue may grow; beyond it the oldest delivered deliveries go first, then deliveries are kept in memory"},
	{Path: "network.https_only", Kind: KindBool, Default: "false", UserOnly: true, Is: "refuses webhooks whose URL is http"},
	{Path: "tests", Kind: KindList, Max: 1_000, Is: "the configuration's own tests, which `awf-hook test` runs"},
	{Path: "tests[].name", Kind: KindText, Min: 1, Default: "its number", Is: "the test's name"},
	{Path: "tests[].event", Kind: KindTree, Is: "an event; only its `event` must be there"},
	{Path: "tests[].events", Kind: KindText, Is: "a file of events instead, in any of AWF's dialects; a relative path starts at the configuration's folder"},
	{Path: "tests[].want", Kind: KindList, Max: 1_000, Default: "[]", Is: "the requests that come of it, those and no others"},
	{Path: "tests[].want[].webhook", Kind: KindText, Is: "the webhook's name"},
	{Path: "tests[].want[].event", Kind: KindText, Default: "any", Is: "the type of event"},
	{Path: "tests[].want[].body", Kind: KindTree, Is: "what the body has at least"},
	{Path: "tests[].want[].exact", Kind: KindTree, Is: "what the body is"},
	{Path: "tests[].want[].headers", Kind: KindHeaders, Is: "headers that the request has"},
	{Path: "tests[].want[].drop", Kind: KindBool, Default: "false", Is: "a transform finds nothing to send"},

	{Path: "webhooks[].order_by", Later: true},
	{Path: "webhooks[].order_max_wait", Later: true},
	{Path: "webhooks[].rate", Later: true},
	{Path: "webhooks[].transform[].wasm", Later: true},
	{Path: "webhooks[].transform[].limits", Later: true},
	{Path: "webhooks[].transform[].isolation", Later: true},
	{Path: "webhooks[].transform[].sha256", Later: true},
	{Path: "webhooks[].retry.backoff", Later: true},
	{Path: "webhooks[].retry.jitter", Later: true},
	{Path: "webhooks[].retry.max_age", Later: true},
	{Path: "webhooks[].retry.max_delay", Later: true},
	{Path: "webhooks[].retry.schedule", Later: true},
	{Path: "webhooks[].retry.statuses", Later: true},
	{Path: "network.allow", UserOnly: true, Later: true},
}

var keyByPath = func() map[string]*Key {
	m := make(map[string]*Key, len(Keys))
	for i := range Keys {
		m[Keys[i].Path] = &Keys[i]
	}
	return m
}()

// keyOf returns the key of a path in a file: "webhooks[3].url" is of "webhooks[].url". It is nil if there is none.
func keyOf(path string) *Key {
	return keyByPath[generic(path)]
}

// children lists the names of the keys below a path in a file, those of this version.
func children(path string) []string {
	path = generic(path)
	var names []string
	for _, k := range Keys {
		parent, name := splitPath(k.Path)
		if !k.Later && parent == path {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// generic is a path in a file without the entries' numbers.
func generic(path string) string {
	var b strings.Builder
	inside := false
	for _, r := range path {
		if r == ']' {
			inside = false
		}
		if !inside {
			b.WriteRune(r)
		}
		if r == '[' {
			inside = true
		}
	}
	return b.String()
}

// splitPath splits a key's path into its mapping's path and its name.
func splitPath(path string) (parent, name string) {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// nearest returns the name that was probably meant: one that is at most two edits away, and fewer than its length.
func nearest(name string, names []string) string {
	best, distance := "", 3
	for _, candidate := range names {
		if d := edits(strings.ToLower(name), candidate); d < distance && d < len(candidate) {
			best, distance = candidate, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short texts.
func edits(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal = row[j+1]
			row[j+1] = cost
		}
	}
	return row[len(b)]
}
