package format

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Telegram's limits, in UTF-16 units of the text that is shown.
const (
	telegramTotal    = 4096
	telegramHeading  = 300
	telegramText     = 1000
	telegramError    = 1800
	telegramValue    = 300
	telegramEntities = 100
)

var telegram = Receiver{
	Name:    "telegram",
	Summary: "a Telegram message of a bot",
	URL:     "https://api.telegram.org/bot${TELEGRAM_TOKEN}; the method is added",
	Keys: append([]Key{
		{Name: "chat_id", Kind: KindText, Required: true, Is: "the chat's number, or a public channel's @name"},
	}, chatKeys(append(mentionKeys("people's `@names`"),
		Key{Name: "thread_id", Kind: KindNumber, Min: 1, Max: 1<<31 - 1, Is: "the topic of a forum to write into"},
		Key{Name: "silent", Kind: KindBool, Default: "false", Is: "true makes no sound"})...)...),
	Limits: []Limit{
		{"headline", telegramHeading, UTF16, "ours"},
		{"text", telegramText, UTF16, "ours"},
		{"error", telegramError, UTF16, "ours"},
		{"field's value", telegramValue, UTF16, "ours"},
		{"the whole text", telegramTotal, UTF16, "sendMessage"},
		{"entities", telegramEntities, Entries, "Bot API: those beyond are not shown"},
	},
	Policy: Policy{
		Rate:    Rate{N: 20, Per: time.Minute, Burst: 5},
		Success: "200 with `\"ok\": true`",
		Retry:   "429 with `parameters.retry_after`",
		Gone:    "401 and 404: the token; 403: the bot was shut out, where the chat is always the same",
		address: func(u *url.URL) string {
			if !telegramPath.MatchString(u.Path) {
				return "Telegram's path is /bot and the bot's token; the method is added to it"
			}
			return ""
		},
		judge: judgeTelegram,
	},
	check: func(f *Format) []Mistake {
		if chat := f.values["chat_id"].text; chat != nil && chat.isLiteral() && !telegramChat.MatchString(chat.literal) {
			return []Mistake{{Option: "chat_id", Message: fmt.Sprintf("want a chat's number or @name, got %q", shorten(chat.literal))}}
		}
		return f.checkMentions(telegramName.MatchString, "an @name")
	},
	sample: sample{url: "https://api.telegram.org/bot${TELEGRAM_TOKEN}", with: []Option{{Name: "chat_id", Value: "-1001234567890"}}},
	write:  writeTelegram,
}

var (
	telegramPath = regexp.MustCompile(`^/bot[^/]+$`)
	telegramChat = regexp.MustCompile(`^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31})$`)
	telegramName = regexp.MustCompile(`^@[A-Za-z][A-Za-z0-9_]{3,31}$`)
)

func writeTelegram(f *Format, m *message) (delivery.Content, error) {
	chat, err := f.line("chat_id", m.values)
	if err != nil {
		return delivery.Content{}, err
	}
	if !telegramChat.MatchString(chat) {
		return delivery.Content{}, fmt.Errorf("chat_id: want a chat's number or @name, got %q", shorten(chat))
	}
	text := telegramMessage(m)
	w := newWriter()
	w.open("", '{')
	w.text("chat_id", chat)
	if thread, given := f.values["thread_id"]; given {
		w.number("message_thread_id", thread.number)
	}
	w.text("text", text.b.String())
	w.open("entities", '[')
	for _, e := range text.entities {
		w.open("", '{')
		w.text("type", e.typ)
		w.number("offset", e.offset)
		w.number("length", e.length)
		w.text("url", e.url)
		w.close("}")
	}
	w.close("]")
	w.raw("link_preview_options", `{"is_disabled":true}`)
	if f.values["silent"].bool {
		w.raw("disable_notification", "true")
	}
	w.close("}")
	return delivery.Content{Body: w.b, URLSuffix: "/sendMessage"}, nil
}

// styled is a text with the places that are not plain. Telegram reads no markup where entities are given.
type styled struct {
	b        strings.Builder
	units    int // so far
	entities []entity
}

type entity struct {
	typ            string
	offset, length int // UTF-16 units
	url            string
}

func (s *styled) add(typ, text, url string) {
	length := utf16Units(text)
	if typ != "" && length > 0 {
		s.entities = append(s.entities, entity{typ, s.units, length, url})
	}
	s.b.WriteString(text)
	s.units += length
}

func telegramMessage(m *message) *styled {
	const gaps = 200 // line ends and signs between the parts
	room := &budget{left: telegramTotal - gaps, cost: utf16Units, overhead: len(": \n")}
	s := &styled{}
	s.add("bold", room.take(inertNames(m.heading()), telegramHeading), "")
	mentions := ""
	for _, who := range m.mentions {
		if telegramName.MatchString(who) && len(mentions)+len(who) < telegramHeading {
			mentions += " " + who
		}
	}
	s.add("", mentions, "")
	room.left -= len(mentions)
	linkText := room.take(m.linkText, maxLabel)
	failure := room.take(m.err, telegramError)
	if text := strings.TrimSpace(room.take(inertNames(m.text), telegramText)); text != "" {
		s.add("", "\n\n"+text, "")
	}
	if fields := room.takeFields(m.fields, telegramValue); len(fields) > 0 {
		s.add("", "\n", "")
		for _, f := range fields {
			s.add("", "\n", "")
			s.add("bold", inertNames(f.label), "")
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

// inertNames parts what Telegram would make a mention, a command or a tag of by itself; code is safe from that.
func inertNames(s string) string {
	if !strings.ContainsAny(s, "@/#$") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		begins := i == 0 || !isWord(s[i-1]) && s[i-1] != '/'
		if strings.IndexByte("@/#$", s[i]) >= 0 && begins && i < len(s)-1 && s[i+1] != ' ' && s[i+1] != '\n' {
			b.WriteString(zeroWidthSpace)
		}
	}
	return b.String()
}

func judgeTelegram(f *Format, a *answer) delivery.Verdict {
	var body struct {
		OK          bool   `json:"ok"`
		Code        int    `json:"error_code"`
		Description string `json:"description"`
		Parameters  struct {
			RetryAfter float64 `json:"retry_after"`
			MigrateTo  int64   `json:"migrate_to_chat_id"`
		} `json:"parameters"`
	}
	isJSON := a.decode(&body)
	code := a.Status
	if a.is2xx() && isJSON && !body.OK && body.Code != 0 {
		code = body.Code
	}
	chat := f.values["chat_id"].text
	switch {
	case a.is2xx() && body.OK:
		return delivered()
	case code == 429:
		return again(body.Description, seconds(body.Parameters.RetryAfter))
	case code == 400 && body.Parameters.MigrateTo != 0:
		return dead("the group has become the chat " + strconv.FormatInt(body.Parameters.MigrateTo, 10) + ": set chat_id")
	case code == 401, code == 404, code == 403 && (chat == nil || chat.isLiteral()):
		return gone(body.Description)
	case code == 400, code == 403:
		return dead(body.Description)
	case a.is2xx():
		return again("the answer is not Telegram's ok", 0)
	}
	return delivery.Verdict{}
}
