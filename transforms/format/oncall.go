package format

import (
	"slices"
	"time"
)

var onCall = Receiver{
	Name:    "oncall",
	Summary: "an alert of Grafana OnCall or Cloud IRM: a failure raises it, the next success of the same workflow resolves it",
	URL:     "https://…/integrations/v1/formatted_webhook/…/, the address of an integration “Formatted webhook”",
	Keys:    slices.Concat(alertKeys("trigger", "resolve"), only(chatKeys(), "title", "text", "error", "link", "fields")),
	Limits: []Limit{
		{"title", 250, Characters, "ours"},
		{"field's value", 300, Characters, "ours"},
		{"message", 8000, Characters, "ours"},
	},
	Policy: Policy{
		Rate:    Rate{N: 60, Per: time.Minute, Burst: 10},
		Success: "200",
		Retry:   "429: 300 alerts in 5 minutes for an integration",
	},
	sample: sample{url: "${ONCALL_URL}", with: []Option{{Name: "link", Value: sampleLink}}},
	write: func(m *message) {
		action, key := m.alert()
		if action == "" {
			return
		}
		room := m.budget("message", markdown.cost, len("\n: "))
		failure, text := markdown.inert(room.take(m.err, room.left/2)), markdown.inert(room.take(m.text, room.left/4))
		fields := markdown.inertFields(room.takeFields(m.fields, m.limit("field's value")))
		m.put(object{
			{"alert_uid", key},
			{"title", markdown.inert(cut(m.title, m.limit("title"), markdown.cost))},
			{"state", map[string]string{"trigger": "alerting", "resolve": "ok"}[action]},
			{"link_to_upstream_details", m.link},
			{"message", paragraphs(text, failure, labelLines(fields))},
		})
	},
	order: orderByAlert,
}
