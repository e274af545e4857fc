package format_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// proof collects the faults of a body.
type proof struct {
	format string
	faults []string
}

func (p *proof) fail(message string, args ...any) {
	if len(p.faults) < 3 {
		p.faults = append(p.faults, fmt.Sprintf(message, args...))
	}
}

// units returns the length of a text as JavaScript counts it, which is never less than the number of characters.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

func (p *proof) within(what, s string, low, high int) {
	if n := units(s); n < low || n > high {
		p.fail("%s has %d units, want %d to %d: %.100q", what, n, low, high, s)
	}
}

type object = map[string]any

func (p *proof) check(c delivery.Content) {
	if c.ContentType == "application/x-www-form-urlencoded" {
		p.zulip(c)
		return
	}
	if !utf8.Valid(c.Body) || !json.Valid(c.Body) {
		p.fail("no valid JSON")
		return
	}
	whole := c.Body
	if strings.HasPrefix(c.ContentType, "application/cloudevents-batch+json") {
		whole = bytes.TrimSuffix(bytes.TrimPrefix(whole, []byte("[")), []byte("]"))
	}
	var body object
	if err := json.Unmarshal(whole, &body); err != nil {
		p.fail("%v", err)
		return
	}
	if !slices.Contains([]string{"cloudevents", "pagerduty", "incidentio", "awf", "splunk", "github-dispatch"},
		p.format) { // these pass the event's data on
		p.shown(body, "")
	}
	for _, header := range c.Header {
		for i := range len(header[1]) {
			if b := header[1][i]; b <= ' ' || b > '~' {
				p.fail("header %s has the byte %#x", header[0], b)
			}
		}
	}
	if check := proofs[p.format]; check != nil {
		check(p, c, body)
	}
}

// proofs checks the limits of each receiver, independently of the tables.
var proofs = map[string]func(p *proof, c delivery.Content, body object){
	"slack": (*proof).slack, "pagerduty": (*proof).pagerDuty, "discord": (*proof).discord, "teams": (*proof).teams,
	"googlechat": (*proof).googleChat,
	"telegram":   (*proof).telegram, "ntfy": (*proof).ntfy, "cloudevents": (*proof).cloudEvents,
	"mattermost": (*proof).attachment, "rocketchat": (*proof).attachment, "matrix": (*proof).matrix, "opsgenie": (*proof).opsgenie,
	"incidentio": (*proof).incidentIO, "oncall": (*proof).onCall, "datadog": (*proof).datadog, "splunk": (*proof).envelope,
	"awf":             (*proof).envelope,
	"github-dispatch": (*proof).githubDispatch, "github-status": (*proof).githubStatus, "gitlab": (*proof).gitlab,
}

// shown checks that no text of a body has an invisible character.
func (p *proof) shown(v any, path string) {
	switch v := v.(type) {
	case string:
		for _, r := range v {
			if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				p.fail("%s has the character %U", path, r)
			}
		}
	case []any:
		for i, e := range v {
			p.shown(e, fmt.Sprintf("%s[%d]", path, i))
		}
	case object:
		for k, e := range v {
			p.shown(e, path+"."+k)
		}
	}
}

func text(o object, key string) string { s, _ := o[key].(string); return s }

func list(o object, key string) []object {
	var all []object
	entries, _ := o[key].([]any)
	for _, e := range entries {
		all = append(all, e.(object))
	}
	return all
}

func (p *proof) slack(_ delivery.Content, body object) {
	p.within("text", text(body, "text"), 1, 4000)
	if p.mrkdwn(text(body, "text")); strings.ContainsAny(text(body, "text"), "<>") {
		p.fail("text has markup: %q", text(body, "text"))
	}
	blocks := list(body, "blocks")
	for _, attachment := range list(body, "attachments") {
		blocks = append(blocks, list(attachment, "blocks")...)
	}
	if len(blocks) > 50 {
		p.fail("%d blocks", len(blocks))
	}
	total := 0
	for _, block := range blocks {
		if header, ok := block["text"].(object); ok {
			p.within("header", text(header, "text"), 1, 150)
			total += units(text(header, "text"))
			continue
		}
		if text(block, "type") != "rich_text" || len(list(block, "elements")) == 0 {
			p.fail("block %v", block)
		}
		for _, part := range list(block, "elements") {
			for _, leaf := range list(part, "elements") {
				switch text(leaf, "type") {
				case "text":
					p.within("a text", text(leaf, "text"), 1, 3000)
				case "link":
					p.within("a link's text", text(leaf, "text"), 1, 3000)
					p.within("a link", text(leaf, "url"), 1, 3000)
				case "user", "usergroup", "broadcast":
				default:
					p.fail("element %v", leaf)
				}
				total += units(text(leaf, "text"))
			}
		}
	}
	if total > 12_000 {
		p.fail("all blocks have %d units", total)
	}
}

// mrkdwn checks that Slack and Google Chat show a text without emphasis, apart from URLs.
func (p *proof) mrkdwn(s string) {
	s = writtenURL.ReplaceAllString(s, "")
	for i := range len(s) {
		if strings.IndexByte("*~`", s[i]) >= 0 || s[i] == '_' && (i == 0 || i == len(s)-1 || !isASCIIWord(s[i-1]) || !isASCIIWord(s[i+1])) {
			p.fail("emphasis at %d of %q", i, s)
			return
		}
	}
}

func (p *proof) pagerDuty(c delivery.Content, body object) {
	if len(c.Body) > 512_000 {
		p.fail("%d bytes", len(c.Body))
	}
	p.within("routing_key", text(body, "routing_key"), 32, 32)
	p.within("dedup_key", text(body, "dedup_key"), 0, 255)
	action := text(body, "event_action")
	if action != "trigger" {
		if action != "resolve" && action != "acknowledge" || text(body, "dedup_key") == "" {
			p.fail("action %q with key %q", action, text(body, "dedup_key"))
		}
		return
	}
	payload, _ := body["payload"].(object)
	p.within("summary", text(payload, "summary"), 1, 1024)
	p.within("source", text(payload, "source"), 1, 1024)
	if !slices.Contains([]string{"critical", "error", "warning", "info"}, text(payload, "severity")) {
		p.fail("severity %q", text(payload, "severity"))
	}
	if _, isObject := payload["custom_details"].(object); !isObject {
		p.fail("custom_details %v", payload["custom_details"])
	}
}

func (p *proof) discord(c delivery.Content, body object) {
	p.within("content", text(body, "content"), 1, 2000)
	p.within("username", text(body, "username"), 0, 80)
	if !strings.HasPrefix(c.URLSuffix, "?wait=true") {
		p.fail("suffix %q", c.URLSuffix)
	}
	total := 0
	embeds := list(body, "embeds")
	for _, embed := range embeds {
		p.within("title", text(embed, "title"), 0, 256)
		p.within("description", text(embed, "description"), 0, 4096)
		p.within("url", text(embed, "url"), 0, 2048)
		total += units(text(embed, "title")) + units(text(embed, "description"))
		fields := list(embed, "fields")
		if len(fields) > 25 {
			p.fail("%d fields", len(fields))
		}
		for _, field := range fields {
			p.within("field's name", text(field, "name"), 1, 256)
			p.within("field's value", text(field, "value"), 1, 1024)
			total += units(text(field, "name")) + units(text(field, "value"))
			for _, s := range []string{text(field, "name"), text(field, "value")} {
				p.inert(s)
			}
		}
		before, code, _ := strings.Cut(text(embed, "description"), "```\n")
		p.inert(strings.TrimSpace(before))
		if code, ended := strings.CutSuffix(code, "\n```"); ended && strings.Contains(code, "```") {
			p.fail("the code ends early: %q", code)
		}
	}
	if total > 6000 {
		p.fail("the embeds have %d units", total)
	}
	allowed, _ := body["allowed_mentions"].(object)
	if parse, isList := allowed["parse"].([]any); !isList || len(parse) > 1 {
		p.fail("allowed_mentions %v", allowed)
	}
}

// writtenURL matches the beginning of what Discord takes for a URL, which it reads before any markup.
var writtenURL = regexp.MustCompile(`https?://[!#-)+-;=?A-Z\[\]_a-z]{2,}`)

// inert checks that Discord shows a text unchanged, apart from URLs.
func (p *proof) inert(s string) {
	if strings.Contains(s, "@everyone") || strings.Contains(s, "@here") {
		p.fail("calls people: %q", s)
	}
	s = writtenURL.ReplaceAllString(s, "")
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '*', '_', '~', '`', '|', '<', '[':
			p.fail("markup at %d of %q", i, s)
			return
		}
	}
}

func (p *proof) teams(c delivery.Content, body object) {
	if len(c.Body) > 20_000 {
		p.fail("%d bytes", len(c.Body))
	}
	p.within("summary", text(body, "summary"), 1, 1000)
	if strings.Contains(string(c.Body), "{{DATE(") || strings.Contains(string(c.Body), "{{TIME(") {
		p.fail("a date is made of a text")
	}
	for _, attachment := range list(body, "attachments") {
		card := attachment["content"].(object)
		var walk func(elements []object)
		walk = func(elements []object) {
			for _, e := range elements {
				switch text(e, "type") {
				case "TextBlock": // reads Markdown
					if !strings.HasPrefix(text(e, "text"), "<at>") {
						p.fail("a TextBlock of %q", text(e, "text"))
					}
				case "RichTextBlock":
					for _, run := range list(e, "inlines") {
						p.within("a run", text(run, "text"), 1, 20_000)
						if strings.Contains(text(run, "text"), "\n") {
							p.fail("a run of two lines")
						}
					}
				case "Container":
					walk(list(e, "items"))
				default:
					p.fail("element %v", e)
				}
			}
		}
		walk(list(card, "body"))
	}
}

func (p *proof) googleChat(c delivery.Content, body object) {
	if len(c.Body) > 32_000 {
		p.fail("%d bytes", len(c.Body))
	}
	p.within("text", text(body, "text"), 1, 4096)
	widgets := 0
	for _, card := range list(body, "cardsV2") {
		for _, section := range list(card["card"].(object), "sections") {
			for _, w := range list(section, "widgets") {
				widgets++
				for _, of := range w {
					for _, s := range []string{text(of.(object), "text"), text(of.(object), "topLabel")} {
						if strings.ContainsAny(s, "<>") {
							p.fail("a card's text has markup: %q", s)
						}
					}
				}
			}
		}
	}
	if widgets > 100 {
		p.fail("%d widgets", widgets)
	}
	above, code, _ := strings.Cut(text(body, "text"), "\n```\n")
	p.mrkdwn(above)
	for _, part := range strings.Split(above, "<users/")[1:] {
		if id, _, ended := strings.Cut(part, ">"); !ended || id != "all" && strings.Trim(id, "0123456789") != "" {
			p.fail("calls %q", part)
		}
	}
	if code, ended := strings.CutSuffix(code, "\n```"); ended && strings.Contains(code, "```") {
		p.fail("the code ends early: %q", code)
	}
	if !strings.HasPrefix(c.URLSuffix, "?requestId=awf-") {
		p.fail("suffix %q", c.URLSuffix)
	}
}

func (p *proof) telegram(c delivery.Content, body object) {
	s := text(body, "text")
	p.within("text", s, 1, 4096)
	if strings.TrimSpace(s) != s {
		p.fail("Telegram trims %q", s)
	}
	encoded := utf16.Encode([]rune(s))
	entities := list(body, "entities")
	if len(entities) > 100 || c.URLSuffix != "/sendMessage" || body["parse_mode"] != nil {
		p.fail("%d entities, suffix %q", len(entities), c.URLSuffix)
	}
	end := 0
	for _, e := range entities {
		from, length := int(e["offset"].(float64)), int(e["length"].(float64))
		switch {
		case length < 1 || from < end || from+length > len(encoded):
			p.fail("entity %v after %d in %d units", e, end, len(encoded))
			return
		case utf16.IsSurrogate(rune(encoded[from])) && encoded[from] >= 0xdc00:
			p.fail("entity %v begins inside a character", e)
		case strings.TrimSpace(string(utf16.Decode(encoded[from:from+length]))) == "":
			p.fail("entity %v is blank", e)
		}
		end = from + length
	}
}

func (p *proof) ntfy(c delivery.Content, body object) {
	if n := len(text(body, "message")); n < 1 || n > 4096 || len(c.Body) > 32_768 {
		p.fail("the message has %d bytes, the body %d", n, len(c.Body))
	}
	if n := len(text(body, "title")); n < 1 || n > 250 {
		p.fail("the title has %d bytes", n)
	}
	if priority, _ := body["priority"].(float64); priority < 1 || priority > 5 {
		p.fail("priority %v", body["priority"])
	}
}

func (p *proof) cloudEvents(c delivery.Content, body object) {
	size := len(c.Body)
	attributes := map[string]string{}
	for _, h := range c.Header {
		attributes[strings.TrimPrefix(h[0], "ce-")] = h[1]
		size += len(h[0]) + len(h[1])
	}
	if len(c.Header) == 0 {
		for k, v := range body {
			if s, isText := v.(string); isText {
				attributes[k] = s
			}
		}
	}
	if size > 110_000 { // the test's options allow this much; the standard's limit is checked below
		p.fail("%d bytes", size)
	}
	for _, name := range []string{"specversion", "id", "source", "type"} {
		if attributes[name] == "" {
			p.fail("no %s", name)
		}
	}
}
