package format

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/lazy"
)

// Bytes of a Teams card in addition to its texts.
const (
	teamsFrame   = 1600 // the envelope, the card and its heading, and the link
	teamsField   = 200
	teamsPerLine = 120
	teamsMention = 200
)

var teams = Receiver{
	Name:    "teams",
	Summary: "an Adaptive Card for a Microsoft Teams workflow",
	URL:     "the URL of a workflow “When a Teams webhook request is received”",
	Keys: slices.Concat(chatKeys(),
		mentionKeys("the sign-in names of people, `someone@example.com`", "a sign-in name like someone@example.com", teamsName)),
	Limits: []Limit{
		{"headline", 500, Bytes, "ours"},
		{"text", 3000, Bytes, "ours"},
		{"error", 6000, Bytes, "ours"},
		{"lines of a text or an error", 40, Entries, "ours"},
		{"field's value", 600, Bytes, "ours"},
		{"the whole message", 20_000, Bytes, "about 28 KB by the documentation, refused from 21 KB on as measured"},
	},
	Policy: Policy{
		Rate:    Rate{N: 2, Per: time.Second, Burst: 4},
		Success: "202: the workflow began; only its run history says whether the card was shown",
		Retry:   "429 with Retry-After; old connectors answer 200 and say `HTTP error 429` in the text",
		answers: answers{reason: []string{"error.code", "error.message"}},
		judge:   judgeTeams,
	},
	sample: sample{url: "${TEAMS_WORKFLOW_URL}", with: []Option{{Name: "link", Value: sampleLink}}},
	write:  writeTeams,
}

func writeTeams(m *message) {
	room := m.budget("the whole message", jsonSize, teamsField)
	room.left -= teamsFrame
	summary := room.take(teamsPlain(m.heading()), m.limit("headline"))
	room.left -= 2 * jsonSize(summary) // the body has it three times
	linkText := room.take(teamsPlain(m.linkText), maxLabel)
	room.left -= len(m.link)
	entities, called := m.teamsMentions(room)
	var failure, body raw
	failure.addLines(m.split(m.err, "error", room), "monospace")
	text := m.split(m.text, "text", room)
	body.add(teamsBlock("", list{object{
		{"type", "TextRun"}, {"weight", "bolder"}, {"size", "medium"}, {"color", m.look.teams}, {"text", summary},
	}}))
	body.add(object{{"type", "TextBlock"}, {"wrap", true}, {"text", called}}.unless(called == ""))
	body.addLines(text, "")
	for _, f := range room.takeFields(m.fields, m.limit("field's value")) {
		body.add(teamsBlock("small", list{
			object{{"type", "TextRun"}, {"weight", "bolder"}, {"text", teamsPlain(f.label) + ": "}},
			object{{"type", "TextRun"}, {"text", teamsPlain(f.value)}},
		}))
	}
	body.add(object{{"type", "Container"}, {"style", "emphasis"}, {"items", failure}}.unless(failure == nil))
	action := object{{"type", "Action.OpenUrl"}, {"title", linkText}, {"url", m.link}}
	card := object{
		{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"}, {"type", "AdaptiveCard"}, {"version", "1.4"},
		{"fallbackText", summary},
		{"msteams", object{{"width", "Full"}, {"entities", entities}}},
		{"body", body},
		{"actions", list{action.unless(m.link == "")}},
	}
	attachment := object{{"contentType", "application/vnd.microsoft.card.adaptive"}, {"contentUrl", raw("null")}, {"content", card}}
	m.put(object{{"type", "message"}, {"summary", summary}, {"attachments", list{attachment}}})
}

// teamsBlock makes a block of rich text, in which nothing is markup.
func teamsBlock(spacing string, runs list) object {
	return object{{"type", "RichTextBlock"}, {"spacing", spacing}, {"inlines", runs}}
}

// split cuts a text to its limit and splits it into lines, of which it keeps the first and the last.
func (m *message) split(s, limit string, room *budget) []string {
	most := m.limit("lines of a text or an error")
	if s == "" || room.left < most*teamsPerLine {
		return nil
	}
	room.left -= most * teamsPerLine
	lines := strings.Split(s, "\n")
	if n := len(lines); n > most {
		end := most / tailShare
		begin := most - end - 1
		mark := "… (" + thousands(n-begin-end) + " lines cut) …"
		lines = append(append(lines[:begin:begin], mark), lines[n-end:]...)
	}
	lines = strings.Split(room.take(strings.Join(lines, "\n"), m.limit(limit)-most*teamsPerLine/tailShare), "\n")
	room.left += (most - len(lines)) * teamsPerLine
	return lines
}

// addLines adds one block for each line, since some clients show no line breaks inside a block.
func (r *raw) addLines(lines []string, font string) {
	for _, text := range lines {
		if text = teamsPlain(text); strings.TrimSpace(text) == "" {
			text = "\u00a0" // an empty block is not shown
		}
		r.add(teamsBlock("none", list{object{{"type", "TextRun"}, {"fontType", font}, {"text", text}}}))
	}
}

var teamsName = matches(`^[A-Za-z0-9.+'-][A-Za-z0-9._+'-]{0,63}@[A-Za-z0-9.-]{1,63}$`)

// teamsMentions returns the entities of the people who are called, and the text that calls them.
func (m *message) teamsMentions(room *budget) (entities raw, text string) {
	for _, s := range m.mentions {
		cost := 4*len(s) + teamsMention
		if room.left <= cost {
			m.noRoomFor(s)
			continue
		}
		room.left -= cost
		at := "<at>" + s + "</at>"
		text = strings.TrimPrefix(text+" "+at, " ")
		entities.add(object{{"type", "mention"}, {"text", at}, {"mentioned", object{{"id", s}, {"name", s}}}})
	}
	return entities, text
}

// teamsPlain keeps Teams from turning a text into a date, the only markup of rich text.
func teamsPlain(s string) string {
	if !strings.Contains(s, "{{") {
		return s
	}
	return teamsFunctions.Replace(s)
}

var teamsFunctions = strings.NewReplacer("{{DATE(", "{{ DATE(", "{{TIME(", "{{ TIME(")

var teamsFailure = lazy.Regexp(`(?s)Webhook message delivery failed with error.*HTTP error ([0-9]{3})`)

func judgeTeams(_ *Format, a *answer) delivery.Verdict {
	if !a.is2xx() {
		return delivery.Verdict{}
	}
	found := teamsFailure().FindSubmatch(a.Body)
	if found == nil {
		return delivered()
	}
	code, _ := strconv.Atoi(string(found[1]))
	reason := "delivery failed with HTTP error " + strconv.Itoa(code)
	if code == 429 || code >= 500 {
		return again(reason, 0)
	}
	return dead(reason)
}
