package format_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/transforms/format"
)

// odd has texts of events that have broken notifications of other programs.
var odd = map[string]string{
	"nothing": "", "a blank": " ", "line ends": "a\r\nb\rc\nd", "Unicode line ends": "a\u2028b\u2029c\u0085d", "tabs": "a\tb\v\fc",
	"ANSI colours": "\x1b[31;1mred\x1b[0m", "ANSI cursor": "\x1b[2J\x1b[1;1Hgone",
	"ANSI link":  "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
	"ANSI title": "\x1b]0;title\a", "ANSI cut": "cut \x1b[", "C0": "a\x00b\x01c\x07d\x08e\x7f", "C1": "a\u0080b\u009bc",
	"invalid UTF-8":   "a\xff\xfe\xc3b",
	"half surrogates": "HALF", "noncharacters": "a\ufffeb\uffffc\ufdd0", "byte order mark": "\ufeffa", "override": "a\u202egnp.exe",
	"isolates":           "a\u2066b\u2069c",
	"marks of direction": "a\u200fb\u200e", "Hebrew": "שלום עולם", "Arabic": "مرحبا",
	"ZWJ family": strings.Repeat("👩‍👩‍👧‍👦", 40), "flags": strings.Repeat("🇫🇷", 60),
	"skin": "👍🏽", "combining": "e" + strings.Repeat("\u0301", 400), "Devanagari": strings.Repeat("क्षत्रिय ", 30),
	"zero width": "a\u200b\u200c\u200db",
	"100 kB":     strings.Repeat("x", 100_000), "100 kB of lines": strings.Repeat("line\n", 20_000), "100 kB of quotes": strings.Repeat(`"`,
		100_000), "100 kB of emojis": strings.Repeat("😀", 25_000),
	"everyone": "@everyone @here @channel @all", "Slack mention": "<!channel> <@U012ABCDEF> <!subteam^S012>",
	"Discord mention": "<@123456789012345678> <@&123456789012345678>",
	"Chat mention":    "<users/all>", "Teams mention": "<at>Someone</at>", "Zulip mention": "@**all** @_**Bob** #**general**",
	"Telegram names": "@alice /start #tag $CASH",
	"Markdown":       "*a* _b_ ~c~ **d** __e__ ~~f~~ ||g|| `h`", "Markdown blocks": "# a\n> b\n- c\n1. d\n---\n| e |",
	"fence": "```\ncode\n``` ````", "links": "[a](https://evil.example) ![b](https://evil.example/x.png)",
	"Slack link": "<https://evil.example|bank.example>", "HTML": `<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;`,
	"dates":     "{{DATE(2017-02-14T06:00:00Z, SHORT)}} <t:1700000000:R>",
	"templates": "${HOME} {{ payload }} %%% $CI_JOB_TOKEN", "backslashes": `\\ \* \" \u0041`,
}

// Whatever an event contains, the message of each format is valid, is within the limits and injects nothing. It still shows what happened,
// to which workflow, and the beginning of the error.
func TestOddContents(t *testing.T) {
	if len(odd) != 47 {
		t.Fatalf("%d odd contents, want 47", len(odd))
	}
	signs := map[string]string{
		"pagerduty": "failed", "cloudevents": "workflow_error", "incidentio": "failed", "oncall": "failed", "opsgenie": "failed",
		"splunk": "workflow_error", "github-dispatch": "workflow_error",
		"github-status": "failure", "gitlab": "failed", "awf": "workflow_error", "ntfy": "red_circle",
	}
	for _, name := range format.Names() {
		f := open(t, name, with(name)...)
		for what, content := range odd {
			c := contentOf(t, f, content)
			p := &proof{format: name}
			p.check(c)
			for _, fault := range p.faults {
				t.Errorf("%s, %s: %s", name, what, fault)
			}
			shown := shownTexts(t, c)
			sign := signs[name]
			if sign == "" {
				sign = "🔴"
			}
			for _, must := range []string{sign, "deploy", "boom"} {
				if !strings.Contains(shown, must) {
					t.Errorf("%s, %s: the message lacks %q: %.300s", name, what, must, shown)
				}
			}
		}
	}
}

// contentOf returns the message of a failed workflow that has the text in its name and its error, each after an ordinary word.
func contentOf(t *testing.T, f *format.Format, odd string) delivery.Content {
	t.Helper()
	quoted, err := json.Marshal(odd)
	if err != nil {
		t.Fatal(err)
	}
	text := string(quoted[1 : len(quoted)-1])
	if odd == "HALF" {
		text = `\ud800 and \udc00`
	}
	e := happened(event.WorkflowError, "deploy "+odd, "run-1 "+odd,
		`{"status":"failure","error":"boom `+text+`","user":"`+text+`","note":"`+text+`"}`)
	return content(t, f, e)
}

// shownTexts returns all texts of a body, one after another.
func shownTexts(t *testing.T, c delivery.Content) string {
	t.Helper()
	if c.ContentType == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(c.Body))
		if err != nil {
			t.Fatal(err)
		}
		return form.Get("content")
	}
	var body any
	if err := json.Unmarshal(c.Body, &body); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(v + "\n")
		case []any:
			for _, e := range v {
				walk(e)
			}
		case object:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(body)
	return b.String()
}
