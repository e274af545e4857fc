package format

import (
	"slices"
	"strings"
	"time"
)

// Bytes of a Google Chat message in addition to the card's texts.
const (
	gchatFrame = 6000 + 4*4096 // the frame of the message, and the text as JSON
	gchatField = 80
)

var googleChat = Receiver{
	Name:    "googlechat",
	Summary: "a Google Chat message: a headline, the error as code, and a card with fields",
	URL:     "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…",
	Keys: slices.Concat(chatKeys(), mentionKeys("the numbers of people, or `all`", "a user's number or all", gchatUser), []Key{
		{Name: "thread", Kind: KindText,
			Is: "a name of your choice: messages with the same name share a thread; `=workflow_id` makes a thread for each run"},
	}),
	Limits: []Limit{
		{"headline", 300, Characters, "ours"},
		{"headline, mentions and error", 4096, Characters, "the older of two figures for text"},
		{"text", 4000, Bytes, "ours"},
		{"field's value", 600, Bytes, "ours"},
		{"thread", 250, Characters, "ours"},
		{"widgets of the card", 100, Entries, "Cards v2"},
		{"the whole message", 32_000, Bytes, "spaces.messages, cards included"},
	},
	Policy: Policy{
		address: pathAt("Google Chat", "chat.googleapis.com", "/v1/spaces/"),
		Rate:    Rate{N: 1, Per: time.Second, Burst: 1},
		Success: "200; the request's id in the URL identifies a repeated message",
		Retry:   "429",
		Gone:    "404",
		answers: answers{gone: []int{404}, reason: []string{"error.status", "error.message"}},
	},
	sample: sample{url: "${GOOGLE_CHAT_URL}", with: []Option{{Name: "thread", Value: "=workflow_id"}}},
	write:  writeGoogleChat,
}

func writeGoogleChat(m *message) {
	room := m.budget("the whole message", gchatCost, gchatField)
	room.left -= gchatFrame
	linkText := room.take(m.linkText, maxLabel)
	room.left -= len(m.link)
	text := room.take(m.text, m.limit("text"))
	var widgets raw
	if text != "" {
		widgets.add(object{{"textParagraph", object{{"text", escapeEntities(text)}}}})
	}
	for _, f := range room.takeFields(m.fields, m.limit("field's value")) {
		shown := object{{"wrapText", true}, {"topLabel", escapeEntities(f.label)}, {"text", escapeEntities(f.value)}}
		widgets.add(object{{"decoratedText", shown}})
	}
	if m.link != "" {
		button := object{{"text", linkText}, {"onClick", object{{"openLink", object{{"url", m.link}}}}}}
		widgets.add(object{{"buttonList", object{{"buttons", list{button}}}}})
	}
	card := object{{"cardId", "awf"}, {"card", object{{"sections", list{object{{"widgets", widgets}}}}}}}
	thread := cut(m.line("thread"), m.limit("thread"), utf16Units)
	m.put(object{
		{"text", gchatMessage(m)},
		{"cardsV2", list{card.unless(widgets == nil)}},
		{"thread", object{{"threadKey", thread}}.unless(thread == "")},
	})
	m.made.URLSuffix = "?requestId=" + requestID(m)
	if thread != "" {
		m.made.URLSuffix += "&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
	}
}

// gchatMessage returns the text above the card, which notifications show.
func gchatMessage(m *message) string {
	const fences = len("\n```\n\n```")
	room := m.budget("headline, mentions and error", mrkdwn.cost, 0)
	var b strings.Builder
	for _, s := range m.mentions {
		b.WriteString("<users/" + s + "> ")
	}
	room.left -= b.Len()
	b.WriteString(mrkdwn.inert(room.take(m.heading(), m.limit("headline"))))
	if m.err != "" {
		room.left -= fences
		room.cost = fenceCost
		b.WriteString("\n```\n" + fence(room.take(m.err, room.left)) + "\n```")
	}
	return b.String()
}

var gchatUser = matches(`^([0-9]{5,30}|all)$`)

// gchatCost returns the size of a text after escapeEntities in a JSON string.
func gchatCost(s string) int {
	return jsonSize(s) + len("amp;")*strings.Count(s, "&") + len("lt;")*countAny(s, "<>")
}
