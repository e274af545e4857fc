package format

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
)

var zulipName = matches("^[^*`|@<>\\n]{1,100}(\\|[0-9]{1,20})?$")

var zulip = Receiver{
	Name:    "zulip",
	Summary: "a Zulip message in a channel's topic",
	URL:     "https://BOT%40example.com:${ZULIP_KEY}@example.zulipchat.com/api/v1/messages, with the bot's address and key",
	Keys: slices.Concat([]Key{
		{Name: "channel", Kind: KindText, Required: true,
			Is: "the channel's name", want: "a name of 1 to 60 characters", match: func(s string) bool { return s != "" && utf16Units(s) <= 60 }},
		{Name: "topic", Kind: KindText, Default: "the workflow", Is: "the topic in the channel"},
	}, chatKeys(), mentionKeys("people's full names, or `all`", "a full name", zulipName)),
	Limits: []Limit{
		{"headline", 300, Characters, "ours"},
		{"text", 2000, Characters, "ours"},
		{"error", 4000, Characters, "ours"},
		{"field's value", 300, Characters, "ours"},
		{"channel, topic", 60, Characters, "Zulip: MAX_TOPIC_NAME_LENGTH, and a channel's name"},
		{"the whole message", 10_000, Characters, "Zulip: MAX_MESSAGE_LENGTH, beyond which the server cuts"},
	},
	Policy: Policy{
		Rate:    Rate{N: 200, Per: time.Minute, Burst: 10},
		Success: "200 with `\"result\": \"success\"`",
		Retry:   "429 with Retry-After, or `retry-after` in JSON",
		address: pathEnds("Zulip", "/api/v1/messages"),
		answers: answers{reason: []string{"msg"}, after: "retry-after", refusal: member{"result", "error"}},
	},
	sample: sample{url: "https://example.zulipchat.com/api/v1/messages", header: `Authorization: "Basic ${ZULIP_BASIC}"`,
		with: []Option{{Name: "channel", Value: "deployments"}, {Name: "link", Value: sampleLink}}},
	write: func(m *message) {
		room := m.budget("the whole message", markdown.cost, len("\n****: "))
		heading := "**" + markdown.inert(room.take(m.heading(), m.limit("headline"))) + "**"
		for _, s := range m.mentions {
			mention := " @**" + s + "**"
			heading += mention
			room.left -= utf16Units(mention)
		}
		room.left -= len(m.link) + 10*len("\n\n``` []()")
		room.cost = fenceCost
		failure := codeBlock(room.take(m.err, m.limit("error")))
		room.cost = markdown.cost
		text := markdown.inert(room.take(m.text, m.limit("text")))
		link := ""
		if m.link != "" {
			text := markdown.inert(room.take(strings.ReplaceAll(m.linkText, "]", ")"), maxLabel))
			link = "[" + text + "](" + strings.NewReplacer("(", "%28", ")", "%29").Replace(m.link) + ")"
		}
		var lines []string
		for _, f := range markdown.inertFields(room.takeFields(m.fields, m.limit("field's value"))) {
			lines = append(lines, "**"+f.label+"**: "+f.value)
		}
		name := m.limit("channel, topic")
		m.made.ContentType = "application/x-www-form-urlencoded"
		m.made.Body = []byte(url.Values{
			"type": {"stream"}, "to": {m.matching("channel")},
			"topic":   {cut(cmp.Or(m.line("topic"), m.name, "awf"), name, utf16Units)},
			"content": {paragraphs(heading, text, failure, strings.Join(lines, "\n"), link)},
		}.Encode())
	},
}
