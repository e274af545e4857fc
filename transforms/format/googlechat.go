package format

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// The limits of Google Chat.
const (
	gchatTotal   = 32_000 // bytes of the message, cards included
	gchatText    = 4096   // characters of the text beside the card
	gchatHeading = 300    // characters
	gchatPara    = 4000   // bytes of the body, so that all fits
	gchatValue   = 600    // bytes of the body
	gchatWidgets = 100
	gchatFrame   = 6000 + 4*gchatText // bytes: the message without the card's texts, and the text as JSON
	gchatField   = 80
	gchatThread  = 250 // characters
)

var googleChat = Receiver{
	Name:    "googlechat",
	Summary: "a Google Chat message: a headline, the error as code, and a card with fields",
	URL:     "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…",
	Keys: chatKeys(append(mentionKeys("the numbers of people, or `all`"),
		Key{Name: "thread", Kind: KindText, Is: "a name of yours: messages of the same name are in one thread; `=workflow_id` is a thread for each run"})...),
	Limits: []Limit{
		{"headline", gchatHeading, Characters, "ours"},
		{"headline, mentions and error", gchatText, Characters, "the older of two figures for text"},
		{"text", gchatPara, Bytes, "ours"},
		{"field's value", gchatValue, Bytes, "ours"},
		{"widgets of the card", gchatWidgets, Entries, "Cards v2"},
		{"the whole message", gchatTotal, Bytes, "spaces.messages, cards included"},
	},
	Policy: Policy{
		Rate:    Rate{N: 1, Per: time.Second, Burst: 1},
		Success: "200; the request's id in the URL makes a repeated one the same message",
		Retry:   "429",
		Gone:    "404",
		judge:   judgeGoogleChat,
	},
	check: func(f *Format) []Mistake {
		return f.checkMentions(gchatUser.MatchString, "a user's number or all")
	},
	sample: sample{url: "${GOOGLE_CHAT_URL}", with: []Option{{Name: "thread", Value: "=workflow_id"}}},
	write:  writeGoogleChat,
}

func writeGoogleChat(f *Format, m *message) (delivery.Content, error) {
	thread, err := f.line("thread", m.values)
	if err != nil {
		return delivery.Content{}, err
	}
	room := &budget{left: gchatTotal - gchatFrame, cost: gchatCost, overhead: gchatField}
	linkText := room.take(m.linkText, maxLabel)
	room.left -= len(m.link)
	text := room.take(m.text, gchatPara)
	fields := room.takeFields(m.fields, gchatValue)

	w := newWriter()
	w.open("", '{')
	w.text("text", gchatMessage(m))
	if text != "" || len(fields) > 0 || m.link != "" {
		w.raw("cardsV2", `[{"cardId":"awf","card":{"sections":[{"widgets":[`)
		if text != "" {
			w.raw("", `{"textParagraph":{`)
			w.text("text", gchatEscape(text))
			w.close("}}")
		}
		for _, field := range fields {
			w.raw("", `{"decoratedText":{"wrapText":true`)
			w.text("topLabel", gchatEscape(field.label))
			w.text("text", gchatEscape(field.value))
			w.close("}}")
		}
		if m.link != "" {
			w.raw("", `{"buttonList":{"buttons":[{`)
			w.text("text", linkText)
			w.raw("onClick", `{"openLink":{`)
			w.text("url", m.link)
			w.close("}}}]}}")
		}
		w.close("]}]}}]")
	}
	suffix := ""
	if thread != "" {
		w.open("thread", '{')
		w.text("threadKey", shrink(thread, gchatThread, utf16Units))
		w.close("}")
		suffix = "&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
	}
	w.close("}")
	return delivery.Content{Body: w.b, URLSuffix: "?requestId=" + gchatRequest(m, w.b) + suffix}, nil
}

// gchatMessage is the text above the card, and in the notification.
func gchatMessage(m *message) string {
	const fences = len("\n```\n\n```")
	room := &budget{left: gchatText, cost: utf16Units}
	var b strings.Builder
	for _, s := range m.mentions {
		if gchatUser.MatchString(s) {
			mention := "<users/" + s + "> "
			b.WriteString(mention)
			room.left -= len(mention)
		}
	}
	b.WriteString(room.take(inertMarkup(m.heading()), gchatHeading))
	if m.err != "" {
		room.left -= fences
		room.cost = fenced(utf16Units)
		b.WriteString("\n```\n" + fence(room.take(m.err, gchatText)) + "\n```")
	}
	return b.String()
}

// inertMarkup parts characters that would be markup of Google Chat's: a star or line inside a word is none.
func inertMarkup(s string) string {
	if !strings.ContainsAny(s, "*_~`<") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		inside := i > 0 && i < len(s)-1 && isWord(s[i-1]) && isWord(s[i+1])
		if s[i] == '<' || s[i] == '`' || !inside && strings.IndexByte("*_~", s[i]) >= 0 {
			b.WriteString(zeroWidthSpace)
		}
	}
	return b.String()
}

func isWord(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

var gchatUser = regexp.MustCompile(`^([0-9]{5,30}|all)$`)

// gchatRequest is the request's id: the same on every attempt, and for the same event in another space or form another one.
func gchatRequest(m *message, body []byte) string {
	h := sha256.New()
	h.Write([]byte(m.values.Event().ID))
	h.Write([]byte{0})
	h.Write(body)
	return "awf-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// gchatEscape makes text of what a card would read as HTML.
func gchatEscape(s string) string { return slackEscape(s) }

// gchatCost measures what gchatEscape makes of a text, inside a JSON string.
func gchatCost(s string) int {
	n := jsonSize(s)
	for i := range len(s) {
		switch s[i] {
		case '&':
			n += len("amp;")
		case '<', '>':
			n += len("lt;")
		}
	}
	return n
}

func judgeGoogleChat(_ *Format, a *answer) delivery.Verdict {
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"error"`
	}
	a.decode(&body)
	reason := strings.TrimSpace(body.Error.Status + " " + body.Error.Message)
	switch a.Status {
	case 200:
		return delivered()
	case 404:
		return gone(reason)
	case 400, 401, 403:
		return dead(reason)
	case 429:
		return again(reason, 0)
	}
	return delivery.Verdict{}
}
