package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/legible"
)

// message is a body drawn as its receiver shows it.
type message struct {
	Receiver string // "Slack"
	Tone     string // CSS class of its colour
	Title    string
	Parts    []part
	Links    []link
	Note     string
}

// part is a paragraph of a message: a text, a field or code.
type part struct{ Kind, Label, Text string }

type link struct{ Text, URL string }

// Bounds of drawn messages.
const (
	maxParts = 60
	maxText  = 4000 // bytes of a part
)

func (m *message) add(kind, label, text string) {
	if text = strings.Trim(legible.Shorten(text, maxText), "\n"); text != "" && len(m.Parts) < maxParts {
		m.Parts = append(m.Parts, part{kind, strings.TrimSpace(label), text})
	}
}

// draw draws a body as its receiver shows it. The receiver is that of the format, or one whose messages look like this
// body. For any other body it returns nil.
func draw(format, body string) *message {
	var v map[string]any
	if json.Unmarshal([]byte(body), &v) != nil {
		return nil
	}
	o := object(v)
	switch {
	case format == "slack" || format == "" && o["blocks"] != nil:
		return drawSlack(o)
	case format == "discord" || format == "" && o["embeds"] != nil:
		return drawDiscord(o)
	case format == "teams" || format == "" && o.isCard():
		return drawTeams(o)
	case format == "pagerduty" || format == "" && o["routing_key"] != nil && o["event_action"] != nil:
		return drawPagerDuty(o)
	}
	return nil
}

// object is a JSON object. Its methods return zero values for members that are missing or of another type.
type object map[string]any

func (o object) text(key string) string {
	switch v := o[key].(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		text, _ := json.Marshal(v) // it was decoded from JSON
		return string(text)
	}
}

func (o object) in(key string) object {
	inner, _ := o[key].(map[string]any)
	return inner
}

func (o object) each(key string) (list []object) {
	all, _ := o[key].([]any)
	for _, v := range all {
		if inner, is := v.(map[string]any); is {
			list = append(list, inner)
		}
	}
	return list
}

// toneOf returns the class of a colour, by its strongest component.
func toneOf(rgb int) string {
	r, g, b := rgb>>16&0xff, rgb>>8&0xff, rgb&0xff
	switch {
	case r > 150 && g > 110 && b < 120:
		return "busy"
	case r > g+40 && r > b:
		return "bad"
	case g > r && g >= b:
		return "good"
	}
	return "calm"
}

func hexColour(text string) (rgb int) {
	_, _ = fmt.Sscanf(strings.TrimPrefix(text, "#"), "%x", &rgb) // any other text has no colour
	return rgb
}

func drawSlack(o object) *message {
	m := &message{Receiver: "Slack", Tone: "calm"}
	m.slackBlocks(o.each("blocks"))
	for _, a := range o.each("attachments") {
		if a.text("color") != "" {
			m.Tone = toneOf(hexColour(a.text("color")))
		}
		m.add("text", "", slackPlain(a.text("pretext")))
		m.add("text", a.text("title"), slackPlain(a.text("text")))
		m.slackBlocks(a.each("blocks"))
		for _, f := range a.each("fields") {
			m.add("field", f.text("title"), slackPlain(f.text("value")))
		}
	}
	if m.Title == "" {
		m.Title = slackPlain(o.text("text"))
	}
	return m
}

func (m *message) slackBlocks(blocks []object) {
	for _, b := range blocks {
		switch b.text("type") {
		case "header":
			m.Title = b.in("text").text("text")
		case "section":
			m.add("text", "", slackPlain(b.in("text").text("text")))
			for _, f := range b.each("fields") {
				m.add("text", "", slackPlain(f.text("text")))
			}
		case "context":
			for _, e := range b.each("elements") {
				m.add("text", "", slackPlain(e.text("text")))
			}
		case "rich_text":
			for _, section := range b.each("elements") {
				m.slackRichText(section)
			}
		}
	}
}

// slackRichText adds a section of rich text. Bold text begins a field.
func (m *message) slackRichText(section object) {
	kind, label, text := "text", "", ""
	if section.text("type") == "rich_text_preformatted" {
		kind = "code"
	}
	flush := func() {
		m.add(kind, label, strings.TrimPrefix(text, ": "))
		label, text = "", ""
	}
	for _, e := range section.each("elements") {
		switch e.text("type") {
		case "text":
			if e.in("style")["bold"] == true {
				flush()
				kind, label = "field", e.text("text")
				continue
			}
			text += e.text("text")
		case "link":
			m.Links = append(m.Links, link{e.text("text"), e.text("url")})
		case "user", "usergroup":
			text += "@" + e.text("user_id") + e.text("usergroup_id")
		case "broadcast":
			text += "@" + e.text("range")
		}
	}
	flush()
}

var slackMarks = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func slackPlain(s string) string { return slackMarks.Replace(s) }

func drawDiscord(o object) *message {
	m := &message{Receiver: "Discord", Tone: "calm", Title: discordPlain(strings.ReplaceAll(o.text("content"), "**", ""))}
	for _, e := range o.each("embeds") {
		if colour, is := e["color"].(float64); is {
			m.Tone = toneOf(int(colour))
		}
		if e.text("url") != "" {
			m.Links = append(m.Links, link{discordPlain(e.text("title")), e.text("url")})
		} else {
			m.add("text", "", discordPlain(e.text("title")))
		}
		for i, text := range strings.Split(e.text("description"), "```") {
			if i%2 == 1 {
				m.add("code", "", text)
			} else {
				m.add("text", "", discordPlain(text))
			}
		}
		for _, f := range e.each("fields") {
			m.add("field", discordPlain(f.text("name")), discordPlain(f.text("value")))
		}
		m.Note = e.text("timestamp")
	}
	return m
}

// discordPlain takes away the backslashes that keep Discord from reading markup.
func discordPlain(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\\*_~`|<[]#-+>", s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (o object) isCard() bool {
	return slices.ContainsFunc(o.each("attachments"), func(a object) bool { return a.in("content").text("type") == "AdaptiveCard" })
}

func drawTeams(o object) *message {
	m := &message{Receiver: "Teams", Tone: "calm", Title: o.text("summary")}
	for _, a := range o.each("attachments") {
		card := a.in("content")
		m.teamsBlocks(card.each("body"), 0)
		for _, action := range card.each("actions") {
			m.Links = append(m.Links, link{action.text("title"), action.text("url")})
		}
	}
	return m
}

var teamsTones = map[string]string{"attention": "bad", "good": "good", "warning": "busy"}

// teamsBlocks adds the blocks of a card. Containers hold blocks, up to a depth.
func (m *message) teamsBlocks(blocks []object, depth int) {
	for _, b := range blocks {
		switch b.text("type") {
		case "TextBlock":
			m.add("text", "", b.text("text"))
		case "RichTextBlock":
			m.teamsRuns(b.each("inlines"))
		case "FactSet":
			for _, f := range b.each("facts") {
				m.add("field", f.text("title"), f.text("value"))
			}
		case "Container":
			if depth < 5 {
				m.teamsBlocks(b.each("items"), depth+1)
			}
		}
	}
}

func (m *message) teamsRuns(runs []object) {
	kind, label, text := "text", "", ""
	for i, run := range runs {
		if tone := teamsTones[run.text("color")]; tone != "" {
			m.Tone = tone
		}
		switch {
		case run.text("fontType") == "monospace":
			kind, text = "code", text+run.text("text")
		case i == 0 && len(runs) > 1 && run.text("weight") == "bolder":
			kind, label = "field", strings.TrimSuffix(strings.TrimSpace(run.text("text")), ":")
		default:
			text += run.text("text")
		}
	}
	if text == m.Title {
		return
	}
	if last := len(m.Parts) - 1; kind == "code" && last >= 0 && m.Parts[last].Kind == "code" && len(m.Parts[last].Text) < maxText {
		m.Parts[last].Text += "\n" + text // each line is a block
		return
	}
	m.add(kind, label, text)
}

var pagerTones = map[string]string{"critical": "bad", "error": "bad", "warning": "busy", "info": "calm"}

func drawPagerDuty(o object) *message {
	payload := o.in("payload")
	m := &message{Receiver: "PagerDuty", Tone: pagerTones[payload.text("severity")], Title: payload.text("summary")}
	action := o.text("event_action")
	if action == "resolve" {
		m.Tone = "good"
	}
	if m.Title == "" {
		m.Title = strings.ToUpper(action[:min(1, len(action))]) + action[min(1, len(action)):] + " " + o.text("dedup_key")
	}
	m.add("field", "action", action)
	m.add("field", "dedup key", o.text("dedup_key"))
	for _, key := range []string{"severity", "source", "component", "group", "class"} {
		m.add("field", key, payload.text(key))
	}
	details := payload.in("custom_details")
	for _, key := range slices.Sorted(maps.Keys(details)) {
		m.add("field", key, details.text(key))
	}
	for _, l := range o.each("links") {
		m.Links = append(m.Links, link{l.text("text"), l.text("href")})
	}
	m.Note = payload.text("timestamp")
	return m
}
