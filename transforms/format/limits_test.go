package format_test

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/awf-project/awf-hook/transforms/format/testdata/wild"
)

// wildEvents returns how many generated events a test uses. "make formats" sets AWF_HOOK_WILD to 10,000.
func wildEvents(t testing.TB) uint64 {
	n, err := strconv.ParseUint(os.Getenv("AWF_HOOK_WILD"), 10, 64)
	if err != nil {
		return 300
	}
	return n
}

// Whatever an event and the options contain, every body is within the limits of its receiver, and has no markup or mention from them. The
// test has its own list of the limits.
func TestWildEventsStayWithinTheLimits(t *testing.T) {
	for _, name := range format.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, _ := format.Lookup(name)
			standard := open(t, name, with(name)...)
			for n := range wildEvents(t) {
				f := standard
				if n%2 == 1 {
					f = open(t, name, wild.Options(kind, n)...)
				}
				e := wild.Event(n)
				c := content(t, f, e)
				if c.Body == nil {
					continue
				}
				p := &proof{format: name}
				p.check(c)
				for _, fault := range p.faults {
					t.Errorf("event %d: %s\n%.2000s", n, fault, c.Body)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// Labels, values and texts that are nothing but markup stay within the limits too: what makes them inert has its cost. Each is cut before
// it is searched for URLs, which would take minutes.
func TestMarkupStaysWithinTheLimits(t *testing.T) {
	for _, name := range format.Names() {
		kind, _ := format.Lookup(name)
		for _, mark := range []string{"@", "$", "<", "`", "&", "\n", "{{DATE(", strings.Repeat("http.", 5) + "#"} {
			var fields []format.Option
			for i := range 25 {
				fields = append(fields, option(strings.Repeat(mark, 80)+strconv.Itoa(i), "{{ payload.error }}"))
			}
			options := with(name)
			for _, key := range kind.Keys {
				switch key.Name {
				case "fields":
					options = append(options, format.Option{Name: key.Name, Value: fields})
				case "text", "link_text":
					options = append(options, option(key.Name, "x{{ payload.error }}"))
				case "link":
					options = append(options, option(key.Name, "https://ci.example.com/"+strings.Repeat("x", 2000)))
				}
			}
			for _, length := range []int{100, 8000} {
				text, err := json.Marshal(strings.Repeat(mark, length))
				if err != nil {
					t.Fatal(err)
				}
				e := happened(event.WorkflowError, "deploy", "run-1", `{"status":"failure","error":`+string(text)+`}`)
				p := &proof{format: name}
				p.check(content(t, open(t, name, options...), e))
				for _, fault := range p.faults {
					t.Errorf("%s, %d of %q: %s", name, length, mark, fault)
				}
			}
		}
	}
}

// A text up to its limit is kept whole. A longer one is cut to the limit, and only as much shorter as the mark of the cut needs.
func TestTextsReachTheirLimits(t *testing.T) {
	const mark = 40 // units that the mark of a cut and the last grapheme may leave unused
	for _, tt := range []struct {
		format, option, limit, path string
	}{
		{"zulip", "topic", "channel, topic", "topic"},
		{"zulip", "title", "headline", "content"},
		{"rocketchat", "title", "headline", "text"},
		{"rocketchat", "username", "name", "alias"},
		{"mattermost", "title", "headline", "text"},
		{"splunk", "source", "source, sourcetype, index, host", "source"},
		{"splunk", "host", "source, sourcetype, index, host", "host"},
		{"github-dispatch", "event_type", "event_type", "event_type"},
		{"github-status", "title", "description", "description"},
		{"github-status", "context", "context", "context"},
		{"opsgenie", "title", "message", "message"},
		{"datadog", "title", "title", "title"},
		{"pagerduty", "title", "summary", "payload.summary"},
		{"slack", "title", "headline", "blocks.text.text"},
	} {
		kind, _ := format.Lookup(tt.format)
		limit := kind.Limits[slices.IndexFunc(kind.Limits, func(l format.Limit) bool { return l.What == tt.limit })].Max
		for _, length := range []int{limit - mark, limit, limit + 1, 10 * limit} {
			text := strings.Repeat("x", length)
			options := slices.DeleteFunc(with(tt.format), func(o format.Option) bool { return o.Name == tt.option || o.Name == "mentions" })
			got := at(t, content(t, open(t, tt.format, append(options, option(tt.option, text))...), ordinary()), tt.path)
			got = strings.Trim(strings.TrimPrefix(strings.Trim(got, "*\n"), "🔴 "), "*\n")
			got, _, _ = strings.Cut(got, "**\n") // drops what follows the headline
			switch n := units(got); {
			case length <= limit-mark && got != text:
				t.Errorf("%s: a %s of %d units is %.80q, want it whole", tt.format, tt.option, length, got)
			case n > limit || length > limit && n < limit-mark:
				t.Errorf("%s: a %s of %d units is cut to %d, want at most %d and not much less", tt.format, tt.option, length, n, limit)
			}
		}
	}
}

// Mentions, a link and an error can take all the room. Then there is none for fields, and none for a note that fields were cut.
func TestNoRoomForFields(t *testing.T) {
	e := ordinary()
	e.Payload = []byte(`{"status":"failure","error":"` + strings.Repeat("e", 5000) + `"}`)
	var mentions []string
	for i := range 20 {
		mentions = append(mentions, "@slack-"+strings.Repeat(strconv.Itoa(i%10), 70))
	}
	for length := 1900; length < 2040; length++ {
		f := open(t, "datadog", format.Option{Name: "mentions", Value: mentions}, option("link", "https://ci.example.com/"+strings.Repeat("x",
			length-23)))
		if n := units(at(t, content(t, f, e), "text")); n > 4000 {
			t.Fatalf("with a link of %d characters the text has %d units, want at most 4000", length, n)
		}
	}
}

// A message with a payload uses most of the room that its receiver allows, and no more.
func TestPayloadsReachTheirLimits(t *testing.T) {
	e := ordinary()
	members := map[string]string{"status": "failure"}
	for i := range 40 {
		members["log"+strconv.Itoa(i)] = strings.Repeat("y", 50_000)
	}
	e.Payload, _ = json.Marshal(members)
	for name, limit := range map[string]int{"splunk": 800_000, "github-dispatch": 60_000, "cloudevents": 64 << 10, "awf": 1 << 20} {
		n := len(content(t, open(t, name, with(name)...), e).Body)
		if n > limit+1000 || n < limit/5 {
			t.Errorf("%s: a payload of 2 MB makes %d bytes, want at most %d and not much less", name, n, limit)
		}
	}
	variables := func(text string) string {
		f := open(t, "gitlab", append(required["gitlab"], format.Option{Name: "variables", Value: []format.Option{option("LOG", text)}})...)
		return at(t, content(t, f, event.Event{Type: "workflow_end"}), "variables.LOG")
	}
	if got := variables(strings.Repeat("z", 2000)); len(got) != 2000 {
		t.Errorf("gitlab: a variable of 2000 bytes is cut to %d, want it whole", len(got))
	}
	if got := variables(strings.Repeat("$", 5000)); len(got) > 4000 || len(got) < 3900 {
		t.Errorf("gitlab: a variable of 5000 dollar signs makes %d bytes, want 3900 to 4000, as each sign is doubled", len(got))
	}
	for _, name := range []string{strings.Repeat("c", 60), strings.Repeat("c", 61)} {
		kind, _ := format.Lookup("zulip")
		if _, mistakes := kind.New([]format.Option{option("channel", name)}); (len(mistakes) > 0) != (len(name) > 60) {
			t.Errorf("zulip: a channel of %d characters: %v, want a mistake only if it has more than 60", len(name), mistakes)
		}
	}
}

// at returns the text at a path of members in a body. It follows the first element of a list.
func at(t *testing.T, c delivery.Content, path string) string {
	t.Helper()
	if c.ContentType == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(c.Body))
		if err != nil {
			t.Fatal(err)
		}
		return form.Get(path)
	}
	var v any
	if err := json.Unmarshal(c.Body, &v); err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(path, ".") {
		if list, isList := v.([]any); isList {
			v = list[0]
		}
		v = v.(map[string]any)[key]
	}
	s, _ := v.(string)
	return s
}

// The longest mentions, as many as an option takes, leave the message within its receiver's limits, whatever else it holds.
func TestLongestMentionsStayWithinTheLimits(t *testing.T) {
	e := ordinary()
	e.Payload = []byte(`{"status":"failure","error":"` + strings.Repeat("e_", 10_000) + `"}`)
	var fields []format.Option
	for i := range 25 {
		fields = append(fields, option(strconv.Itoa(i), strings.Repeat("v_", 1000)))
	}
	for name, longest := range map[string]string{
		"slack": "U" + strings.Repeat("A", 30), "discord": "&" + strings.Repeat("1", 25), "googlechat": strings.Repeat("1", 30),
		"teams": strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63), "telegram": "@" + strings.Repeat("a", 32),
		"mattermost": "@" + strings.Repeat("a", 64), "rocketchat": "@" + strings.Repeat("a", 64),
		"zulip":  strings.Repeat("😀", 100) + "|" + strings.Repeat("1", 20),
		"matrix": "@" + strings.Repeat("a", 100) + ":" + strings.Repeat("b", 200), "datadog": "@" + strings.Repeat("a", 79),
	} {
		mentions := slices.Repeat([]string{longest}, 20)
		options := append(slices.Clone(required[name]),
			format.Option{Name: "mentions", Value: mentions}, format.Option{Name: "fields", Value: fields},
			option("text", strings.Repeat("t_", 10_000)), option("link", "https://ci.example.com/"+strings.Repeat("x", 2000)))
		p := &proof{format: name}
		p.check(content(t, open(t, name, options...), e))
		for _, fault := range p.faults {
			if strings.Contains(fault, " units, want") || strings.HasSuffix(fault, " bytes") {
				t.Errorf("%s: %.100s", name, fault)
			}
		}
	}
}
