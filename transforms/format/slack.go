package format

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

var slack = Receiver{
	Name:    "slack",
	Summary: "a Slack message: a headline, a coloured bar with fields and the error as code",
	URL:     "https://hooks.slack.com/services/T…/B…/…",
	Keys: slices.Concat(chatKeys(),
		mentionKeys("`U…` a user, `S…` a group, `here`, `channel`", "a user's id (U…), a group's (S…), here or channel", isSlackMention),
		[]Key{
			{Name: "channel", Kind: KindText, Default: "the webhook's own",
				Is:   "where to post; chat.postMessage needs it, and only old webhooks obey it",
				want: chatChannelIs, match: chatChannel},
			{Name: "thread_ts", Kind: KindText,
				Is: "the thread to post into: the `ts` of its first message", want: "a message's ts, 1700000000.000100",
				match: matches(`^[0-9]{10}\.[0-9]{6}$`)},
			{Name: "username", Kind: KindText, Default: "the webhook's own", Is: "the name of the sender; only old webhooks obey it"},
		}),
	Limits: []Limit{
		{"headline", 150, Characters, "Block Kit: header.text"},
		{"error, text", 3000, Characters, "Block Kit: a text object"},
		{"field's value", 300, Characters, "ours, so that all fields fit"},
		{"link", maxLink, Characters, "ours; Block Kit takes 3,000"},
		{"preview", 300, Characters, "ours; Slack recommends 4,000 for text and cuts it at 40,000"},
		{"all blocks together", 12_000, Characters, "msg_blocks_too_long, seen at about 13,200"},
		{"blocks", 4, Entries, "ours; Slack takes 50"},
	},
	Policy: Policy{
		Rate:    Rate{N: 1, Per: time.Second, Burst: 3},
		Success: "200 with the text `ok`",
		Retry:   "429 with Retry-After, or `retry_after` in JSON",
		Gone:    "404 `no_service`, 410, `no_team`, `no_active_hooks`, `invalid_token`, `team_disabled`",
		address: pathAt("Slack", "hooks.slack.com", "/services/"),
		judge:   judgeSlack,
	},
	sample: sample{url: "${SLACK_WEBHOOK_URL}",
		with: []Option{{Name: "link", Value: sampleLink}, {Name: "mentions", Value: []string{"here"}}}},
	write: writeSlack,
}

func writeSlack(m *message) {
	room := m.budget("all blocks together", utf16Units, len(": \n"))
	heading := room.take(m.heading(), m.limit("headline"))
	failure := room.take(m.err, m.limit("error, text"))
	linkText := room.take(m.linkText, maxLabel)
	text := room.take(m.text, m.limit("error, text"))
	fields := slackFields(room.takeFields(m.fields, m.limit("field's value")))
	called := slackMentions(m.mentions)
	parts := list{
		slackPart("rich_text_section", list{slackText(text)}).unless(text == ""),
		slackPart("rich_text_section", fields).unless(fields == nil),
		slackPart("rich_text_preformatted", list{slackText(failure)}).unless(failure == ""),
		slackPart("rich_text_section", list{object{{"type", "link"}, {"url", m.link}, {"text", linkText}}}).unless(m.link == ""),
	}
	attachment := object{{"color", m.look.hex()}, {"blocks", list{slackPart("rich_text", parts)}}}
	m.put(object{
		{"channel", m.permitted("channel")},
		{"username", cut(m.line("username"), maxLabel, utf16Units)},
		{"thread_ts", m.permitted("thread_ts")},
		{"text", escapeEntities(mrkdwn.inert(cut(m.preview(), m.limit("preview"), slackCost)))},
		{"blocks", list{
			object{{"type", "header"}, {"text", object{{"type", "plain_text"}, {"emoji", false}, {"text", heading}}}},
			slackPart("rich_text", list{slackPart("rich_text_section", called)}).unless(called == nil),
		}},
		{"attachments", list{attachment.unless(isEmpty(parts))}},
	})
}

// slackPart makes a block or a part of one. In rich text nothing is markup.
func slackPart(typ string, elements any) object { return object{{"type", typ}, {"elements", elements}} }

func slackText(text string) object { return object{{"type", "text"}, {"text", text}} }

func slackFields(fields []field) (texts raw) {
	for i, f := range fields {
		end := "\n"
		if i == len(fields)-1 {
			end = ""
		}
		texts.add(object{{"type", "text"}, {"style", object{{"bold", true}}}, {"text", f.label}})
		texts.add(slackText(": " + f.value + end))
	}
	return texts
}

func slackMentions(who []string) (called raw) {
	for _, s := range who {
		if called != nil {
			called.add(slackText(" "))
		}
		called.add(slackMention(s))
	}
	return called
}

var slackID = matches(`^[UWS][A-Z0-9]{2,30}$`)

// slackMention returns the element that mentions somebody, or nil if the text names nobody.
func slackMention(s string) object {
	s = strings.TrimPrefix(s, "@")
	switch {
	case slices.Contains([]string{"here", "channel", "everyone"}, s):
		return object{{"type", "broadcast"}, {"range", s}}
	case !slackID(s):
		return nil
	case s[0] == 'S':
		return object{{"type", "usergroup"}, {"usergroup_id", s}}
	}
	return object{{"type", "user"}, {"user_id", s}}
}

func isSlackMention(s string) bool { return slackMention(s) != nil }

// slackCost measures the most that mrkdwn and escapeEntities make of a text.
func slackCost(s string) int {
	return mrkdwn.cost(escapeEntities(s)) + utf16Units(zeroWidthSpace)*strings.Count(s, "<")
}

// slackRefusals are the words with which Slack refuses a message, whatever the status.
var slackRefusals = []string{
	"action_prohibited", "channel_is_archived", "channel_not_found", "invalid_blocks", "invalid_blocks_format", "invalid_payload",
	"invalid_token", "message_limit_exceeded", "no_active_hooks", "no_service", "no_team", "no_text", "posting_to_general_channel_denied",
	"rate_limited", "ratelimited", "rollup_error", "team_disabled", "too_many_attachments", "user_not_found",
}

func judgeSlack(_ *Format, a *answer) delivery.Verdict {
	word, ok := strings.TrimSpace(string(a.Body)), false
	if a.json != nil {
		word, ok = a.text("error"), a.json["ok"] == true
	}
	if !codeWord(word) {
		word = ""
	}
	refused := a.json["ok"] == false || slices.Contains(slackRefusals, word)
	switch {
	case a.is2xx() && (ok || !refused): // other receivers that take Slack's messages say it in words of their own
		return delivered()
	case a.Status == 429, a.is2xx() && (word == "rate_limited" || word == "ratelimited"):
		return again(word, a.seconds("retry_after"))
	case a.Status == 410, slices.Contains([]string{"no_service", "no_team", "no_active_hooks", "invalid_token", "team_disabled"}, word):
		return gone(word)
	case a.is2xx(), a.Status >= 400 && a.Status < 500 && word != "":
		return dead(cmp.Or(word, "ok is false"))
	}
	return delivery.Verdict{}
}
