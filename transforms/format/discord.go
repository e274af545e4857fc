package format

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Discord's limits, in characters.
const (
	discordContent     = 2000
	discordHeading     = 250
	discordTitle       = 256
	discordDescription = 4096
	discordFields      = 25
	discordValue       = 300
	discordTotal       = 6000
	discordUsername    = 80
	discordInline      = 30 // a shorter value shares its line
)

var discord = Receiver{
	Name:    "discord",
	Summary: "a Discord message: a headline and an embed with fields and the error as code",
	URL:     "https://discord.com/api/webhooks/…/…",
	Keys: chatKeys(append(mentionKeys("a user's id, `&` and a role's id, `here`, `everyone`"),
		Key{Name: "thread_id", Kind: KindText, Is: "the thread to write into"},
		Key{Name: "username", Kind: KindText, Default: "the webhook's own", Is: "who speaks"})...),
	Limits: []Limit{
		{"headline", discordHeading, Characters, "ours"},
		{"headline and mentions", discordContent, Characters, "Execute Webhook: content"},
		{"link's text", discordTitle, Characters, "embed title"},
		{"text and error", discordDescription, Characters, "embed description"},
		{"fields", discordFields, Entries, "embed"},
		{"field's name", maxLabel, Characters, "ours; Discord takes 256"},
		{"field's value", discordValue, Characters, "ours; Discord takes 1,024"},
		{"the embed", discordTotal, Characters, "titles, descriptions and fields of all embeds"},
		{"username", discordUsername, Characters, "Execute Webhook"},
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
		judge: judgeDiscord,
	},
	check: func(f *Format) []Mistake {
		return f.checkMentions(func(s string) bool { return discordMention(s) != "" }, "a user's id, & and a role's id, here or everyone")
	},
	sample: sample{url: "${DISCORD_WEBHOOK_URL}", with: []Option{{Name: "link", Value: sampleLink}}},
	write:  writeDiscord,
}

func writeDiscord(f *Format, m *message) (delivery.Content, error) {
	thread, err := f.line("thread_id", m.values)
	if err != nil {
		return delivery.Content{}, err
	}
	username, err := f.line("username", m.values)
	if err != nil {
		return delivery.Content{}, err
	}
	w := newWriter()
	w.open("", '{')
	if !strings.Contains(strings.ToLower(username), "discord") && !strings.Contains(strings.ToLower(username), "clyde") { // it refuses them
		w.text("username", shrink(username, discordUsername, utf16Units))
	}
	w.text("content", discordHead(m))
	w.open("embeds", '[')
	w.discordEmbed(m)
	w.close("]")
	w.discordAllowed(m.mentions)
	w.close("}")
	suffix := "?wait=true"
	if discordID.MatchString(thread) {
		suffix += "&thread_id=" + thread
	}
	return delivery.Content{Body: w.b, URLSuffix: suffix}, nil
}

// discordHead is what stands above the embed, and in the notification.
func discordHead(m *message) string {
	var b strings.Builder
	b.WriteString(m.look.sign + " **" + discordEscape(shrink(m.title, discordHeading, discordCost)) + "**")
	room := discordContent - utf16Units(b.String())
	for _, s := range m.mentions {
		if mention := discordMention(s); mention != "" && len(mention) < room {
			b.WriteString(" " + mention)
			room -= 1 + len(mention)
		}
	}
	return b.String()
}

func (w *writer) discordEmbed(m *message) {
	const fence3 = "```\n\n```\n" // around the error, and what parts it from the text
	room := &budget{left: discordTotal, cost: discordCost}
	w.open("", '{')
	w.number("color", m.look.color)
	w.text("timestamp", timestamp(m.at))
	if m.link != "" {
		title := &budget{left: discordTitle, cost: discordCost}
		text := title.take(m.linkText, maxLabel)
		room.left -= discordCost(text)
		w.text("title", discordEscape(text))
		w.text("url", m.link)
	}
	description := discordEscape(room.take(m.text, discordDescription/3))
	if m.err != "" {
		room.cost = fenced(utf16Units)
		failure := fence(room.take(m.err, discordDescription-utf16Units(description)-len(fence3)))
		room.left -= len(fence3)
		if description != "" {
			description += "\n"
		}
		description += "```\n" + failure + "\n```"
	}
	w.text("description", description)
	room.cost = discordCost
	if len(m.fields) > 0 {
		w.open("fields", '[')
		fields := room.takeFields(m.fields, discordValue)
		for _, field := range fields[:min(len(fields), discordFields)] {
			w.open("", '{')
			w.text("name", discordEscape(field.label))
			w.text("value", discordEscape(field.value))
			if len(field.value) < discordInline {
				w.raw("inline", "true")
			}
			w.close("}")
		}
		w.close("]")
	}
	w.close("}")
}

// discordAllowed lets nothing call anybody but the configured mentions.
func (w *writer) discordAllowed(mentions []string) {
	w.open("allowed_mentions", '{')
	w.open("parse", '[')
	if slices.ContainsFunc(mentions, func(s string) bool { return strings.HasPrefix(discordMention(s), "@") }) {
		w.text("", "everyone") // @here too
	}
	w.close("]")
	for _, list := range []struct{ name, prefix string }{{"users", "<@"}, {"roles", "<@&"}} {
		var ids []string
		for _, s := range mentions {
			mention := discordMention(s)
			id := strings.TrimSuffix(strings.TrimPrefix(mention, list.prefix), ">")
			if id != mention && discordID.MatchString(id) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 {
			w.raw(list.name, `["`+strings.Join(ids, `","`)+`"]`)
		}
	}
	w.close("}")
}

var discordID = regexp.MustCompile(`^[0-9]{5,25}$`)

// discordMention is how a mention is written in a message; "" for what is none.
func discordMention(s string) string {
	s = strings.TrimPrefix(s, "@")
	switch {
	case s == "here" || s == "everyone":
		return "@" + s
	case discordID.MatchString(strings.TrimPrefix(s, "&")):
		return "<@" + s + ">"
	}
	return ""
}

// Discord's markup: anywhere, and where a line begins.
const (
	discordMarkup = "\\*_~`|<[]"
	discordBegin  = "#-+>"
)

// discordEscape makes text of what Discord would read as markup. A link stays one.
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

// discordCost measures what discordEscape makes of a text at most.
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

func judgeDiscord(_ *Format, a *answer) delivery.Verdict {
	var body struct {
		Message    string  `json:"message"`
		Code       int     `json:"code"`
		RetryAfter float64 `json:"retry_after"`
	}
	a.decode(&body)
	const unknownChannel = 10003 // a thread that is gone
	switch {
	case a.is2xx():
		return delivered()
	case a.Status == 429:
		return again(body.Message, seconds(body.RetryAfter))
	case a.Status == 404 && body.Code == unknownChannel:
		return dead(body.Message)
	case a.Status == 401, a.Status == 403, a.Status == 404:
		return gone(body.Message)
	case a.Status == 400:
		return dead(body.Message)
	}
	return delivery.Verdict{}
}
