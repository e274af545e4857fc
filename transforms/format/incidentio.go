package format

import (
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

var incidentIO = Receiver{
	Name:    "incidentio",
	Summary: "an alert of incident.io's HTTP source: a failure fires it, the next success of the same workflow resolves it",
	URL:     "https://api.incident.io/v2/alert_events/http/…; the token goes into `headers: {Authorization: Bearer ${INCIDENT_IO_TOKEN}}`",
	Keys: slices.Concat(alertKeys("trigger", "resolve"), only(chatKeys(), "title", "text", "error", "link"), []Key{
		{Name: "metadata", Kind: KindFields, Max: maxFields, Default: "the event's payload",
			Is: "labels and their values in the alert's metadata, in addition to the run"},
	}),
	Limits: []Limit{
		{"title", 500, Characters, "ours"},
		{"description", 20_000, Characters, "ours"},
		{"metadata's value", 4096, Characters, "ours"},
		{"the whole event", 512 << 10, Bytes, "Alert Events: 512 KB"},
	},
	Policy: Policy{
		Rate:    Rate{N: 120, Per: time.Minute, Burst: 10},
		Success: "202: it is queued there",
		Retry:   "429",
		answers: answers{reason: []string{"message", "error.message"}},
	},
	sample: sample{url: "${INCIDENT_IO_URL}", header: `Authorization: "Bearer ${INCIDENT_IO_TOKEN}"`,
		with: []Option{{Name: "link", Value: sampleLink}}},
	write: func(m *message) {
		action, key := m.alert()
		if action == "" {
			return
		}
		status := map[string]string{"trigger": "firing", "resolve": "resolved"}[action]
		room := m.budget("description", markdown.cost, 0)
		text := markdown.inert(room.take(m.text, room.left/3))
		room.cost = fenceCost
		failure := room.take(m.err, room.left-len("\n\n```\n\n```"))
		const frame = 150_000 // bytes: title and description, at most
		most := m.limit("metadata's value")
		metadata := jsonbytes.Object("{}")
		metadata.Text("workflow_id", cut(m.id, most, utf16Units))
		metadata.Text("workflow_name", cut(m.name, most, utf16Units))
		metadata.Text("event", cut(m.typ, most, utf16Units))
		if _, given := m.format.values["metadata"]; !given {
			metadata = m.details(metadata, m.limit("the whole event")-frame, "workflow_id", "workflow_name", "event", "error")
		}
		m.addLabelled(&metadata, "metadata", most, taken("workflow_id", "workflow_name", "event"))
		m.put(object{
			{"title", cut(m.title, m.limit("title"), utf16Units)},
			{"status", status},
			{"deduplication_key", key},
			{"description", paragraphs(text, codeBlock(failure))},
			{"source_url", m.link},
			{"metadata", raw(metadata)},
		})
	},
	order: orderByAlert,
}
