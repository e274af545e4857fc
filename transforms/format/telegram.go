package format

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

var telegram = Receiver{
	Name:    "telegram",
	Summary: "a Telegram message of a bot",
	URL:     "https://api.telegram.org/bot${TELEGRAM_TOKEN}; the method is added",
	Keys: slices.Concat([]Key{
		{Name: "chat_id", Kind: KindText, Required: true,
			Is: "the chat's number, or a public channel's @name", want: "a chat's number or @name", match: telegramChat},
	}, chatKeys(), mentionKeys("people's `@names`", "an @name", telegramName), []Key{
		{Name: "thread_id", Kind: KindNumber, Min: 1, Max: 1<<31 - 1, Is: "the topic of a forum to write into"},
		{Name: "silent", Kind: KindBool, Default: "false", Is: "true sends it without a sound"},
	}),
	Limits: []Limit{
		{"headline", 300, UTF16, "ours"},
		{"text", 1000, UTF16, "ours"},
		{"error", 1800, UTF16, "ours"},
		{"field's value", 300, UTF16, "ours"},
		{"the whole text", 4096, UTF16, "sendMessage"},
		{"entities", 100, Entries, "Bot API: those beyond are not shown"},
	},
	Policy: Policy{
		Rate:    Rate{N: 20, Per: time.Minute, Burst: 5},
		Success: "200 with `\"ok\": true`",
		Retry:   "429 with `parameters.retry_after`",
		Gone:    "401 and 404: the token; 403: the bot was shut out, where the chat is always the same",
		address: address{path: matches(`^/bot[^/]+$`), objection: "Telegram's path is /bot and the bot's token; the method is added to it"},
		judge:   judgeTelegram,
	},
	sample: sample{url: "https://api.telegram.org/bot${TELEGRAM_TOKEN}", with: []Option{{Name: "chat_id", Value: "-1001234567890"}}},
	write:  writeTelegram,
}

var (
	telegramChat = matches(`^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31})$`)
	telegramName = matches(`^@[A-Za-z][A-Za-z0-9_]{3,31}$`)
)

func writeTelegram(m *message) {
	m.made.URLSuffix = "/sendMessage"
	text := telegramMessage(m)
	var thread any
	if given, isGiven := m.format.values["thread_id"]; isGiven {
		thread = given.number
	}
	m.put(object{
		{"chat_id", m.matching("chat_id")},
		{"message_thread_id", thread},
		{"text", text.b.String()},
		{"entities", text.entities},
		{"link_preview_options", object{{"is_disabled", true}}},
		{"disable_notification", yes(m.isSet("silent"))},
	})
}

// styled is a text and the ranges of it that are not plain. Telegram reads no markup in a message with entities.
type styled struct {
	b        strings.Builder
	units    int // UTF-16 units so far
	entities raw
}

func (s *styled) add(typ, text, url string) {
	length := utf16Units(text)
	if typ != "" && length > 0 {
		s.entities.add(object{{"type", typ}, {"offset", s.units}, {"length", length}, {"url", url}})
	}
	s.b.WriteString(text)
	s.units += length
}

func telegramMessage(m *message) *styled {
	const gaps = 200 // line ends and signs between the parts
	room := m.budget("the whole text", telegramMarkup.cost, len(": \n"))
	room.left -= gaps
	s := &styled{}
	s.add("bold", telegramMarkup.inert(room.take(m.heading(), m.limit("headline"))), "")
	mentions := ""
	for _, who := range m.mentions {
		if len(mentions)+len(who) >= m.limit("headline") {
			m.noRoomFor(who)
			continue
		}
		mentions += " " + who
	}
	s.add("", mentions, "")
	room.left -= len(mentions)
	if text := telegramMarkup.inert(strings.TrimSpace(room.take(m.text, m.limit("text")))); text != "" {
		s.add("", "\n\n"+text, "")
	}
	room.cost = utf16Units
	linkText := room.take(m.linkText, maxLabel)
	failure := room.take(m.err, m.limit("error"))
	for i := range m.fields {
		m.fields[i].label = telegramMarkup.inert(cut(m.fields[i].label, maxLabel, telegramMarkup.cost))
	}
	if fields := room.takeFields(m.fields, m.limit("field's value")); len(fields) > 0 {
		s.add("", "\n", "")
		for _, f := range fields {
			s.add("", "\n", "")
			s.add("bold", f.label, "")
			s.add("", ": ", "")
			s.add("code", f.value, "")
		}
	}
	if failure = strings.TrimSpace(failure); failure != "" {
		s.add("", "\n\n", "")
		s.add("pre", failure, "")
	}
	if m.link != "" {
		s.add("", "\n\n", "")
		s.add("text_link", linkText, m.link)
	}
	return s
}

// telegramMarkup has what begins mentions, commands and tags. Telegram does not read them in code or in URLs.
var telegramMarkup = newMarkup("", "", "", "@/#$")

func judgeTelegram(f *Format, a *answer) delivery.Verdict {
	code := a.Status
	isOK := a.json["ok"] == true
	if said, _ := a.at("error_code").(float64); a.is2xx() && !isOK && said != 0 {
		code = int(said)
	}
	reason := a.text("description")
	moved, _ := a.at("parameters.migrate_to_chat_id").(float64)
	chat := f.values["chat_id"].text
	switch {
	case a.is2xx() && isOK:
		return delivered()
	case code == 429:
		return again(reason, a.seconds("parameters.retry_after"))
	case code == 400 && moved != 0:
		return dead("the group has become the chat " + strconv.FormatFloat(moved, 'f', -1, 64) + ": set chat_id")
	case code == 401, code == 404, code == 403 && (chat == nil || chat.isLiteral()):
		return gone(reason)
	case code == 400, code == 403:
		return dead(reason)
	case a.is2xx() && a.json["ok"] == false:
		return again("the answer is not Telegram's ok", 0)
	}
	return delivery.Verdict{}
}
