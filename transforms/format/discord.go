package format

import (
	"slices"
	"strings"
	"time"
)

var unknownThread = member{"code", 10003.0} // Discord calls it an unknown channel

const discordInline = 30 // characters; fields with shorter values share a line

var discord = Receiver{
	Name:    "discord",
	Summary: "a Discord message: a headline and an embed with fields and the error as code",
	URL:     "https://discord.com/api/webhooks/…/…",
	Keys: slices.Concat(chatKeys(),
		mentionKeys("a user's id, `&` and a role's id, `here`, `everyone`", "a user's id, & and a role's id, here or everyone", isDiscordMention),
		[]Key{
			{Name: "thread_id", Kind: KindText, Is: "the thread to write into", want: "a thread's id", match: discordID},
			{Name: "username", Kind: KindText, Default: "the webhook's own", Is: "the name of the sender",
				want: "a name without discord and clyde, which Discord refuses", match: isDiscordName},
		}),
	Limits: []Limit{
		{"headline", 250, Characters, "ours"},
		{"headline and mentions", 2000, Characters, "Execute Webhook: content"},
		{"link's text", 256, Characters, "embed title"},
		{"text and error", 4096, Characters, "embed description"},
		{"fields", 25, Entries, "embed"},
		{"field's name", maxLabel, Characters, "ours; Discord takes 256"},
		{"field's value", 300, Characters, "ours; Discord takes 1,024"},
		{"the embed", 6000, Characters, "titles, descriptions and fields of all embeds"},
		{"username", 80, Characters, "Execute Webhook"},
	},
	Policy: Policy{
		Rate:    Rate{N: 5, Per: 5 * time.Second, Burst: 5},
		Success: "200, since the URL has `wait=true`: it is stored there",
		Retry:   "429 with Retry-After, or `retry_after` in JSON; X-RateLimit-Reset-After",
		Gone:    "401, 403, 404 but for an unknown thread",
		address: address{path: lacks(`/(slack|github)$`), objection: "want Discord's own webhook, without /slack or /github"},
		answers: answers{gone: []int{401, 403, 404}, unless: unknownThread, reason: []string{"message"}, after: "retry_after"},
	},
	sample: sample{url: "${DISCORD_WEBHOOK_URL}", with: []Option{{Name: "link", Value: sampleLink}}},
	write:  writeDiscord,
}

func writeDiscord(m *message) {
	m.made.URLSuffix = "?wait=true"
	if thread := m.permitted("thread_id"); thread != "" {
		m.made.URLSuffix += "&thread_id=" + thread
	}
	name, content := cut(m.permitted("username"), m.limit("username"), utf16Units), discordHead(m)
	title, description, fields := discordEmbed(m)
	parse, users, roles := discordAllowed(m.mentions)
	m.put(object{
		{"username", name},
		{"content", content},
		{"embeds", list{object{
			{"color", m.look.color}, {"timestamp", timestamp(m.at)},
			{"title", title}, {"url", m.link},
			{"description", description}, {"fields", fields},
		}}},
		{"allowed_mentions", object{{"parse", parse}, {"users", users}, {"roles", roles}}},
	})
}

// discordHead returns the text above the embed, which notifications show.
func discordHead(m *message) string {
	var b strings.Builder
	b.WriteString(m.look.sign + " **" + discordMarkup.inert(cut(m.title, m.limit("headline"), discordMarkup.cost)) + "**")
	for _, s := range m.mentions { // there is room for all: they are few and short
		b.WriteString(" " + discordMention(s))
	}
	return b.String()
}

func discordEmbed(m *message) (title, description string, fields raw) {
	const fences = "```\n\n```\n" // around the error, and between it and the text
	room := m.budget("the embed", discordMarkup.cost, 0)
	if m.link != "" {
		linkText := m.budget("link's text", discordMarkup.cost, 0).take(m.linkText, maxLabel)
		room.left -= discordMarkup.cost(linkText)
		title = discordMarkup.inert(linkText)
	}
	most := m.limit("text and error")
	description = discordMarkup.inert(room.take(m.text, most/3))
	if m.err != "" {
		room.cost = fenceCost
		failure := fence(room.take(m.err, most-utf16Units(description)-len(fences)))
		room.left -= len(fences)
		if description != "" {
			description += "\n"
		}
		description += "```\n" + failure + "\n```"
	}
	room.cost = discordMarkup.cost
	for i, f := range room.takeFields(m.fields, m.limit("field's value")) {
		if i < m.limit("fields") {
			name, value := discordMarkup.inert(f.label), discordMarkup.inert(f.value)
			fields.add(object{{"name", name}, {"value", value}, {"inline", yes(len(f.value) < discordInline)}})
		}
	}
	return title, description, fields
}

// discordAllowed returns who may be called: nobody but the configured mentions.
func discordAllowed(mentions []string) (parse, users, roles raw) {
	parse = raw("[]")
	var seen []string
	for _, s := range mentions {
		id := strings.TrimPrefix(s, "@")
		if slices.Contains(seen, id) {
			continue
		}
		seen = append(seen, id)
		role, isRole := strings.CutPrefix(id, "&")
		switch {
		case isRole:
			roles.add(role)
		case discordID(id):
			users.add(id)
		default: // here is a part of everyone
			parse = nil
			parse.add("everyone")
		}
	}
	return parse, users, roles
}

var discordID = matches(`^[0-9]{5,25}$`)

func isDiscordName(s string) bool {
	lower := strings.ToLower(s)
	return !strings.Contains(lower, "discord") && !strings.Contains(lower, "clyde")
}

func isDiscordMention(s string) bool { return discordMention(s) != "" }

// discordMention returns a mention as a message writes it, or "" if the text names nobody.
func discordMention(s string) string {
	s = strings.TrimPrefix(s, "@")
	switch {
	case s == "here" || s == "everyone":
		return "@" + s
	case discordID(strings.TrimPrefix(s, "&")):
		return "<@" + s + ">"
	}
	return ""
}

// discordMarkup is what Discord reads as markup, but not in URLs, where it would show the escapes.
var discordMarkup = newMarkup(`\`, "@*~", "@", "", "\\*_~`|<[]", "#-+>")
