// Package wild makes events as no AWF writes them, for tests of what must be right whatever an event holds.
package wild

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/transforms/format"
)

// nasty are texts that one receiver or another reads as more than text.
var nasty = []string{
	"", " ", "\n", "\t\t", "deploy", "deploy-production", "my_workflow_name", "a/b%2Fc", "0", "null",
	"<!channel>", "<!here|x>", "<@U012ABCDEF>", "<#C012ABCDEF>", "<!subteam^S012|x>", "<https://evil.example|click>",
	"@everyone", "@here", "<@123456789012345678>", "<@&123456789012345678>", "<t:1700000000:R>", "<:x:123456789012345678>",
	"<users/all>", "<at>Someone</at>", "@alice", "/start", "#tag", "$CASH", "{{DATE(2017-02-14T06:00:00Z, SHORT)}}", "${PATH}", "{{ body }}",
	"*bold* _italic_ ~struck~ `code` ***__~~||spoiler||~~__***", "```\ncode\n```", "``` ``` ``` ```", "````", "# heading\n> quote\n- list\n1. list",
	"[click](https://evil.example)", "https://example.com/a_b_c?d=*e*", "<b>bold</b><script>alert(1)</script>&amp;&lt;", "\\*not bold\\*", "\\", "\\\\\\`",
	"😀", "👩‍👩‍👧‍👦", "🇫🇷🇩🇪🇯🇵", "e\u0301\u0327\u0308", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘", "한국어 텍스트", "日本語のテキスト", "नमस्ते क्षत्रिय",
	"שלום עולם", "مرحبا بالعالم", "\u202egnp.exe", "a\u2066b\u2069c", "\u200f\u200e", "\x00\x01\x02\x1b[31mred\x1b[0m\x7f", "\x1b]8;;https://evil.example\a link \x1b]8;;\a",
	"line\r\nline\rline\u2028line\u2029line\u0085line", "\ufeff\ufffe\uffff", "\u0080\u009f", "tab\tand\vvertical\fform", "\xff\xfe broken", strings.Repeat("\"", 50),
}

// Event returns the n-th event; it is always the same.
func Event(n uint64) event.Event {
	r := rand.New(rand.NewPCG(n, 1))
	types := []string{event.WorkflowStart, event.WorkflowEnd, event.WorkflowError, event.WorkflowError, event.WorkflowCancel, event.StepStart,
		event.StepComplete, event.StepComplete, "message_user", "tool_call", Text(r)}
	e := event.Event{
		ID: fmt.Sprintf("wild-%d", n), Type: pick(r, types), WorkflowID: pick(r, []string{"6cf6d88c-6044-4429-b785-d32c4f207071", "", Text(r)}),
		WorkflowName: pick(r, []string{"deploy", "", Text(r), Text(r)}), Timestamp: time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC(),
	}
	if e.Type == "" {
		e.Type = "custom"
	}
	e.Payload = payload(r)
	return e
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// Text returns a text of nasty pieces: mostly short, some of a MiB.
func Text(r *rand.Rand) string {
	switch n := r.IntN(200); {
	case n < 100:
		return pick(r, nasty)
	case n < 199:
		var b strings.Builder
		for range r.IntN(60) {
			b.WriteString(pick(r, nasty))
			if r.IntN(3) == 0 {
				b.WriteByte(' ')
			}
		}
		return b.String()
	}
	return Long(r, 1<<r.IntN(21))
}

// Long returns a text of at least size bytes.
func Long(r *rand.Rand, size int) string {
	piece := pick(r, []string{"x", "word ", "line of a log\n", "é", "日", "😀", "👩‍👩‍👧‍👦", "🇫🇷", "\u0301", "`", "\"", "\\", "<", "&", "*", "@", "{", "\n", "\t", "שלום ", "\x01", Text(r)})
	if piece == "" {
		piece = "-"
	}
	return strings.Repeat(piece, size/len(piece)+1)
}

func payload(r *rand.Rand) []byte {
	switch r.IntN(40) {
	case 0:
		return nil
	case 1:
		return []byte("{}")
	case 2:
		return []byte(" {\n \"error\" : \"a\\ud800b\\u0000c\\\\\" , \"status\":\"failure\",\"x\":{\"y\":\"\\udc00\"}, \"n\":1e999 } ")
	case 3:
		return []byte(`{"deep":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `,"error":"deep"}`)
	}
	members := []string{}
	add := func(key string, value any) {
		k, _ := json.Marshal(key)
		v, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		members = append(members, string(k)+":"+string(v))
	}
	for _, key := range []string{"status", "error", "step", "path", "kind", "user", "child_id", "duration", "exit_code", "iteration", "result"} {
		if r.IntN(3) > 0 {
			add(key, known(r, key))
		}
	}
	n := r.IntN(5)
	if r.IntN(500) == 0 {
		n = 10_000
	}
	for i := range n {
		add(fmt.Sprintf("%d%s", i, pick(r, nasty)), anything(r, 3))
	}
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return []byte("{" + strings.Join(members, ",") + "}")
}

// known is a value as AWF gives it for the key, or another one.
func known(r *rand.Rand, key string) any {
	if r.IntN(8) == 0 {
		return anything(r, 2)
	}
	switch key {
	case "status":
		return pick(r, []string{"success", "failure", "cancelled", ""})
	case "error":
		if r.IntN(100) == 0 {
			return Long(r, 1<<20)
		}
	case "duration":
		return pickNumber(r)
	case "exit_code", "iteration":
		return r.IntN(256)
	case "result":
		return r.IntN(2) == 0
	}
	return Text(r)
}

func pickNumber(r *rand.Rand) float64 {
	return []float64{0, 1e-9, 0.003, 0.9999, 59.96, 123.4, 86400, 1e9, 1e300, -5}[r.IntN(10)]
}

func anything(r *rand.Rand, depth int) any {
	switch n := r.IntN(9); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return pickNumber(r)
	case n == 3 && depth > 0:
		return []any{anything(r, depth-1), anything(r, depth-1)}
	case n == 4 && depth > 0:
		return map[string]any{pick(r, nasty): anything(r, depth-1), "k": anything(r, depth-1)}
	}
	return Text(r)
}

// Options returns options for the format that make as much of a message as they can: the required ones, and half of the others.
func Options(receiver *format.Receiver, n uint64) []format.Option {
	r := rand.New(rand.NewPCG(n, 2))
	fixed := map[string]any{"routing_key": strings.Repeat("k", 32), "chat_id": "-1001234567890", "topic": "awf", "room": "!awf:example.org", "sha": strings.Repeat("0123456789", 4), "token": "glptt-1", "ref": "main", "index": "awf", "channel": "deployments", "thread_id": "123456789012345678", "thread_ts": "1700000000.000100", "max_size": 4096 + r.IntN(100_000)}
	people := map[string][]string{
		"slack": {"U012ABCDEF", "here", "S012ABCDEF"}, "discord": {"123456789012345678", "&123456789012345678", "everyone"}, "telegram": {"@alice", "@bob_b"},
		"teams": {"someone@example.com", "a_b@example.com"}, "googlechat": {"123456789012345678901", "all"},
		"mattermost": {"@alice", "@here"}, "rocketchat": {"@alice", "@all"}, "zulip": {"Alice B.", "all"}, "matrix": {"@alice:example.org", "room"}, "datadog": {"@slack-ops"},
	}
	var options []format.Option
	for _, key := range receiver.Keys {
		value, isFixed := fixed[key.Name]
		switch {
		case !key.Required && r.IntN(2) == 0:
			continue
		case key.Kind == format.KindNumber && (!isFixed || key.Name == "thread_id"):
			value = key.Min
		case isFixed:
		case len(key.Choices) > 0:
			value = pick(r, key.Choices)
		case key.Kind == format.KindBool:
			value = r.IntN(2) == 0
		case key.Kind == format.KindFields:
			var fields []format.Option
			for i := range r.IntN(key.Max + 1) {
				label := fmt.Sprint(i, pick(r, nasty))
				if key.Name == "variables" {
					label = fmt.Sprint("V_", i)
				}
				fields = append(fields, format.Option{Name: label, Value: plain(Text(r))})
			}
			value = fields
		case key.Name == "mentions":
			value = people[receiver.Name]
		case key.Kind == format.KindList:
			value = []string{plain(Text(r))}
		case key.Name == "link":
			value = pick(r, []string{"https://ci.example.com/runs/1", "javascript:{{ payload.error }}", "https://ci.example.com/" + strings.Repeat("x", 2000),
				"https://user:pw@[::1]:80/?a=b#c", "=payload.error", "https://ci.example.com/{{ workflow_name }}?{{ event }}={{ payload.error }}#{{ payload.step }}"})
		default:
			value = plain(Text(r))
		}
		options = append(options, format.Option{Name: key.Name, Value: value})
	}
	return options
}

// plain is a text that is not an expression.
func plain(s string) string {
	return strings.ReplaceAll(strings.TrimLeft(s, "= "), "{", "{ ")
}
