package format

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

var opsgenie = Receiver{
	Name:    "opsgenie",
	Summary: "an alert of Opsgenie or Jira Service Management: a failure creates it, the next success of the same workflow closes it",
	URL: "https://api.atlassian.com/jsm/ops/integration/v2/alerts, " +
		"https://api.opsgenie.com/v2/alerts or https://api.eu.opsgenie.com/v2/alerts; " +
		"the key goes into `headers: {Authorization: GenieKey ${OPSGENIE_KEY}}`",
	Keys: slices.Concat(alertKeys("trigger", "acknowledge", "resolve"), []Key{
		{Name: "priority", Kind: KindText, Choices: []string{"p1", "p2", "p3", "p4", "p5"}, closed: true, Default: "P3, of a step P4",
			Is: "how severe the alert is"},
		{Name: "tags", Kind: KindList, Max: 20, Is: "the alert's tags"},
		{Name: "entity", Kind: KindText, Default: "the workflow", Is: "what is affected"},
	}, chatKeys()),
	Limits: []Limit{
		{"message", 130, Characters, "Alert API"},
		{"alias", longestAlertKey, Characters, "ours; the Alert API takes 512; a longer one is hashed"},
		{"description", 15_000, Characters, "Alert API"},
		{"details", 8000, Characters, "Alert API: all labels and values"},
		{"field's value", 1000, Characters, "ours"},
		{"tags", 20, Entries, "Alert API"},
		{"tag", 50, Characters, "Alert API"},
		{"entity", 512, Characters, "Alert API"},
	},
	Policy: Policy{
		Rate:    Rate{N: 60, Per: time.Minute, Burst: 10},
		Success: "202: it is queued there",
		Retry:   "429",
		address: pathEnds("Opsgenie", "/v2/alerts"),
		answers: answers{reason: []string{"message"}},
	},
	sample: sample{url: "https://api.atlassian.com/jsm/ops/integration/v2/alerts", header: `Authorization: "GenieKey ${OPSGENIE_KEY}"`,
		with: []Option{{Name: "priority", Value: "P2"}, {Name: "link", Value: sampleLink}}},
	write: writeOpsgenie,
	order: orderByAlert,
}

func writeOpsgenie(m *message) {
	action, alias := m.alert()
	const longest = 1024 // bytes in a URL
	// A dot would lead elsewhere in a URL.
	if alias == "." || strings.Contains(alias, "..") || len(url.PathEscape(alias)) > longest {
		alias = hashed(alias)
	}
	switch action {
	case "":
		return
	case "resolve", "acknowledge":
		verb := map[string]string{"resolve": "close", "acknowledge": "acknowledge"}[action]
		m.made.URLSuffix = "/" + url.PathEscape(alias) + "/" + verb + "?identifierType=alias"
		m.put(object{{"source", "awf-hook"}, {"note", cut(m.heading(), m.limit("message"), utf16Units)}})
		return
	}
	priority := "P3"
	if m.moment == stepFailed {
		priority = "P4"
	}
	if given := m.word("priority"); given != "" {
		priority = strings.ToUpper(given)
	}
	var tags raw
	tags.addTexts(m.list("tags"), m.limit("tag"))
	room := m.budget("details", utf16Units, len(" (25)"))
	details, names := jsonbytes.Object("{}"), distinct{}
	for _, f := range room.takeFields(m.fields, m.limit("field's value")) {
		details.Text(names.name(f.label), f.value)
	}
	m.put(object{
		{"message", cut(m.summary(), m.limit("message"), utf16Units)},
		{"alias", alias},
		{"description", cut(paragraphs(m.text, m.err, m.link), m.limit("description"), utf16Units)},
		{"priority", priority},
		{"tags", tags},
		{"entity", cut(cmp.Or(m.line("entity"), m.name), m.limit("entity"), utf16Units)},
		{"source", "awf-hook"},
		{"details", raw(details)},
	})
}
