package format

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

var ntfy = Receiver{
	Name:    "ntfy",
	Summary: "a push message of ntfy, with a priority and a sign",
	URL:     "https://ntfy.sh or your own server, without the topic; a token goes into `headers: {Authorization: Bearer ${NTFY_TOKEN}}`",
	Keys: slices.Concat([]Key{
		{Name: "topic", Kind: KindText, Required: true, Is: "the topic to publish to: letters, digits, `_` and `-`",
			want: "1 to 64 letters, digits, _ and -", match: matches(`^[-_A-Za-z0-9]{1,64}$`)},
	}, chatKeys(), []Key{
		{Name: "priority", Kind: KindText, Choices: []string{"1", "2", "3", "4", "5"}, closed: true,
			Default: "4 for a failure, 2 for a start, else 3",
			Is:      "1 (least) to 5 (most)"},
		{Name: "tags", Kind: KindList, Max: 5, Default: "the sign", Is: "tags; the names of emojis are shown as emojis"},
	}),
	Limits: []Limit{
		{"title", 250, Bytes, "ours"},
		{"text", 1000, Bytes, "ours"},
		{"error", 2000, Bytes, "ours"},
		{"field's value", 300, Bytes, "ours"},
		{"text, fields and error", 4096, Bytes, "a longer message becomes an attachment"},
		{"the whole message", 32_768, Bytes, "error 41303"},
	},
	Policy: Policy{
		Rate:    Rate{N: 12, Per: time.Minute, Burst: 60},
		Success: "200",
		Retry:   "429: 5 s, an hour for a day's quota, if Retry-After does not say",
		address: address{path: matches(`^/*$`), objection: "want ntfy's root: the topic is an option"},
		answers: answers{reason: []string{"error"}, pause: 5 * time.Second, limit: limit{"daily", time.Hour}},
	},
	sample: sample{url: "https://ntfy.sh", header: `Authorization: "Bearer ${NTFY_TOKEN}"`,
		with: []Option{{Name: "topic", Value: "awf"}, {Name: "link", Value: sampleLink}}},
	write: writeNtfy,
}

func writeNtfy(m *message) {
	m.put(object{
		{"topic", m.matching("topic")},
		{"title", cut(m.title, m.limit("title"), bytesOf)},
		{"message", ntfyBody(m)},
		{"priority", ntfyPriority(m)},
		{"tags", ntfyTags(m)},
		{"click", m.link},
	})
}

// ntfyBody returns the plain text below the title. It is never empty: ntfy would write "triggered".
func ntfyBody(m *message) string {
	const gaps = 20 // bytes between the parts
	room := m.budget("text, fields and error", bytesOf, len(": \n"))
	room.left -= gaps
	failure := room.take(m.err, m.limit("error"))
	text := room.take(m.text, m.limit("text"))
	fields := room.takeFields(m.fields, m.limit("field's value"))
	return cmp.Or(paragraphs(text, failure, labelLines(fields)), m.look.sign)
}

func ntfyPriority(m *message) int {
	if word := m.word("priority"); word != "" {
		n, _ := strconv.Atoi(word) // one of the choices
		return n
	}
	switch {
	case m.moment.isFailure():
		return 4
	case m.moment == started || m.moment == stepStarted:
		return 2
	}
	return 3
}

func ntfyTags(m *message) (tags raw) {
	if _, given := m.format.values["tags"]; !given {
		tags.add(m.look.tag)
		return tags
	}
	tags = raw("[]")
	tags.addTexts(m.list("tags"), maxLabel)
	return tags
}
