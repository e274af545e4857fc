package format

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Slack's limits, in characters.
const (
	slackHeader  = 150
	slackText    = 3000
	slackURL     = 3000
	slackTotal   = 12_000
	slackPreview = 300
	slackValue   = 300
	slackName    = 80
)

var slack = Receiver{
	Name:    "slack",
	Summary: "a Slack message: a headline, a coloured bar with fields and the error as code",
	URL:     "https://hooks.slack.com/services/T…/B…/…",
	Keys: chatKeys(append(mentionKeys("`U…` a user, `S…` a group, `here`, `channel`"),
		Key{Name: "channel", Kind: KindText, Default: "the webhook's own", Is: "where to; only old webhooks obey it"},
		Key{Name: "username", Kind: KindText, Default: "the webhook's own", Is: "who speaks; only old webhooks obey it"})...),
	Limits: []Limit{
		{"headline", slackHeader, Characters, "Block Kit: header.text"},
		{"error, text", slackText, Characters, "Block Kit: a text object"},
		{"field's value", slackValue, Characters, "ours, so that all fields fit"},
		{"link", maxLink, Characters, "ours; Block Kit takes 3,000"},
		{"preview", slackPreview, Characters, "ours; Slack recommends 4,000 for text and cuts it at 40,000"},
		{"all blocks together", slackTotal, Characters, "msg_blocks_too_long, seen at about 13,200"},
		{"blocks", 4, Entries, "ours; Slack takes 50"},
	},
	Policy: Policy{
		Rate:    Rate{N: 1, Per: time.Second, Burst: 3},
		Success: "200 with the text `ok`",
		Retry:   "429 with Retry-After, or `retry_after` in JSON",
		Gone:    "404 `no_service`, 410, `no_team`, `no_active_hooks`, `invalid_token`, `team_disabled`",
		judge:   judgeSlack,
	},
	check: func(f *Format) []Mistake {
		return f.checkMentions(func(s string) bool { k, _ := slackMention(s); return k != "" }, "a user's id (U…), a group's (S…), here or channel")
	},
	sample: sample{url: "${SLACK_WEBHOOK_URL}", with: []Option{{Name: "link", Value: sampleLink}, {Name: "mentions", Value: []any{"here"}}}},
	write:  writeSlack,
}

func writeSlack(f *Format, m *message) (delivery.Content, error) {
	channel, err := f.line("channel", m.values)
	if err != nil {
		return delivery.Content{}, err
	}
	username, err := f.line("username", m.values)
	if err != nil {
		return delivery.Content{}, err
	}
	room := &budget{left: slackTotal, cost: utf16Units, overhead: len(": \n")}
	heading := room.take(m.heading(), slackHeader)
	failure := room.take(m.err, slackText)
	linkText := room.take(m.linkText, maxLabel)
	text := room.take(m.text, slackText)
	fields := room.takeFields(m.fields, slackValue)

	w := newWriter()
	w.open("", '{')
	w.text("channel", shrink(channel, slackName, utf16Units))
	w.text("username", shrink(username, slackName, utf16Units))
	w.text("text", slackEscape(shrink(m.preview(), slackPreview, func(s string) int { return utf16Units(slackEscape(s)) })))
	w.open("blocks", '[')
	w.raw("", `{"type":"header","text":{"type":"plain_text","emoji":false`)
	w.text("text", heading)
	w.close("}}")
	w.slackMentions(m.mentions)
	w.close("]")
	if text != "" || len(fields) > 0 || failure != "" || m.link != "" {
		w.open("attachments", '[')
		w.open("", '{')
		w.text("color", hexColor(m.look.color))
		w.raw("blocks", `[{"type":"rich_text","elements":[`)
		w.slackText(text)
		w.slackFields(fields)
		w.slackCode(failure)
		w.slackLink(m.link, linkText)
		w.close("]}]}]")
	}
	w.close("}")
	return delivery.Content{Body: w.b}, nil
}

// slackText and what follows write elements of rich text, in which nothing is markup.
func (w *writer) slackText(text string) {
	if text == "" {
		return
	}
	w.raw("", `{"type":"rich_text_section","elements":[{"type":"text"`)
	w.text("text", text)
	w.close("}]}")
}

func (w *writer) slackFields(fields []field) {
	if len(fields) == 0 {
		return
	}
	w.raw("", `{"type":"rich_text_section","elements":[`)
	for i, f := range fields {
		w.raw("", `{"type":"text","style":{"bold":true}`)
		w.text("text", f.label)
		w.close("}")
		end := "\n"
		if i == len(fields)-1 {
			end = ""
		}
		w.raw("", `{"type":"text"`)
		w.text("text", ": "+f.value+end)
		w.close("}")
	}
	w.close("]}")
}

func (w *writer) slackCode(text string) {
	if text == "" {
		return
	}
	w.raw("", `{"type":"rich_text_preformatted","elements":[{"type":"text"`)
	w.text("text", text)
	w.close("}]}")
}

func (w *writer) slackLink(link, text string) {
	if link == "" {
		return
	}
	w.raw("", `{"type":"rich_text_section","elements":[{"type":"link"`)
	w.text("url", link)
	w.text("text", text)
	w.close("}]}")
}

func (w *writer) slackMentions(who []string) {
	first := true
	for _, s := range who {
		kind, id := slackMention(s)
		if kind == "" {
			continue
		}
		if first {
			w.raw("", `{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[`)
			first = false
		} else {
			w.raw("", `{"type":"text","text":" "}`)
		}
		w.open("", '{')
		w.text("type", kind)
		w.text(map[string]string{"user": "user_id", "usergroup": "usergroup_id", "broadcast": "range"}[kind], id)
		w.close("}")
	}
	if !first {
		w.close("]}]}")
	}
}

var slackID = regexp.MustCompile(`^[UWS][A-Z0-9]{2,30}$`)

// slackMention tells what kind of mention a text is; "" for none.
func slackMention(s string) (kind, id string) {
	s = strings.TrimPrefix(s, "@")
	switch {
	case slices.Contains([]string{"here", "channel", "everyone"}, s):
		return "broadcast", s
	case !slackID.MatchString(s):
		return "", ""
	case s[0] == 'S':
		return "usergroup", s
	}
	return "user", s
}

// slackEscape makes text of what Slack would read as mentions and links.
func slackEscape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return slackEntities.Replace(s)
}

var slackEntities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func judgeSlack(_ *Format, a *answer) delivery.Verdict {
	text := strings.TrimSpace(string(a.Body))
	var body struct {
		OK         bool    `json:"ok"`
		Error      string  `json:"error"`
		RetryAfter float64 `json:"retry_after"`
	}
	isJSON := a.decode(&body)
	if isJSON {
		text = body.Error
	}
	word := ""
	if codeWord.MatchString(text) {
		word = text
	}
	switch {
	case a.is2xx() && (text == "ok" || isJSON && body.OK):
		return delivered()
	case a.is2xx():
		return again("the answer is not Slack's ok", 0)
	case a.Status == 429:
		return again(word, seconds(body.RetryAfter))
	case a.Status == 410, slices.Contains([]string{"no_service", "no_team", "no_active_hooks", "invalid_token", "team_disabled"}, word):
		return gone(word)
	case a.Status >= 400 && a.Status < 500 && word != "":
		return dead(word)
	}
	return delivery.Verdict{}
}
