package format

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"time"
)

var pagerDuty = Receiver{
	Name:    "pagerduty",
	Summary: "a PagerDuty alert: a failure triggers it, the next success of the same workflow resolves it",
	URL:     "https://events.pagerduty.com/v2/enqueue, or https://events.eu.pagerduty.com/v2/enqueue",
	Keys: []Key{
		{Name: "routing_key", Kind: KindSecret, Required: true, Is: "the integration's key, 32 characters",
			want: "a PagerDuty integration key of 32 characters", match: regexp.MustCompile(`^[!-~]{32}$`).MatchString},
		{Name: "dedup", Kind: KindText, Choices: []string{"workflow", "run", "step"}, Default: "workflow",
			Is: "what has one alert: each workflow, each run, or each workflow and each of its steps; an expression is the key itself, and the workflow's where it gives nothing"},
		{Name: "action", Kind: KindText, Choices: pagerActions, closed: true, Default: "by the event",
			Is: "what is done; without it workflow_error triggers and workflow_end resolves, with `dedup: step` or an expression failed and succeeded steps too. " +
				"An expression that gives nothing sends nothing"},
		{Name: "resolve", Kind: KindBool, Default: "true", Is: "false leaves resolving to people"},
		{Name: "severity", Kind: KindText, Choices: pagerSeverities, closed: true, Default: "error, of a step warning", Is: "how bad it is"},
		{Name: "title", Kind: KindText, Default: "what happened, and the error's first line", Is: "the alert's summary"},
		{Name: "source", Kind: KindText, Default: "the workflow", Is: "what is affected"},
		{Name: "component", Kind: KindText, Default: "the step", Is: "its part"},
		{Name: "group", Kind: KindText, Default: "the workflow", Is: "what it belongs to"},
		{Name: "class", Kind: KindText, Default: "the event's type", Is: "what kind of alert it is"},
		{Name: "details", Kind: KindFields, Max: maxFields, Default: "the event's payload", Is: "labels and their values in the alert's details, beside the run"},
		{Name: "error", Kind: KindBool, Default: "true", Is: "false leaves out the error's text"},
		{Name: "link", Kind: KindText, Is: linkIs, want: "an http or https URL", match: isWebURL},
		{Name: "link_text", Kind: KindText, Default: "Open the run", Is: "what the link says"},
	},
	Limits: []Limit{
		{"summary", 1024, Characters, "Events API v2"},
		{"dedup key", pagerDedup, Characters, "Events API v2; a longer one is hashed"},
		{"source, component, group, class", 250, Characters, "ours"},
		{"the whole event", 512_000, Bytes, "Events API v2: 512 KB, the smaller reading"},
	},
	Policy: Policy{
		Rate:    Rate{N: 120, Per: time.Minute, Burst: 10},
		Success: "202: it is queued there",
		Retry:   "429 and 5xx; 30 s after 429 where Retry-After does not say",
		address: func(u *url.URL) string {
			if u.Path != "/v2/enqueue" {
				return "PagerDuty's path is /v2/enqueue"
			}
			return ""
		},
		answers: answers{delivered: []int{202}, retry: []int{429}, dead: []int{400}, reason: []string{"message", "errors"}, pause: 30 * time.Second},
	},
	sample: sample{url: "https://events.pagerduty.com/v2/enqueue", with: []Option{{Name: "routing_key", Value: sampleKey}, {Name: "link", Value: sampleLink}}},
	write:  writePagerDuty,
	order: func(m *message) string {
		if key := m.dedupKey(); m.fault == nil && key != "" {
			return key
		}
		return pagerKey("awf", m.name)
	},
}

const pagerDedup = 255 // characters

var (
	pagerActions    = []string{"trigger", "acknowledge", "resolve"}
	pagerSeverities = []string{"critical", "error", "warning", "info"}
)

func writePagerDuty(m *message) any {
	action, key := m.pagerAction(), m.dedupKey()
	if action == "" || key == "" && action != "trigger" {
		return nil
	}
	body := object{{"routing_key", m.format.values["routing_key"].secret}, {"event_action", action}, {"dedup_key", key}}
	if action != "trigger" {
		return body
	}
	link := object{{"href", m.link}, {"text", shrink(m.linkText, maxLabel, utf16Units)}}
	return append(body, object{
		{"client", "awf-hook"}, {"client_url", m.link}, {"links", list{link}.unless(m.link == "")},
		{"payload", m.pagerPayload()},
	}...)
}

// pagerAction is what the event does to its alert; "" for nothing.
func (m *message) pagerAction() string {
	if _, given := m.format.values["action"]; given {
		return m.word("action")
	}
	dedup := m.format.values["dedup"].text
	steps := dedup != nil && (dedup.literal == "step" || !dedup.isLiteral())
	switch {
	case m.moment == failed, m.moment == stepFailed && steps:
		return "trigger"
	case !m.isSet("resolve", true):
	case m.moment == succeeded, m.moment == stepSucceeded && steps:
		return "resolve"
	}
	return ""
}

// dedupKey is the key of the event's alert: the same for the failure and the success that ends it.
func (m *message) dedupKey() string {
	dedup := m.format.values["dedup"].text
	workflow := []string{"awf", m.name}
	if m.name == "" {
		workflow = []string{"awf", "run", m.id} // AWF did not name the workflow: only the run is known
	}
	if dedup != nil && !dedup.isLiteral() {
		if key := m.line("dedup"); key != "" {
			return pagerKeyText(key)
		}
	}
	switch {
	case dedup == nil:
	case dedup.literal == "run":
		return pagerKey("awf", "run", m.id)
	case m.moment.isStep():
		return pagerKey(append(workflow, "step", cmp.Or(m.known.path, m.known.step))...) // the path tells loops' steps apart
	}
	return pagerKey(workflow...)
}

// pagerKey joins parts of any content so that different parts never make the same key.
func pagerKey(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = pagerEscape.Replace(part)
	}
	return pagerKeyText(strings.Join(escaped, "/"))
}

var pagerEscape = strings.NewReplacer("%", "%25", "/", "%2F")

// pagerKeyText hashes a key that is too long.
func pagerKeyText(key string) string {
	if utf16Units(key) <= pagerDedup {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "awf/sha256/" + hex.EncodeToString(sum[:])
}

func (m *message) pagerPayload() object {
	component := ""
	if m.moment.isStep() {
		component = m.stepName()
	}
	severity := "error"
	switch {
	case m.moment == stepFailed:
		severity = "warning"
	case !m.moment.isFailure():
		severity = "info"
	}
	summary := m.title
	if _, given := m.format.values["title"]; !given && m.err != "" {
		first, _, _ := strings.Cut(m.err, "\n")
		summary += ": " + strings.TrimSpace(first)
	}
	text := func(option, standard string) string {
		return shrink(cmp.Or(m.line(option), standard), m.limit("source, component, group, class"), utf16Units)
	}
	return object{
		{"summary", shrink(summary, m.limit("summary"), utf16Units)},
		{"source", text("source", cmp.Or(m.name, "awf"))},
		{"severity", cmp.Or(m.word("severity"), severity)},
		{"component", text("component", component)},
		{"group", text("group", m.name)},
		{"class", text("class", m.typ)},
		{"timestamp", timestamp(m.at)},
		{"custom_details", m.pagerDetails()},
	}
}

// pagerDetails are the run, and the payload or what the option says.
func (m *message) pagerDetails() object {
	const frame = 14_000 // bytes: all the rest of the event, at most
	const longest = 4096 // characters of a value, so that all fit
	details := object{{"workflow_id", shrink(m.id, m.limit("source, component, group, class"), utf16Units)}}
	if _, given := m.format.values["details"]; !given {
		without := []string{"workflow_id"}
		if !m.isSet("error", true) {
			without = append(without, "error")
		}
		return append(details, payload(m.payload, m.limit("the whole event")-frame, without...)...)
	}
	for _, f := range m.labelled("details") {
		details = append(details, member{shrink(f.label, maxLabel, utf16Units), shrink(f.value, longest, utf16Units)})
	}
	return details
}

// timestamp is RFC 3339 in UTC.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
