package format

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// ntfy's limits, in bytes.
const (
	ntfyMessage = 4096 // more becomes an attachment
	ntfyTitle   = 250
	ntfyText    = 1000
	ntfyError   = 2000
	ntfyValue   = 300
	ntfyTags    = 5
	ntfyTotal   = 32_768
)

var ntfy = Receiver{
	Name:    "ntfy",
	Summary: "a push message of ntfy, with a priority and a sign",
	URL:     "https://ntfy.sh or your own server, without the topic; a token goes into `headers: {Authorization: Bearer ${NTFY_TOKEN}}`",
	Keys: append([]Key{
		{Name: "topic", Kind: KindText, Required: true, Is: "where to: letters, digits, `_` and `-`"},
	}, chatKeys(
		Key{Name: "priority", Kind: KindText, Choices: []string{"1", "2", "3", "4", "5"}, Default: "4 for a failure, 2 for a start, else 3", Is: "1 (least) to 5 (most)"},
		Key{Name: "tags", Kind: KindList, Max: ntfyTags, Default: "the sign", Is: "tags, of which the names of emojis are shown as such"},
	)...),
	Limits: []Limit{
		{"title", ntfyTitle, Bytes, "ours"},
		{"text", ntfyText, Bytes, "ours"},
		{"error", ntfyError, Bytes, "ours"},
		{"field's value", ntfyValue, Bytes, "ours"},
		{"text, fields and error", ntfyMessage, Bytes, "a longer message becomes an attachment"},
		{"the whole message", ntfyTotal, Bytes, "error 41303"},
	},
	Policy: Policy{
		Rate:    Rate{N: 12, Per: time.Minute, Burst: 60},
		Success: "200",
		Retry:   "429: 5 s, an hour for a day's quota, where Retry-After does not say",
		address: func(u *url.URL) string {
			if strings.Trim(u.Path, "/") != "" {
				return "want ntfy's root: the topic is an option"
			}
			return ""
		},
		judge: judgeNtfy,
	},
	check: func(f *Format) []Mistake {
		if topic := f.values["topic"].text; topic != nil && topic.isLiteral() && !ntfyTopic.MatchString(topic.literal) {
			return []Mistake{{Option: "topic", Message: fmt.Sprintf("want 1 to 64 letters, digits, _ and -, got %q", shorten(topic.literal))}}
		}
		return nil
	},
	sample: sample{url: "https://ntfy.sh", header: `Authorization: "Bearer ${NTFY_TOKEN}"`, with: []Option{{Name: "topic", Value: "awf"}, {Name: "link", Value: sampleLink}}},
	write:  writeNtfy,
}

var ntfyTopic = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

func writeNtfy(f *Format, m *message) (delivery.Content, error) {
	topic, err := f.line("topic", m.values)
	if err != nil {
		return delivery.Content{}, err
	}
	if !ntfyTopic.MatchString(topic) {
		return delivery.Content{}, fmt.Errorf("topic: want 1 to 64 letters, digits, _ and -, got %q", shorten(topic))
	}
	priority, err := f.ntfyPriority(m)
	if err != nil {
		return delivery.Content{}, err
	}
	tags, err := f.ntfyTags(m)
	if err != nil {
		return delivery.Content{}, err
	}
	bytes := func(s string) int { return len(s) }
	w := newWriter()
	w.open("", '{')
	w.text("topic", topic)
	w.text("title", shrink(m.title, ntfyTitle, bytes))
	w.text("message", ntfyBody(m, bytes))
	w.number("priority", priority)
	w.open("tags", '[')
	for _, tag := range tags {
		w.text("", tag)
	}
	w.close("]")
	w.text("click", m.link)
	w.close("}")
	return delivery.Content{Body: w.b}, nil
}

// ntfyBody is the plain text below the title. It is never empty: ntfy would write "triggered".
func ntfyBody(m *message, cost measure) string {
	const gaps = 20 // bytes between the parts
	room := &budget{left: ntfyMessage - gaps, cost: cost, overhead: len(": \n")}
	failure := room.take(m.err, ntfyError)
	var parts []string
	if text := room.take(m.text, ntfyText); text != "" {
		parts = append(parts, text)
	}
	if failure != "" {
		parts = append(parts, failure)
	}
	var lines []string
	for _, f := range room.takeFields(m.fields, ntfyValue) {
		lines = append(lines, f.label+": "+f.value)
	}
	if len(lines) > 0 {
		parts = append(parts, strings.Join(lines, "\n"))
	}
	if len(parts) == 0 {
		return m.look.sign
	}
	return strings.Join(parts, "\n\n")
}

func (f *Format) ntfyPriority(m *message) (int, error) {
	given, err := f.line("priority", m.values)
	if n, failed := strconv.Atoi(given); failed == nil && n >= 1 && n <= 5 {
		return n, err
	}
	switch {
	case m.moment.isFailure():
		return 4, err
	case m.moment == started || m.moment == stepStarted:
		return 2, err
	}
	return 3, err
}

func (f *Format) ntfyTags(m *message) ([]string, error) {
	given, isGiven := f.values["tags"]
	if !isGiven {
		return []string{m.look.tag}, nil
	}
	var tags []string
	for i, entry := range given.list {
		s, err := entry.value(m.values)
		if err != nil {
			return nil, fmt.Errorf("tags[%d]: %w", i, err)
		}
		if s = shrink(line(s), maxLabel, utf16Units); s != "" {
			tags = append(tags, s)
		}
	}
	return tags, nil
}

func judgeNtfy(_ *Format, a *answer) delivery.Verdict {
	var body struct {
		Error string `json:"error"`
	}
	a.decode(&body)
	const refill, day = 5 * time.Second, time.Hour
	switch {
	case a.Status == 200:
		return delivered()
	case a.Status == 429 && strings.Contains(body.Error, "daily"):
		return again(body.Error, day)
	case a.Status == 429:
		return again(body.Error, refill)
	case a.Status == 400, a.Status == 401, a.Status == 403, a.Status == 413:
		return dead(body.Error)
	}
	return delivery.Verdict{}
}
