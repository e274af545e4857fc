package format

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

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
		address: func(u *url.URL) string {
			if strings.HasSuffix(u.Path, "/slack") || strings.HasSuffix(u.Path, "/github") {
				return "want Discord's own webhook, without /slack or /github"
			}
			return ""
		},
		answers: answers{delivered: []int{200, 204}, retry: []int{429},
			dead: []int{400}, gone: []int{401, 403, 404}, reason: []string{"message"}, after: "retry_after"},
		judge: func(_ *Format, a *answer) delivery.Verdict {
			const unknownChannel = 10003 // a thread that is gone
			if a.Status == 404 && a.at("code") == float64(unknownChannel) {
				return dead(a.text("message"))
			}
			return delivery.Verdict{}
		},
	},
	sample: sample{url: "${DISCORD_WEBHOOK_URL}", with: []Option{{Name: "link", Value: sampleLink}}},
	write:  writeDiscord,
}

func writeDiscord(m *message) any {
	m.made.URLSuffix = "?wait=true"
	if thread := m.permitted("thread_id"); thread != "" {
		m.made.URLSuffix += "&thread_id=" + thread
	}
	return object{
		{"username", cut(m.permitted("username"), m.limit("username"), utf16Units)},
		{"content", discordHead(m)},
		{"embeds", list{discordEmbed(m)}},
		{"allowed_mentions", discordAllowed(m.mentions)},
	}
}

// discordHead returns the text above the embed, which notifications show.
func discordHead(m *message) string {
	var b strings.Builder
	b.WriteString(m.look.sign + " **" + discordEscape(cut(m.title, m.limit("headline"), discordCost)) + "**")
	room := m.limit("headline and mentions") - utf16Units(b.String())
	for _, s := range m.mentions {
		if mention := discordMention(s); len(mention) < room {
			b.WriteString(" " + mention)
			room -= 1 + len(mention)
		}
	}
	return b.String()
}

func discordEmbed(m *message) object {
	const fences = "```\n\n```\n" // around the error, and between it and the text
	room := m.budget("the embed", discordCost, 0)
	linkText := ""
	if m.link != "" {
		linkText = m.budget("link's text", discordCost, 0).take(m.linkText, maxLabel)
		room.left -= discordCost(linkText)
	}
	most := m.limit("text and error")
	description := discordEscape(room.take(m.text, most/3))
	if m.err != "" {
		room.cost = fenced(utf16Units)
		failure := fence(room.take(m.err, most-utf16Units(description)-len(fences)))
		room.left -= len(fences)
		if description != "" {
			description += "\n"
		}
		description += "```\n" + failure + "\n```"
	}
	room.cost = discordCost
	var fields list
	for _, f := range room.takeFields(m.fields, m.limit("field's value")) {
		if len(fields) < m.limit("fields") {
			name, value := discordEscape(f.label), discordEscape(f.value)
			fields = append(fields, object{{"name", name}, {"value", value}, {"inline", yes(len(f.value) < discordInline)}})
		}
	}
	return object{
		{"color", m.look.color}, {"timestamp", timestamp(m.at)},
		{"title", discordEscape(linkText)}, {"url", m.link},
		{"description", description}, {"fields", fields},
	}
}

// discordAllowed lets nothing call anybody but the configured mentions.
func discordAllowed(mentions []string) object {
	parse := list{}
	var users, roles list
	for _, s := range mentions {
		id := strings.TrimPrefix(s, "@")
		role, isRole := strings.CutPrefix(id, "&")
		switch {
		case isRole && !slices.Contains(roles, any(role)):
			roles = append(roles, role)
		case isRole:
		case !discordID(id):
			parse = list{"everyone"} // @here too
		case !slices.Contains(users, any(id)):
			users = append(users, id)
		}
	}
	return object{{"parse", parse}, {"users", users}, {"roles", roles}}
}

var discordID = matches(`^[0-9]{5,25}$`)

func isDiscordName(s string) bool {
	lower := strings.ToLower(s)
	return !strings.Contains(lower, "discord") && !strings.Contains(lower, "clyde")
}

func isDiscordMention(s string) bool { return discordMention(s) != "" }

// discordMention is how a message writes a mention; "" if the text names nobody.
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

// Discord's markup, anywhere and at the beginning of a line.
const (
	discordMarkup = "\\*_~`|<[]"
	discordBegin  = "#-+>"
)

// discordEscape escapes Discord's markup, except in links.
func discordEscape(s string) string {
	if isWebURL(s) || !strings.ContainsAny(s, discordMarkup+discordBegin+"@") {
		return s
	}
	var b strings.Builder
	begins := true
	for i := range len(s) {
		c := s[i]
		if strings.IndexByte(discordMarkup, c) >= 0 || begins && strings.IndexByte(discordBegin, c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		if c == '@' {
			b.WriteString(zeroWidthSpace)
		}
		begins = c == '\n' || begins && (c == ' ' || strings.IndexByte(discordBegin, c) >= 0)
	}
	return b.String()
}

// discordCost measures the most that discordEscape makes of a text.
func discordCost(s string) int {
	n := utf16Units(s)
	for i := range len(s) {
		switch s[i] {
		case '@', '\\', '*', '_', '~', '`', '|', '<', '[', ']', '#', '-', '+', '>':
			n++
		}
	}
	return n
}
