package config

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/awf-project/awf-hook/engine/secret"
)

var rootKeys = []Key{
	{Path: "webhooks", Kind: KindList, Max: 10_000, below: webhookKeys, read: by((*decoder).webhooks), Is: "the webhooks"},
	{Path: "network", Kind: KindMapping, UserOnly: true, below: networkKeys, at: keeps(func(cfg *Config) any { return cfg }),
		Is: "settings for all receivers"},
	{Path: "queue", Kind: KindMapping, UserOnly: true, below: queueKeys, judge: by((*decoder).judgeQueue),
		Is: "the queue of deliveries, one for all files; the last of the user's files that sets a key decides"},
	{Path: "serve", Kind: KindMapping, UserOnly: true, below: serveKeys, Is: "where `awf-hook serve` listens, and who may send events"},
	{Path: "server", Kind: KindMapping, UserOnly: true, merge: wholeHolds, below: serverKeys, // because a token belongs to one server
		Is: "an `awf-hook serve` that receives all events instead of the webhooks of the settings"},
	{Path: "tests", Kind: KindList, Max: 1_000, below: testKeys, merge: allHold, read: by((*decoder).tests),
		Is: "the configuration's own tests, which `awf-hook test` runs"},
}

var webhookKeys = []Key{
	{Path: "name", Kind: KindText, Min: 1, Max: 100, Without: "the URL's host and a digest of it", hidden: true, read: by((*decoder).name),
		Is: "the webhook's name; deliveries belong to it and its file. An entry of the same name in a later file replaces this one"},
	{Path: "url", Kind: KindURL, read: by((*decoder).url), show: as(func(w *Webhook) string { return w.URL.String() }),
		Is: "the receiver, http or https; `user:password@` becomes Basic authentication"},
	{Path: "enabled", Kind: KindBool, Default: "true", hidden: true, Is: "false switches the webhook with this name off"},
	{Path: "events", Kind: KindGlobs, Min: 1, Max: 100, Without: "[workflow_*, step_complete]", read: each((*decoder).glob),
		show: as((*Webhook).showEvents), Is: "the types of events that it receives: `*` matches any characters, `?` matches one"},
	{Path: "filter", Kind: KindExpr, Max: 16 << 10, Without: "all of them", Is: "an expression; only events for which it is true are sent"},
	{Path: "secret", Kind: KindSecrets, Min: 1, Max: 10, Without: "unsigned", below: secretKeys,
		at: keeps(func(w *Webhook) any { return &w.Secrets }),
		Is: "signs the requests; `whsec_…` is decoded as Standard Webhooks defines, anything else is taken literally. " +
			"A list, newest first, serves to rotate secrets"},
	{Path: "secret_file", Kind: KindText, UserOnly: true, read: byText((*decoder).secretFile),
		Is: "a file with the secret; the newline at its end does not count. A relative path starts at the configuration's folder"},
	{Path: "signing", Kind: KindSchemes, Without: "[awf, standard] if there is a secret", below: schemeKeys, read: by((*decoder).signing),
		show: as((*Webhook).showSigning),
		Is:   "the ways in which requests are signed: `awf`, `standard`, `github`, or a mapping with `custom`; `[]` leaves them unsigned"},
	{Path: "headers", Kind: KindHeaders, Max: 50, read: (*decoder).headers, show: as((*Webhook).showHeaders),
		Is: "static headers of every request, with values of at most 4,096 bytes"},
	{Path: "tls", Kind: KindMapping, UserOnly: true, below: tlsKeys, judge: by((*decoder).judgeTLS),
		Is: "TLS settings instead of the system's; the files are PEM, and relative paths start at the configuration's folder"},
	{Path: "timeout", Kind: KindDuration, Min: 10 * millisecond, Max: 5 * minute, Default: "15s",
		Is: "the time for one attempt, including the response's body"},
	{Path: "retry", Kind: KindMapping, below: retryKeys, judge: by((*decoder).judgeRetry), Is: "when deliveries are retried"},
	{Path: "rate", Kind: KindRate, Max: 100_000, Without: "none; with a format, what its receiver takes",
		Is: "the maximum number of attempts per time, for all processes together: `5/s`, `60/min`, `1000/h`; " +
			"a tenth of a second's attempts may run at once"},
	{Path: "order_by", Kind: KindExpr, Max: 16 << 10, Without: "no order; with `format: pagerduty`, by alert",
		Is: "an expression: deliveries with the same value are sent one after the other, in the order of their events"},
	{Path: "order_max_wait", Kind: KindDuration, Min: int64(time.Second), Max: year, Default: "15m", show: as((*Webhook).showOrderMaxWait),
		Is: "the age from which a delivery no longer holds up those behind it"},
	{Path: "max_in_flight", Kind: KindNumber, Min: 1, Max: 64, Default: "4",
		Is: "the maximum number of attempts, and of connections, at a time"},
	{Path: "max_in_flight_total", Kind: KindNumber, Min: 1, Max: 4096, Without: "none", at: keeps(func(w *Webhook) any { return &w.MaxTotal }),
		Is: "the maximum number of attempts at a time in all processes that share the queue, on all machines"},
	{Path: "transform", Kind: KindSteps, Min: 1, Max: 10, Without: "the event itself", below: stepKeys, read: by((*decoder).transform),
		show: as((*Webhook).showTransform), Is: "makes the body: a step, or a list of steps, each of which gets the output of the one before"},
}

func (d *decoder) webhooks(n node, cfg *Config) {
	lines := map[string]int{}   // lines of names
	urls := map[string][2]int{} // of unnamed entries, by derived name: the first one's line and their number
	for entry := range d.entries(n) {
		w := d.webhook(entry)
		if w == nil {
			continue
		}
		place, shown := entry, ""
		if w.Name == "" {
			w.Name = d.unnamed(entry, w, urls)
			shown = strconv.Quote(w.Name)
		} else {
			place.Node = entry.get("name").Node
			shown = quote(place)
		}
		if line, twice := lines[w.Name]; twice {
			d.fail(place, "value.duplicate", "the name %s is used twice, first in line %d", shown, line)
		} else {
			lines[w.Name] = place.Line
		}
		w.Identity = d.identity + "#" + w.Name
		cfg.Webhooks = append(cfg.Webhooks, *w)
	}
}

// unnamed derives a name from the receiver, so that reordering entries does not send a waiting delivery to another receiver.
func (d *decoder) unnamed(n node, w *Webhook, lines map[string][2]int) string {
	whole := w.urlText
	if w.URL.Host() != "" {
		whole = w.URL.Reveal().String()
	}
	digest := sha256.Sum256([]byte(w.nameText + whole)) // a name is in it if nobody looks up its variables
	name := fmt.Sprintf("%s-%x", w.URL.Host(), digest[:4])
	first, twice := lines[name]
	if !twice {
		lines[name] = [2]int{n.Line, 1}
		return name
	}
	if w.URL.Host() != "" {
		d.warn(n, "webhook.same", "cannot be told from the entry in line %d, which has the same URL: give both a name", first[0])
	}
	lines[name] = [2]int{first[0], first[1] + 1}
	return fmt.Sprintf("%s-%d", name, first[1]+1)
}

// webhook reads an entry. It returns nil if the entry is not a mapping.
func (d *decoder) webhook(n node) *Webhook {
	w := &Webhook{Origin: d.origin, pos: d.pos(n.Node)}
	d.defaults(n.key, w)
	d.used, d.known, d.reads = nil, nil, nil
	if !d.mapping(n, w) {
		return nil
	}
	w.used, w.Known, w.reads = d.used, d.known, d.reads
	if !n.has("url") && w.Enabled {
		d.fail(n.at("url"), "key.missing", "missing")
	}
	if !n.has("events") {
		for _, glob := range defaultEvents {
			w.Events = append(w.Events, Text{Value: glob})
		}
	}
	if !w.Enabled && !n.has("name") {
		d.fail(n.get("enabled"), "key.missing", "needs a name, to say which webhook is off")
	}
	d.judgeSigning(n, w)
	if wait := n.get("order_max_wait"); wait.Node != nil && !n.has("order_by") {
		wait.path = join(n.path, "order_by")
		d.fail(wait, "key.missing", "missing, though order_max_wait is given")
	}
	return w
}

// Reads lists the names of the variables that the webhook expands.
func (w *Webhook) Reads() []string { return w.reads }

// FailURL returns the error for a mistake in the webhook's URL.
func (w *Webhook) FailURL(code, message string) *Error {
	return &Error{Pos: w.urlAt, Code: code, Path: w.urlPath, Message: message}
}

// notInName reports whether a character would make an identity ambiguous or a log unreadable.
func notInName(r rune) bool { return r == '#' || unicode.In(r, unicode.Cc, unicode.Cf) }

// formedName reads a name that identities and logs can hold.
func (d *decoder) formedName(n node) (string, bool) {
	limit := int(n.key.Max)
	return d.formed(n, fmt.Sprintf("1 to %d bytes without # and control characters", limit), func(name string) bool {
		return name != "" && len(name) <= limit && !strings.ContainsFunc(name, notInName)
	})
}

func (d *decoder) name(n node, w *Webhook) {
	w.nameText = n.Value
	w.Name, w.Named = d.formedName(n)
	if strings.TrimSpace(w.Name) != w.Name { // nobody would see why it is not the same name as another
		d.fail(n, "value.form", "white space at its beginning or end")
	}
}

func (d *decoder) url(n node, w *Webhook) {
	w.urlText = n.Value // also if a variable is not set
	text, ok := d.value(n)
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
		d.fail(n, "url.form", "the value of %s would end the host: write /, ?, # and \\ in it percent-encoded", split)
	case err != nil:
		d.fail(n, "url.form", "%s", err)
	default:
		w.URL = secret.NewURL(u)
		w.urlAt, w.urlPath = d.pos(n.Node), n.path
	}
}

// defaultEvents are the globs of a webhook without the key events.
var defaultEvents = []string{"workflow_*", "step_complete"}

func (d *decoder) glob(n node) (Text, bool) {
	glob, ok := d.value(n)
	return d.text(n, glob), ok
}

func (w *Webhook) showEvents() string {
	return "[" + joined(w.Events, func(glob Text) string { return glob.Value }) + "]"
}

func (w *Webhook) showHeaders() string {
	return joined(w.Headers, func(h Header) string { return h.Name + ": " + secret.Mask })
}

func (w *Webhook) showOrderMaxWait() string {
	if w.OrderBy.Value == "" {
		return ""
	}
	return shortDuration(w.OrderMaxWait)
}
