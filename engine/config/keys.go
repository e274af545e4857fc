package config

import (
	"slices"
	"strings"
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
)

// Key is one key of the configuration.
// The table of them, [Keys], is what the checks, docs/config.md and the JSON Schema are made of.
type Key struct {
	Path     string // with [] for the entries of a list: "webhooks[].retry.delay"
	Kind     Kind
	Default  string   // as it would be written, or in words; "" for none
	Min, Max int64    // of numbers; of durations in nanoseconds, of sizes and texts in bytes, lists and mappings in entries; 0 for none
	Choices  []string // what a text may be; nil for anything
	UserOnly bool     // may stand in the user's own files only, which are -c's and the global one
	Is       string   // what it says
}

//go:generate go test -run ^TestKeysStandInDocs$ -update

// Keys is the table of all keys, in the order of the documentation.
var Keys = []Key{
	{Path: "webhooks", Kind: KindList, Max: 10_000, Is: "the webhooks"},
	{Path: "webhooks[].name", Kind: KindText, Min: 1, Max: 100, Default: "the URL's host and a digest of it", Is: "the webhook's name; with its file it is what deliveries belong to. Another file's entry of the same name overrides this one"},
	{Path: "webhooks[].url", Kind: KindURL, Is: "the receiver, http or https; `user:password@` becomes Basic authentication"},
	{Path: "webhooks[].enabled", Kind: KindBool, Default: "true", Is: "false switches the webhook of this name off"},
	{Path: "webhooks[].events", Kind: KindGlobs, Min: 1, Max: 100, Default: "[workflow_*, step_complete]", Is: "which types of events: `*` is any run of characters, `?` one"},
	{Path: "webhooks[].filter", Kind: KindExpr, Max: 16 << 10, Default: "all of them", Is: "an expression that is true for the events to send"},
	{Path: "webhooks[].secret", Kind: KindSecrets, Max: 10, Default: "unsigned", Is: "signs the requests; `whsec_…` is decoded as Standard Webhooks has it, anything else is taken literally. A list, newest first, is for rotating"},
	{Path: "webhooks[].secret[].value", Kind: KindSecret, Is: "a secret of the list"},
	{Path: "webhooks[].secret[].not_before", Kind: KindTime, Is: "from when on it signs"},
	{Path: "webhooks[].secret[].not_after", Kind: KindTime, Is: "until when it signs"},
	{Path: "webhooks[].secret_file", Kind: KindText, UserOnly: true, Is: "a file that holds the secret, without its last line's end; a relative path starts at the configuration's folder"},
	{Path: "webhooks[].signing", Kind: KindSchemes, Default: "[awf, standard] with a secret", Is: "how requests are signed, several at a time: `awf`, `standard`, `github`, or a mapping with `custom`; `[]` is unsigned"},
	{Path: "webhooks[].signing[].custom", Kind: KindMapping, Is: "a scheme of the receiver's own: an HMAC under the secret's literal bytes"},
	{Path: "webhooks[].signing[].custom.header", Kind: KindText, Is: "the header that carries the signature"},
	{Path: "webhooks[].signing[].custom.template", Kind: KindText, Max: 1024, Default: "{body}", Is: "what is signed, with `{id}`, `{timestamp}` (Unix seconds) and `{body}`"},
	{Path: "webhooks[].signing[].custom.hash", Kind: KindText, Choices: []string{"sha256", "sha512"}, Max: 10, Default: "sha256", Is: "`sha256` or `sha512`"},
	{Path: "webhooks[].signing[].custom.encoding", Kind: KindText, Choices: []string{"hex", "base64"}, Max: 10, Default: "hex", Is: "`hex` or `base64`"},
	{Path: "webhooks[].signing[].custom.prefix", Kind: KindText, Max: 1024, Is: "stands before the signature, perhaps with `{id}` and `{timestamp}`; what follows its last separator stands before each signature"},
	{Path: "webhooks[].signing[].custom.separator", Kind: KindText, Max: 10, Is: "stands between the signatures of several valid secrets; without one the first secret alone signs"},
	{Path: "webhooks[].signing[].custom.id_header", Kind: KindText, Is: "carries the delivery's id too, which is in X-AWF-Delivery anyway"},
	{Path: "webhooks[].signing[].custom.timestamp_header", Kind: KindText, Is: "carries the timestamp too"},
	{Path: "webhooks[].headers", Kind: KindHeaders, Max: 50, Is: "static headers of every request; a value is 4,096 bytes at most"},
	{Path: "webhooks[].tls", Kind: KindMapping, UserOnly: true, Is: "what is not the system's in TLS; the files are PEM, relative paths start at the configuration's folder"},
	{Path: "webhooks[].tls.ca_file", Kind: KindText, UserOnly: true, Is: "the authorities that the receiver's certificate may come from, instead of the system's"},
	{Path: "webhooks[].tls.cert_file", Kind: KindText, UserOnly: true, Is: "our certificate, for receivers that want one"},
	{Path: "webhooks[].tls.key_file", Kind: KindText, UserOnly: true, Is: "its key"},
	{Path: "webhooks[].timeout", Kind: KindDuration, Min: int64(10 * time.Millisecond), Max: int64(5 * time.Minute), Default: "15s", Is: "of one attempt, the response's body included"},
	{Path: "webhooks[].retry", Kind: KindMapping, Is: "when a delivery is tried again"},
	{Path: "webhooks[].retry.max_attempts", Kind: KindNumber, Min: 1, Max: 50, Default: "10", Is: "how often a delivery is tried"},
	{Path: "webhooks[].retry.delay", Kind: KindDuration, Min: int64(10 * time.Millisecond), Max: int64(24 * time.Hour), Default: "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h", Is: "the wait before the second attempt, which grows as `backoff` says. The default is Standard Webhooks' schedule"},
	{Path: "webhooks[].retry.backoff", Kind: KindText, Choices: Backoffs, Min: 1, Default: "exponential", Is: "how the waits grow from `delay`: `exponential` doubles them, `fibonacci` adds the two before, `constant` keeps them"},
	{Path: "webhooks[].retry.max_delay", Kind: KindDuration, Min: int64(10 * time.Millisecond), Max: int64(24 * time.Hour), Default: "24h", Is: "the longest wait"},
	{Path: "webhooks[].retry.schedule", Kind: KindDurations, Min: 1, Max: 50, Default: "that of `delay`", Is: "the waits themselves, the last one repeated"},
	{Path: "webhooks[].retry.jitter", Kind: KindPercent, Min: 0, Max: 100, Default: "20%", Is: "by how much of itself a wait is longer or shorter, by chance"},
	{Path: "webhooks[].retry.max_age", Kind: KindDuration, Min: int64(time.Second), Max: int64(365 * 24 * time.Hour), Default: "none", Is: "how old a delivery gets before it is dead, counted from its event's acceptance or its last replay"},
	{Path: "webhooks[].retry.statuses", Kind: KindNumbers, Min: 0, Max: 50, Default: "[]", Is: "statuses that are tried again beside 408, 425, 429 and 5xx"},
	{Path: "webhooks[].rate", Kind: KindRate, Max: 100_000, Default: "none, with a format what its receiver takes", Is: "attempts in a time, of all processes together: `5/s`, `60/min`, `1000/h`; a tenth of a second's may come at once"},
	{Path: "webhooks[].order_by", Kind: KindExpr, Max: 16 << 10, Default: "no order, with `format: pagerduty` by alert", Is: "an expression: deliveries with the same value of it are sent one after the other, in the order of their events"},
	{Path: "webhooks[].order_max_wait", Kind: KindDuration, Min: int64(time.Second), Max: int64(365 * 24 * time.Hour), Default: "15m", Is: "how old a delivery gets before those behind it pass it"},
	{Path: "webhooks[].max_in_flight", Kind: KindNumber, Min: 1, Max: 64, Default: "4", Is: "attempts at a time; there are never more connections"},
	{Path: "webhooks[].transform", Kind: KindSteps, Max: 10, Default: "the event itself", Is: "what makes the body: a step, or a list of steps that feed each other"},
	{Path: "webhooks[].transform[].map", Kind: KindTree, Is: "a tree with expressions in it, or one expression; nothing is sent where it comes to nothing"},
	{Path: "webhooks[].transform[].format", Kind: KindText, Is: "a receiver's own format, which `with` tells more: see docs/formats.md"},
	{Path: "webhooks[].transform[].with", Kind: KindTree, Is: "what the step can read, `with` in a map's expressions; variables are expanded in it, and their values are secrets"},
	{Path: "webhooks[].transform[].wasm", Kind: KindText, Min: 1, Max: 4096, Is: "the file of a sandboxed WebAssembly module; a relative path starts at the configuration's folder. A project's files reach none outside the project"},
	{Path: "webhooks[].transform[].sha256", Kind: KindText, Default: "any", Is: "of the module's file, in hex: another one is refused"},
	{Path: "webhooks[].transform[].isolation", Kind: KindText, Choices: []string{isolateEvent, isolateInstance}, Min: 1, Default: "event", Is: "`event` gives the module a pristine instance for each event, `instance` uses instances again"},
	{Path: "webhooks[].transform[].limits", Kind: KindMapping, Is: "what one event may cost the module"},
	{Path: "webhooks[].transform[].limits.fuel", Kind: KindNumber, Min: 1_000, Max: 2_000_000_000, Default: "32000000", Is: "about one per instruction; the default grows by 2,500 for each byte of the event, to 350,000,000"},
	{Path: "webhooks[].transform[].limits.memory", Kind: KindSize, Min: 64 << 10, Max: 256 << 20, Default: "16MiB", Is: "its linear memory"},
	{Path: "webhooks[].transform[].limits.stack", Kind: KindSize, Min: 16 << 10, Max: 8 << 20, Default: "1MiB", Is: "calls within calls"},
	{Path: "webhooks[].transform[].limits.input", Kind: KindSize, Min: 1 << 10, Max: 16 << 20, Default: "1MiB", Is: "what it is fed"},
	{Path: "webhooks[].transform[].limits.output", Kind: KindSize, Min: 1 << 10, Max: 1 << 20, Default: "256KiB", Is: "what it makes"},
	{Path: "webhooks[].transform[].limits.log_lines", Kind: KindNumber, Min: 1, Max: 1_000, Default: "32", Is: "lines that it logs, of 1 KiB at most"},
	{Path: "webhooks[].transform[].limits.module", Kind: KindSize, Min: 1 << 10, Max: 32 << 20, Default: "8MiB", Is: "the module's file"},
	{Path: "webhooks[].transform[].omitempty", Kind: KindBool, Default: "false", Is: "leaves out of the map what is null"},
	{Path: "webhooks[].transform[].content_type", Kind: KindText, Default: "application/json", Is: "of the body that a map or a module makes; other than JSON a map must come to a text"},
	{Path: "network", Kind: KindMapping, UserOnly: true, Is: "what holds for all receivers"},
	{Path: "network.allow", Kind: KindRanges, Max: 100, UserOnly: true, Is: "addresses and ranges that webhooks may reach whatever else holds, like `10.0.0.0/8`: without it a checkout's webhooks reach no private address, and none reaches a link-local or metadata address"},
	{Path: "network.https_only", Kind: KindBool, Default: "false", UserOnly: true, Is: "refuses webhooks whose URL is http"},
	{Path: "queue", Kind: KindMapping, UserOnly: true, Is: "the queue of deliveries; the same holds for all files, so that the user's last one that gives a key decides"},
	{Path: "queue.path", Kind: KindText, Min: 1, Max: 4096, Default: "$XDG_STATE_HOME/awf-hook/queue.db, else ~/.local/state/…", UserOnly: true, Is: "its file, which any number of processes share; a relative path starts at the configuration's folder; `memory:` keeps nothing beyond the process"},
	{Path: "queue.keep", Kind: KindDuration, Min: int64(time.Minute), Max: int64(365 * 24 * time.Hour), Default: "7d", UserOnly: true, Is: "how long delivered deliveries are kept"},
	{Path: "queue.keep_dead", Kind: KindDuration, Min: int64(time.Minute), Max: int64(3650 * 24 * time.Hour), Default: "90d", UserOnly: true, Is: "how long dead letters are kept"},
	{Path: "queue.max_size", Kind: KindSize, Min: 1 << 20, Max: 1 << 40, Default: "1GiB", UserOnly: true, Is: "how large the queue may grow; beyond it the oldest delivered deliveries go first, then deliveries are kept in memory"},
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

// children lists the names of the keys below a path in a file.
func children(path string) []string {
	path = generic(path)
	var names []string
	for _, k := range Keys {
		parent, name := splitPath(k.Path)
		if parent == path {
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
