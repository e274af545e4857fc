package format

import (
	"cmp"
	"slices"
	"strings"
)

var datadogMarkup = newMarkup("", "@", "@%")

var datadog = Receiver{
	Name:    "datadog",
	Summary: "an event of Datadog, as an error or a success, with tags",
	URL:     "https://api.datadoghq.com/api/v1/events, or that of your site; the key goes into `headers: {DD-API-KEY: ${DD_API_KEY}}`",
	Keys: slices.Concat(chatKeys(), mentionKeys("`@names` as Datadog has them: `@slack-ops`", "an @name", datadogName), []Key{
		{Name: "tags", Kind: KindList, Max: 20, Is: "tags in addition to `workflow:` and `event:`"},
	}),
	Limits: []Limit{
		{"title", 100, Characters, "Events API v1"},
		{"text", 4000, Characters, "Events API v1"},
		{"error", 2000, Characters, "ours"},
		{"field's value", 300, Characters, "ours"},
		{"aggregation key", 100, Characters, "Events API v1; a longer one is hashed"},
		{"tag", 200, Characters, "Datadog"},
	},
	Policy: Policy{
		Success: "202",
		address: pathAt("Datadog", ".datadoghq.com", "/api/v1/events"),
		Retry:   "429 with X-RateLimit-Reset",
		answers: answers{reason: []string{"errors"}},
	},
	sample: sample{url: "https://api.datadoghq.com/api/v1/events", header: `DD-API-KEY: "${DD_API_KEY}"`,
		with: []Option{{Name: "tags", Value: []string{"env:production"}}, {Name: "link", Value: sampleLink}}},
	write: func(m *message) {
		room := m.budget("text", datadogMarkup.cost, len("\n: "))
		mentions := strings.Join(m.mentions, " ")
		link := strings.ReplaceAll(m.link, "@", "%40") // an @ mentions people anywhere
		room.left -= utf16Units(mentions) + len(link) + 4*len("\n\n")
		failure := datadogMarkup.inert(room.take(m.err, m.limit("error")))
		text := datadogMarkup.inert(room.take(m.text, room.left/2))
		fields := datadogMarkup.inertFields(room.takeFields(m.fields, m.limit("field's value")))
		var tags raw
		tags.add("source:awf-hook")
		tags.add("event:" + cut(m.typ, m.limit("tag")/2, utf16Units))
		if m.name != "" {
			tags.add("workflow:" + cut(m.name, m.limit("tag")/2, utf16Units))
		}
		tags.addTexts(m.list("tags"), m.limit("tag"))
		key := alertKey("awf", m.name)
		if utf16Units(key) > m.limit("aggregation key") {
			key = hashed(key)
		}
		m.put(object{
			{"title", datadogMarkup.inert(cut(m.heading(), m.limit("title"), datadogMarkup.cost))},
			{"text", cmp.Or(paragraphs(text, failure, labelLines(fields), link, mentions), m.look.sign)}, // it must not be empty
			{"alert_type", m.look.alert},
			{"aggregation_key", key},
			{"source_type_name", "awf"},
			{"tags", tags},
		})
	},
}

// datadogName reports whether a text calls somebody in Datadog.
func datadogName(s string) bool {
	return strings.HasPrefix(s, "@") && len(s) <= maxLabel && !strings.ContainsAny(s, " \n,;")
}
