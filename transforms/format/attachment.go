package format

import (
	"slices"
	"time"
)

// Mattermost and Rocket.Chat share the shape that Slack once had: a text, and an attachment with a coloured bar.

// attachmentKeys returns their options.
func attachmentKeys() []Key {
	return slices.Concat(chatKeys(), mentionKeys("people's `@names`, `@here`, `@all`", "an @name, @here or @all", chatName), []Key{
		{Name: "channel", Kind: KindText, Default: "the webhook's own", Is: "where to post", want: chatChannelIs, match: chatChannel},
		{Name: "username", Kind: KindText, Default: "the webhook's own", Is: "the name of the sender"},
	})
}

// chatChannel matches a channel's name or id, or a person's name.
var chatChannel = matches(`^[#@]?[^\s#@]{1,79}$`)

const chatChannelIs = "a channel's name or id without white space"

var chatName = matches(`^@[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// attachmentLimits returns their limits. The server limits the whole text.
func attachmentLimits(whole int, source string) []Limit {
	return []Limit{
		{"headline", 300, Characters, "ours"},
		{"text", whole / 4, Characters, "ours"},
		{"error", whole / 2, Characters, "ours"},
		{"field's value", 300, Characters, "ours"},
		{"name", maxLabel, Characters, "ours: username"},
		{"the whole message", whole, Characters, source},
	}
}

// attachmentMessage makes their message. The member speaker holds the username; bold marks both ends of bold text.
func attachmentMessage(m *message, speaker, bold string) {
	const inline = 30 // characters; fields with shorter values share a line
	room := m.budget("the whole message", markdown.cost, 0)
	text := bold + markdown.inert(room.take(m.heading(), m.limit("headline"))) + bold
	for _, s := range m.mentions {
		text += " " + s
		room.left -= len(" ") + len(s)
	}
	room.left -= 2*len(bold) + len("```\n\n```\n\n")
	paragraph := markdown.inert(room.take(m.text, m.limit("text")))
	room.cost = fenceCost
	failure := codeBlock(room.take(m.err, m.limit("error")))
	room.cost = markdown.cost
	linkText := markdown.inert(room.take(m.linkText, maxLabel))
	var fields raw
	for _, f := range markdown.inertFields(room.takeFields(m.fields, m.limit("field's value"))) {
		fields.add(object{{"title", f.label}, {"value", f.value}, {"short", len(f.value) < inline}})
	}
	if m.link == "" {
		linkText = ""
	}
	m.put(object{
		{"channel", m.permitted("channel")},
		{speaker, cut(m.line("username"), m.limit("name"), utf16Units)},
		{"text", text},
		{"attachments", list{object{
			{"color", m.look.hex()}, {"text", paragraphs(paragraph, failure)}, {"fields", fields},
			{"title", linkText}, {"title_link", m.link},
		}}},
	})
}

var mattermost = Receiver{
	Name:    "mattermost",
	Summary: "a Mattermost message: a headline, a coloured bar with fields and the error as code",
	URL:     "https://mattermost.example.com/hooks/…",
	Keys:    attachmentKeys(),
	Limits:  attachmentLimits(16_000, "Mattermost splits or refuses a post of over 16,383"),
	Policy: Policy{
		Rate:    Rate{N: 10, Per: time.Second, Burst: 10},
		Success: "200 with the text `ok`",
		Retry:   "429 with Retry-After, or X-RateLimit-Reset",
		answers: answers{reason: []string{"message"}},
	},
	sample: sample{url: "${MATTERMOST_WEBHOOK_URL}",
		with: []Option{{Name: "link", Value: sampleLink}, {Name: "mentions", Value: []string{"@here"}}}},
	write: func(m *message) { attachmentMessage(m, "username", "**") },
}

var rocketChat = Receiver{
	Name:    "rocketchat",
	Summary: "a Rocket.Chat message: a headline, a coloured bar with fields and the error as code",
	URL:     "https://rocket.example.com/hooks/…/…",
	Keys:    attachmentKeys(),
	Limits:  attachmentLimits(5000, "Rocket.Chat: Message_MaxAllowedSize is 5,000 unless the server sets another; more is refused"),
	Policy: Policy{
		Rate:    Rate{N: 5, Per: time.Second, Burst: 5},
		Success: "200 with `\"success\": true`",
		Retry:   "429",
		answers: answers{reason: []string{"error"}, refusal: member{"success", false}},
	},
	sample: sample{url: "${ROCKETCHAT_WEBHOOK_URL}",
		with: []Option{{Name: "link", Value: sampleLink}, {Name: "mentions", Value: []string{"@here"}}}},
	write: func(m *message) { attachmentMessage(m, "alias", "*") },
}
