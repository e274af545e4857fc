package format

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

var matrixRoom = matches(`^![^\s/?#]+$`)

var matrixUser = matches(`^@[^\s:<>"&]{1,100}:[A-Za-z0-9.:\[\]-]{1,200}$`)

var matrix = Receiver{
	Name:    "matrix",
	Summary: "a message in a Matrix room",
	URL:     "https://matrix.example.org, the home server; the token goes into `headers: {Authorization: Bearer ${MATRIX_TOKEN}}`",
	Keys: slices.Concat([]Key{
		{Name: "room", Kind: KindText, Required: true, Is: "the room's id: `!…:example.org`",
			want: "a room's id, !… and its server", match: func(s string) bool { return len(s) <= 255 && matrixRoom(s) }},
	}, chatKeys(), mentionKeys("people's ids, `@someone:example.org`, or `room`", "@someone:server or room", isMatrixMention), []Key{
		{Name: "notice", Kind: KindBool, Default: "true", Is: "false sends a text, which other bots may answer, instead of a notice"},
	}),
	Limits: []Limit{
		{"headline", 500, Bytes, "ours"},
		{"text", 4000, Bytes, "ours"},
		{"error", 8000, Bytes, "ours"},
		{"field's value", 600, Bytes, "ours"},
		{"all texts", 20_000, Bytes, "ours, so that the event with both its forms fits"},
		{"the event", 65_536, Bytes, "Client-Server API"},
	},
	Policy: Policy{
		Method:  http.MethodPut,
		Rate:    Rate{N: 1, Per: time.Second, Burst: 5},
		Success: "200; the transaction's id in the URL identifies a repeated message",
		Retry:   "429 with Retry-After, or `retry_after_ms` in JSON",
		address: address{path: lacks(`/_matrix`), objection: "want the home server alone: the path is added to it"},
		answers: answers{reason: []string{"errcode", "error"}, after: "retry_after_ms"},
	},
	sample: sample{url: "https://matrix.example.org", header: `Authorization: "Bearer ${MATRIX_TOKEN}"`,
		with: []Option{{Name: "room", Value: "!awf:example.org"}, {Name: "link", Value: sampleLink}}},
	write: writeMatrix,
}

func isMatrixMention(s string) bool { return s == "room" || matrixUser(s) }

func writeMatrix(m *message) {
	escaped := func(s string) int { return jsonSize(html.EscapeString(s)) }
	room := m.budget("all texts", escaped, len("\n: <br><b></b>"))
	called := ""
	var users raw
	for _, s := range m.mentions {
		if s == "room" {
			called += " @room"
			continue
		}
		called += " " + s
		users.add(s)
	}
	room.left -= 3 * escaped(called) / 2 // the event has other texts twice, and these three times
	heading := room.take(m.heading(), m.limit("headline"))
	failure := room.take(m.err, m.limit("error"))
	text := room.take(m.text, m.limit("text"))
	linkText := room.take(m.linkText, maxLabel)
	fields := room.takeFields(m.fields, m.limit("field's value"))
	var htmlLines []string
	for _, f := range fields {
		htmlLines = append(htmlLines, "<b>"+html.EscapeString(f.label)+"</b>: "+html.EscapeString(f.value))
	}
	body := "<b>" + html.EscapeString(heading) + "</b>" + html.EscapeString(called)
	for _, part := range []struct{ before, text, after string }{
		{"<p>", strings.ReplaceAll(html.EscapeString(text), "\n", "<br>"), "</p>"},
		{"<p>", strings.Join(htmlLines, "<br>"), "</p>"},
		{"<pre><code>", html.EscapeString(failure), "</code></pre>"},
	} {
		if part.text != "" {
			body += part.before + part.text + part.after
		}
	}
	if m.link != "" {
		body += fmt.Sprintf(`<p><a href="%s">%s</a></p>`, html.EscapeString(m.link), html.EscapeString(linkText))
	}
	msgtype := "m.notice"
	if !m.isSet("notice") {
		msgtype = "m.text"
	}
	m.put(object{
		{"msgtype", msgtype},
		{"body", paragraphs(heading+called, text, failure, labelLines(fields), m.link)},
		{"format", "org.matrix.custom.html"},
		{"formatted_body", body},
		{"m.mentions", object{{"room", yes(slices.Contains(m.mentions, "room"))}, {"user_ids", users}}},
	})
	m.made.URLSuffix = "/_matrix/client/v3/rooms/" + url.PathEscape(m.matching("room")) + "/send/m.room.message/" + requestID(m)
}
