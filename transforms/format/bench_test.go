package format_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
)

// slackMessage is the struct that a program without the format would marshal for the same message.
type slackMessage struct {
	Text        string            `json:"text"`
	Blocks      []slackBlock      `json:"blocks"`
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
	Color  string       `json:"color"`
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string       `json:"type"`
	Text     *slackText   `json:"text,omitempty"`
	Elements []slackBlock `json:"elements,omitempty"`
	Content  string       `json:"content,omitempty"`
}

type slackText struct {
	Type  string `json:"type"`
	Emoji bool   `json:"emoji"`
	Text  string `json:"text"`
}

// BenchmarkFormats reports the time of a message relative to that of encoding/json, which reads the event into structs and writes a Slack
// message from them. A message should take at most 15 µs.
func BenchmarkFormats(b *testing.B) {
	e := ordinary()
	const rounds = 20_000
	began := time.Now()
	for range rounds {
		byHand(b, e.Body())
	}
	perMessage := float64(time.Since(began).Nanoseconds()) / rounds
	for _, name := range format.Names() {
		b.Run(name, func(b *testing.B) {
			f := open(b, name, with(name)...)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Content(expression.NewEnv(&e), nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perMessage, "x-by-hand")
		})
	}
}

// A message allocates only its texts and its body.
func TestMessagesAllocateLittle(t *testing.T) {
	const most = 45
	e := ordinary()
	for _, name := range format.Names() {
		f := open(t, name, with(name)...)
		allocations := testing.AllocsPerRun(50, func() { content(t, f, e) })
		if allocations > most {
			t.Errorf("%s: a message takes %.0f allocations, want at most %d", name, allocations, most)
		}
	}
}

func byHand(b *testing.B, body []byte) {
	var event struct {
		Name    string `json:"workflow_name"`
		ID      string `json:"workflow_id"`
		Payload struct {
			Error    string  `json:"error"`
			Duration float64 `json:"duration"`
		} `json:"payload"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		b.Fatal(err)
	}
	message := slackMessage{
		Text:   event.Name + " failed: " + event.Payload.Error,
		Blocks: []slackBlock{{Type: "header", Text: &slackText{Type: "plain_text", Text: event.Name + " failed"}}},
		Attachments: []slackAttachment{{Color: "#e74c3c", Blocks: []slackBlock{{Type: "rich_text", Elements: []slackBlock{
			{Type: "rich_text_section", Elements: []slackBlock{{Type: "text", Content: "Run"}, {Type: "text", Content: ": " + event.ID}}},
			{Type: "rich_text_preformatted", Elements: []slackBlock{{Type: "text", Content: event.Payload.Error}}},
		}}}}},
	}
	if _, err := json.Marshal(message); err != nil {
		b.Fatal(err)
	}
}
