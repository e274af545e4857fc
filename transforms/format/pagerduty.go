package format

import (
	"cmp"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

var pagerDuty = Receiver{
	Name:    "pagerduty",
	Summary: "a PagerDuty alert: a failure triggers it, the next success of the same workflow resolves it",
	URL:     "https://events.pagerduty.com/v2/enqueue, or https://events.eu.pagerduty.com/v2/enqueue",
	Keys: slices.Concat([]Key{
		{Name: "routing_key", Kind: KindSecret, Required: true, Is: "the integration's key, 32 characters",
			want: "a PagerDuty integration key of 32 characters", match: matches(`^[!-~]{32}$`)},
	}, alertKeys(pagerActions...), []Key{
		{Name: "severity", Kind: KindText, Choices: pagerSeverities, closed: true, Default: "error; warning for a step",
			Is: "how severe the alert is"},
		{Name: "title", Kind: KindText, Default: "what happened, and the error's first line", Is: "the alert's summary"},
		{Name: "source", Kind: KindText, Default: "the workflow", Is: "what is affected"},
		{Name: "component", Kind: KindText, Default: "the step", Is: "the affected part of it"},
		{Name: "group", Kind: KindText, Default: "the workflow", Is: "the group that it belongs to"},
		{Name: "class", Kind: KindText, Default: "the event's type", Is: "what kind of alert it is"},
		{Name: "details", Kind: KindFields, Max: maxFields, Default: "the event's payload",
			Is: "labels and their values in the alert's details, in addition to the run"},
	}, only(chatKeys(), "error", "link", "link_text")),
	Limits: []Limit{
		{"summary", 1024, Characters, "Events API v2"},
		{"dedup key", longestAlertKey, Characters, "Events API v2; a longer one is hashed"},
		{"source, component, group, class", 250, Characters, "ours"},
		{"the whole event", 512_000, Bytes, "Events API v2: 512 KB, the smaller reading"},
	},
	Policy: Policy{
		Rate:    Rate{N: 120, Per: time.Minute, Burst: 10},
		Success: "202: it is queued there",
		Retry:   "429 and 5xx; 30 s after 429 if Retry-After does not say",
		address: address{path: matches(`^/v2/enqueue$`), objection: "PagerDuty's path is /v2/enqueue"},
		answers: answers{reason: []string{"message", "errors"}, pause: 30 * time.Second},
	},
	sample: sample{url: "https://events.pagerduty.com/v2/enqueue",
		with: []Option{{Name: "routing_key", Value: sampleKey}, {Name: "link", Value: sampleLink}}},
	write: writePagerDuty,
	order: orderByAlert,
}

var (
	pagerActions    = []string{"trigger", "acknowledge", "resolve"}
	pagerSeverities = []string{"critical", "error", "warning", "info"}
)

func writePagerDuty(m *message) {
	action, key := m.alert()
	if action == "" {
		return
	}
	routingKey := m.format.values["routing_key"].secret
	if action != "trigger" {
		m.put(object{{"routing_key", routingKey}, {"event_action", action}, {"dedup_key", key}})
		return
	}
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
	text := func(option, standard string) string {
		return cut(cmp.Or(m.line(option), standard), m.limit("source, component, group, class"), utf16Units)
	}
	link := object{{"href", m.link}, {"text", cut(m.linkText, maxLabel, utf16Units)}}
	m.put(object{
		{"routing_key", routingKey}, {"event_action", action}, {"dedup_key", key},
		{"client", "awf-hook"}, {"client_url", m.link}, {"links", list{link.unless(m.link == "")}},
		{"payload", object{
			{"summary", cut(m.summary(), m.limit("summary"), utf16Units)},
			{"source", text("source", cmp.Or(m.name, "awf"))},
			{"severity", cmp.Or(m.word("severity"), severity)},
			{"component", text("component", component)},
			{"group", text("group", m.name)},
			{"class", text("class", m.typ)},
			{"timestamp", timestamp(m.at)},
			{"custom_details", m.pagerDetails()},
		}},
	})
}

// pagerDetails returns the run, and the payload or the fields of the option.
func (m *message) pagerDetails() raw {
	const frame = 14_000 // bytes: all the rest of the event, at most
	const longest = 4096 // characters of a value, so that all fit
	details := jsonbytes.Object("{}")
	details.Text("workflow_id", cut(m.id, m.limit("source, component, group, class"), utf16Units))
	if _, given := m.format.values["details"]; !given {
		return raw(m.details(details, m.limit("the whole event")-frame, "workflow_id"))
	}
	m.addLabelled(&details, "details", longest, taken("workflow_id"))
	return raw(details)
}

// timestamp formats a time as RFC 3339 in UTC.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
