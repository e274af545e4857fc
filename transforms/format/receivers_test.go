package format_test

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
)

const invisible = "\u200b"

// unmarked checks that no chat that reads Markdown takes a text for more than text, apart from our own bold marks.
func (p *proof) unmarked(what, s string) {
	if p.format == "rocketchat" {
		s = strings.TrimSuffix(strings.TrimPrefix(s, "*"), "*")
	}
	s = strings.ReplaceAll(s, "**", "")
	for i := range len(s) {
		after := s[i+1:]
		marked := strings.IndexByte("*~`$", s[i]) >= 0 || s[i] == ']' && strings.HasPrefix(after, "(") ||
			strings.IndexByte("@<", s[i]) >= 0 && after != "" && !strings.HasPrefix(after, invisible) ||
			s[i] == '_' && !(i > 0 && after != "" && isASCIIWord(s[i-1]) && isASCIIWord(after[0]))
		if marked {
			p.fail("%s has markup at %d: %.60q", what, i, s[max(0, i-10):])
			return
		}
	}
}

func isASCIIWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// code returns a text without the code block at its end, and checks that the block is whole.
func (p *proof) code(s string) (before string) {
	before, code, has := strings.Cut(s, "```\n")
	if body, ended := strings.CutSuffix(strings.TrimSpace(code), "\n```"); has && (!ended || strings.Contains(body, "```")) {
		p.fail("the code ends early: %.100q", code)
	}
	return before
}

func (p *proof) attachment(_ delivery.Content, body object) {
	most := map[string]int{"mattermost": 16_383, "rocketchat": 5000}[p.format]
	total := units(text(body, "text"))
	p.within("text", text(body, "text"), 1, most)
	head := text(body, "text")
	for _, mention := range []string{" @alice", " @here", " @all"} {
		head = strings.Replace(head, mention, "", 1)
	}
	p.unmarked("text", head)
	for _, a := range list(body, "attachments") {
		total += units(text(a, "text"))
		p.unmarked("attachment", p.code(text(a, "text")))
		p.unmarked("title", text(a, "title"))
		for _, f := range list(a, "fields") {
			total += units(text(f, "title")) + units(text(f, "value"))
			p.within("field's title", text(f, "title"), 1, 200)
			p.within("field's value", text(f, "value"), 1, 300)
			p.unmarked("field", text(f, "title"))
			p.unmarked("field", text(f, "value"))
		}
	}
	if total > most {
		p.fail("all texts have %d units", total)
	}
}

func (p *proof) zulip(c delivery.Content) {
	form, err := url.ParseQuery(string(c.Body))
	if err != nil {
		p.fail("%v", err)
		return
	}
	content := form.Get("content")
	p.within("content", content, 1, 10_000)
	p.within("topic", form.Get("topic"), 1, 60)
	p.within("to", form.Get("to"), 1, 60)
	p.shown(content, "content")
	for _, mention := range []string{" @**Alice B.**", " @**all**"} {
		content = strings.Replace(content, mention, "", 1)
	}
	if at := strings.Index(content, "@**"); at >= 0 {
		p.fail("calls people: %q", content[at:min(len(content), at+40)])
	}
	if before, rest, has := strings.Cut(content, "```\n"); has {
		code, _, ended := strings.Cut(rest, "\n```")
		if !ended || strings.Contains(code, "```") {
			p.fail("the code ends early: %.100q", rest)
		}
		p.unmarked("content", before)
	}
}

func (p *proof) matrix(c delivery.Content, body object) {
	if len(c.Body) > 60_000 {
		p.fail("%d bytes", len(c.Body))
	}
	p.within("body", text(body, "body"), 1, 60_000)
	html := text(body, "formatted_body")
	for _, tag := range []string{"<b>", "</b>", "<p>", "</p>", "<br>", "<pre>", "</pre>", "<code>", "</code>", "</a>"} {
		html = strings.ReplaceAll(html, tag, "")
	}
	for {
		before, rest, has := strings.Cut(html, `<a href="`)
		if !has {
			break
		}
		href, after, _ := strings.Cut(rest, `">`)
		if !strings.HasPrefix(href, "http://") && !strings.HasPrefix(href, "https://") {
			p.fail("links to %q", href)
		}
		html = before + after
	}
	if strings.ContainsAny(html, "<>") {
		p.fail("markup in %.200q", html)
	}
	mentions, _ := body["m.mentions"].(object)
	users, _ := mentions["user_ids"].([]any)
	if body["m.mentions"] == nil || len(users) > 1 {
		p.fail("m.mentions %v", mentions)
	}
	if !strings.HasPrefix(c.URLSuffix, "/_matrix/client/v3/rooms/%21awf:example.org/send/m.room.message/awf-") {
		p.fail("suffix %q", c.URLSuffix)
	}
}

func (p *proof) opsgenie(c delivery.Content, body object) {
	if c.URLSuffix != "" { // the request acknowledges or closes an alert
		p.within("note", text(body, "note"), 1, 25_000)
		u, err := url.Parse("https://x" + c.URLSuffix)
		if err != nil || u.Query().Get("identifierType") != "alias" || strings.Count(path.Clean(u.EscapedPath()), "/") != 2 {
			p.fail("suffix %q", c.URLSuffix)
		}
		return
	}
	p.within("message", text(body, "message"), 1, 130)
	p.within("alias", text(body, "alias"), 1, 512)
	p.within("description", text(body, "description"), 0, 15_000)
	p.within("entity", text(body, "entity"), 0, 512)
	p.within("source", text(body, "source"), 1, 100)
	if !slices.Contains([]string{"P1", "P2", "P3", "P4", "P5"}, text(body, "priority")) {
		p.fail("priority %v", body["priority"])
	}
	tags, _ := body["tags"].([]any)
	for _, tag := range tags {
		p.within("tag", tag.(string), 1, 50)
	}
	total := 0
	details, _ := body["details"].(object)
	for k, v := range details {
		total += units(k) + units(v.(string))
	}
	if total > 8000 || len(tags) > 20 {
		p.fail("details of %d units, %d tags", total, len(tags))
	}
}

func (p *proof) incidentIO(c delivery.Content, body object) {
	if len(c.Body) > 512<<10 {
		p.fail("%d bytes", len(c.Body))
	}
	p.within("title", text(body, "title"), 1, 500)
	p.within("deduplication_key", text(body, "deduplication_key"), 1, 255)
	if status := text(body, "status"); status != "firing" && status != "resolved" {
		p.fail("status %q", status)
	}
	p.unmarked("description", p.code(text(body, "description")))
}

func (p *proof) onCall(_ delivery.Content, body object) {
	p.within("title", text(body, "title"), 1, 250)
	p.within("alert_uid", text(body, "alert_uid"), 1, 255)
	p.within("message", text(body, "message"), 0, 8000)
	p.unmarked("message", text(body, "message"))
	if state := text(body, "state"); state != "alerting" && state != "ok" {
		p.fail("state %q", state)
	}
}

func (p *proof) datadog(_ delivery.Content, body object) {
	p.within("title", text(body, "title"), 1, 100)
	p.within("text", text(body, "text"), 1, 4000)
	p.within("aggregation_key", text(body, "aggregation_key"), 1, 100)
	if !slices.Contains([]string{"error", "warning", "info", "success"}, text(body, "alert_type")) {
		p.fail("alert_type %v", body["alert_type"])
	}
	calls := text(body, "title") + "\n" + strings.ReplaceAll(text(body, "text"), "@slack-ops", "")
	if strings.Count(calls, "@") != strings.Count(calls, "@"+invisible) || strings.Contains(calls, "%%%") {
		p.fail("calls people: %.200q", calls)
	}
}

// envelope checks a body for Splunk or another awf-hook.
func (p *proof) envelope(c delivery.Content, body object) {
	if len(c.Body) > 1<<20 {
		p.fail("%d bytes", len(c.Body))
	}
	if p.format == "splunk" {
		if body["event"] == nil {
			p.fail("no event")
		}
		return
	}
	for _, name := range []string{"event", "workflow_id", "workflow_name", "timestamp", "payload"} {
		if body[name] == nil {
			p.fail("no %s", name)
		}
	}
}

func (p *proof) githubDispatch(c delivery.Content, body object) {
	p.within("event_type", text(body, "event_type"), 1, 100)
	payload, _ := body["client_payload"].(object)
	if len(c.Body) > 64<<10 || len(payload) == 0 || len(payload) > 10 {
		p.fail("%d bytes, %d members", len(c.Body), len(payload))
	}
}

func (p *proof) githubStatus(c delivery.Content, body object) {
	p.within("description", text(body, "description"), 1, 140)
	p.within("context", text(body, "context"), 1, 255)
	if !slices.Contains([]string{"error", "failure", "pending", "success"}, text(body, "state")) || len(c.URLSuffix) != 41 {
		p.fail("state %v, suffix %q", body["state"], c.URLSuffix)
	}
}

func (p *proof) gitlab(_ delivery.Content, body object) {
	p.within("ref", text(body, "ref"), 1, 250)
	variables, _ := body["variables"].(object)
	for k, v := range variables {
		value, isText := v.(string)
		if !isText || strings.Count(strings.ReplaceAll(value, "$$", ""), "$") > 0 {
			p.fail("%s is %v: GitLab replaces it", k, v)
		}
		p.within("variable", value, 0, 10_000)
	}
	if encoded, _ := json.Marshal(variables); len(encoded) == 0 {
		p.fail("no variables")
	}
}
