package format

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Receivers that keep alerts have this in common: one event triggers an alert, and a later one with the same key resolves it.

// alertKeys returns the options of the receivers that keep alerts. A receiver knows only some actions.
func alertKeys(actions ...string) []Key {
	return []Key{
		{Name: "dedup", Kind: KindText, Choices: []string{"workflow", "run", "step"}, Default: "workflow",
			Is: "what shares an alert: each workflow, each run, or each step of each workflow; " +
				"an expression gives the key itself, and the workflow's key is used if it gives nothing"},
		{Name: "action", Kind: KindText, Choices: actions, closed: true, Default: "by the event",
			Is: "what to do with the alert; by default workflow_error triggers it and workflow_end resolves it, " +
				"and with `dedup: step` or an expression for `dedup` so do failed and succeeded steps. " +
				"An expression that gives nothing sends nothing"},
		{Name: "resolve", Kind: KindBool, Default: "true", Is: "false lets people resolve the alerts"},
	}
}

// alert returns the action of the event on its alert, and the alert's key. The action is "" for none.
func (m *message) alert() (action, key string) {
	action, key = m.action(), m.dedupKey()
	if key == "" && action != "trigger" {
		return "", ""
	}
	return action, key
}

func (m *message) action() string {
	if _, given := m.format.values["action"]; given {
		return m.word("action")
	}
	dedup := m.format.values["dedup"].text
	steps := dedup != nil && (dedup.literal == "step" || !dedup.isLiteral())
	switch {
	case m.moment == failed, m.moment == stepFailed && steps:
		return "trigger"
	case !m.isSet("resolve"):
	case m.moment == succeeded, m.moment == stepSucceeded && steps:
		return "resolve"
	}
	return ""
}

// dedupKey returns the key of the event's alert: the same for a failure and for the success that ends it.
func (m *message) dedupKey() string {
	dedup := m.format.values["dedup"].text
	workflow := []string{"awf", m.name}
	if m.name == "" {
		workflow = []string{"awf", "run", m.id} // AWF did not name the workflow: only the run is known
	}
	if dedup != nil && !dedup.isLiteral() {
		if key := m.line("dedup"); key != "" {
			return hashLong(key)
		}
	}
	switch {
	case dedup == nil:
	case dedup.literal == "run":
		return alertKey("awf", "run", m.id)
	case dedup.literal == "step" && m.moment.isStep():
		return alertKey(append(workflow, "step", cmp.Or(m.known.path, m.known.step))...) // the path tells loops' steps apart
	}
	return alertKey(workflow...)
}

// orderByAlert returns the key that orders the deliveries of an alert.
func orderByAlert(m *message) string {
	if key := m.dedupKey(); m.fault == nil && key != "" {
		return key
	}
	return alertKey("awf", m.name)
}

// alertKey joins parts of any content so that different parts never make the same key.
func alertKey(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = alertEscape.Replace(part)
	}
	return hashLong(strings.Join(escaped, "/"))
}

var alertEscape = strings.NewReplacer("%", "%25", "/", "%2F")

const longestAlertKey = 255 // characters: PagerDuty's limit, the least of all

// hashLong hashes a key that is too long.
func hashLong(key string) string {
	if utf16Units(key) <= longestAlertKey {
		return key
	}
	return hashed(key)
}

func hashed(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "awf/sha256/" + hex.EncodeToString(sum[:])
}

// summary returns the title. The standard title is followed by the error's first line.
func (m *message) summary() string {
	if _, given := m.format.values["title"]; given || m.err == "" {
		return m.title
	}
	first, _, _ := strings.Cut(m.err, "\n")
	return m.title + ": " + strings.TrimSpace(first)
}

// details adds the payload's members that fit, without the error if it is not wanted.
func (m *message) details(to jsonbytes.Object, room int, without ...string) jsonbytes.Object {
	if !m.isSet("error") {
		without = append(without, "error")
	}
	return (&selection{m.payload, room, without}).addTo(to)
}
