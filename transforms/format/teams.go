package format

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// The limits of Microsoft Teams, in bytes of the body, and what its card's parts take beside their texts.
const (
	teamsTotal   = 20_000
	teamsFrame   = 1600 // the envelope, the card and its heading without texts, and the link
	teamsTitle   = 500
	teamsText    = 3000
	teamsError   = 6000
	teamsValue   = 600
	teamsLines   = 40 // of a text or error
	teamsField   = 200
	teamsPerLine = 120
	teamsMention = 200
)

var teams = Receiver{
	Name:    "teams",
	Summary: "an Adaptive Card for a Microsoft Teams workflow",
	URL:     "the URL of a workflow “When a Teams webhook request is received”",
	Keys:    chatKeys(mentionKeys("the sign-in names of people, `someone@example.com`")...),
	Limits: []Limit{
		{"headline", teamsTitle, Bytes, "ours"},
		{"text", teamsText, Bytes, "ours"},
		{"error", teamsError, Bytes, "ours"},
		{"lines of a text or an error", teamsLines, Entries, "ours"},
		{"field's value", teamsValue, Bytes, "ours"},
		{"the whole message", teamsTotal, Bytes, "about 28 KB by the documentation, refused from 21 KB on as measured"},
	},
	Policy: Policy{
		Rate:    Rate{N: 2, Per: time.Second, Burst: 4},
		Success: "202: the workflow began; whether its card was shown stands in its run history only",
		Retry:   "429 with Retry-After; connectors of old answer 200 and say `HTTP error 429` in the text",
		judge:   judgeTeams,
	},
	check: func(f *Format) []Mistake {
		return f.checkMentions(teamsName.MatchString, "a sign-in name like someone@example.com")
	},
	sample: sample{url: "${TEAMS_WORKFLOW_URL}", with: []Option{{Name: "link", Value: sampleLink}}},
	write:  writeTeams,
}

func writeTeams(_ *Format, m *message) (delivery.Content, error) {
	room := &budget{left: teamsTotal - teamsFrame, cost: jsonSize, overhead: teamsField}
	summary := room.take(teamsPlain(m.heading()), teamsTitle)
	room.left -= 2 * jsonSize(summary) // it stands there three times
	linkText := room.take(m.linkText, maxLabel)
	room.left -= len(m.link)
	mentions := teamsMentions(m.mentions, room)
	failure := teamsSplit(m.err, teamsError, room)
	text := teamsSplit(m.text, teamsText, room)
	fields := room.takeFields(m.fields, teamsValue)

	w := newWriter()
	w.raw("", `{"type":"message"`)
	w.text("summary", summary)
	w.raw("attachments", `[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{`+
		`"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4"`)
	w.text("fallbackText", summary)
	w.teamsFrame(mentions)
	w.open("body", '[')
	w.raw("", `{"type":"RichTextBlock","inlines":[{"type":"TextRun","weight":"bolder","size":"medium"`)
	w.text("color", teamsColor(m.moment))
	w.text("text", summary)
	w.close("}]}")
	w.teamsMentions(mentions)
	w.teamsLines(text, "")
	for _, field := range fields {
		w.raw("", `{"type":"RichTextBlock","spacing":"small","inlines":[{"type":"TextRun","weight":"bolder"`)
		w.text("text", teamsPlain(field.label)+": ")
		w.close("}")
		w.raw("", `{"type":"TextRun"`)
		w.text("text", teamsPlain(field.value))
		w.close("}]}")
	}
	if len(failure) > 0 {
		w.raw("", `{"type":"Container","style":"emphasis","items":[`)
		w.teamsLines(failure, `,"fontType":"monospace"`)
		w.close("]}")
	}
	w.close("]")
	if m.link != "" {
		w.raw("actions", `[{"type":"Action.OpenUrl"`)
		w.text("title", linkText)
		w.text("url", m.link)
		w.close("}]")
	}
	w.close("}}]}")
	return delivery.Content{Body: w.b}, nil
}

// teamsSplit shrinks a text and splits it into the lines of a card, of which it keeps the first and the last.
func teamsSplit(s string, most int, room *budget) []string {
	if s == "" || room.left < teamsLines*teamsPerLine {
		return nil
	}
	room.left -= teamsLines * teamsPerLine
	lines := strings.Split(s, "\n")
	if n := len(lines); n > teamsLines {
		const end = teamsLines / tailShare
		begin := teamsLines - end - 1
		mark := "… (" + thousands(n-begin-end) + " lines cut) …"
		lines = append(append(lines[:begin:begin], mark), lines[n-end:]...)
	}
	lines = strings.Split(room.take(strings.Join(lines, "\n"), most-teamsLines*teamsPerLine/tailShare), "\n")
	room.left += (teamsLines - len(lines)) * teamsPerLine
	return lines
}

// teamsLines writes one block for each line: a line's end inside of one is not shown everywhere.
func (w *writer) teamsLines(lines []string, style string) {
	for _, text := range lines {
		if text = teamsPlain(text); strings.TrimSpace(text) == "" {
			text = "\u00a0" // an empty block is not shown
		}
		w.raw("", `{"type":"RichTextBlock","spacing":"none","inlines":[{"type":"TextRun"`+style)
		w.text("text", text)
		w.close("}]}")
	}
}

// teamsFrame writes what concerns the card as a whole.
func (w *writer) teamsFrame(mentions []string) {
	w.raw("msteams", `{"width":"Full"`)
	if len(mentions) > 0 {
		w.open("entities", '[')
		for _, name := range mentions {
			w.raw("", `{"type":"mention"`)
			w.text("text", "<at>"+name+"</at>")
			w.open("mentioned", '{')
			w.text("id", name)
			w.text("name", name)
			w.close("}}")
		}
		w.close("]")
	}
	w.close("}")
}

func (w *writer) teamsMentions(mentions []string) {
	if len(mentions) == 0 {
		return
	}
	w.raw("", `{"type":"TextBlock","wrap":true`)
	w.text("text", "<at>"+strings.Join(mentions, "</at> <at>")+"</at>")
	w.close("}")
}

var teamsName = regexp.MustCompile(`^[A-Za-z0-9.+'-][A-Za-z0-9._+'-]{0,63}@[A-Za-z0-9.-]{1,63}$`)

func teamsMentions(mentions []string, room *budget) []string {
	var names []string
	for _, s := range mentions {
		if cost := 4*len(s) + teamsMention; teamsName.MatchString(s) && room.left > cost {
			names = append(names, s)
			room.left -= cost
		}
	}
	return names
}

// teamsPlain keeps Teams from making a date of a text: rich text knows no other markup.
func teamsPlain(s string) string {
	if !strings.Contains(s, "{{") {
		return s
	}
	return teamsFunctions.Replace(s)
}

var teamsFunctions = strings.NewReplacer("{{DATE(", "{{ DATE(", "{{TIME(", "{{ TIME(")

func teamsColor(m moment) string {
	switch m {
	case succeeded, stepSucceeded:
		return "good"
	case failed:
		return "attention"
	case cancelled, stepFailed:
		return "warning"
	case started, stepStarted:
		return "accent"
	}
	return ""
}

var teamsFailure = regexp.MustCompile(`(?s)Webhook message delivery failed with error.*HTTP error ([0-9]{3})`)

func judgeTeams(_ *Format, a *answer) delivery.Verdict {
	if a.is2xx() {
		found := teamsFailure.FindSubmatch(a.Body)
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
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if a.decode(&body) && a.Status >= 400 && a.Status < 500 && a.Status != 408 && a.Status != 410 && a.Status != 425 && a.Status != 429 {
		return dead(strings.TrimSpace(body.Error.Code + " " + body.Error.Message))
	}
	return delivery.Verdict{}
}
