// A message in a Slack channel for each run that ended.
package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/awf-project/awf-hook/transforms/guest"
)

func main() { guest.Main(transform) }

// The parts of a message, with Slack's names.
type (
	message struct {
		Text        string       `json:"text"`
		Blocks      []any        `json:"blocks"`
		Attachments []attachment `json:"attachments"`
	}
	attachment struct {
		Color  string `json:"color"`
		Blocks []any  `json:"blocks"`
	}
	header struct {
		Type string `json:"type"`
		Text plain  `json:"text"`
	}
	plain struct {
		Type  string `json:"type"`
		Emoji bool   `json:"emoji"`
		Text  string `json:"text"`
	}
	rich struct {
		Type     string `json:"type"`
		Elements []any  `json:"elements"`
	}
	text struct {
		Type  string          `json:"type"`
		Style map[string]bool `json:"style,omitempty"`
		Text  string          `json:"text"`
	}
)

var (
	signs  = map[string]string{"success": "✅", "cancelled": "🛑", "failure": "🔴"}
	colors = map[string]string{"success": "#2ecc71", "cancelled": "#f39c12", "failure": "#e74c3c"}
	bold   = map[string]bool{"bold": true}
)

// entities keep Slack from reading mentions and links in a text.
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func transform(event []byte) ([]byte, error) {
	var e guest.Event
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	p := e.Payload
	if signs[p.Status] == "" {
		return nil, guest.Drop
	}
	title := signs[p.Status] + " " + e.WorkflowName + ": " + p.Status

	var parts []any
	if p.Error != "" {
		parts = append(parts, rich{"rich_text_section", []any{text{"text", nil, p.Error}}})
	}
	fields := []any{text{"text", bold, "Run"}, text{"text", nil, ": " + e.WorkflowID}}
	if p.Inputs != nil {
		fields = []any{fields[0], text{"text", nil, ": " + e.WorkflowID + "\n"},
			text{"text", bold, "Inputs"}, text{"text", nil, ": " + string(p.Inputs)}}
	}
	parts = append(parts, rich{"rich_text_section", fields})

	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(message{
		Text:        entities.Replace(title),
		Blocks:      []any{header{"header", plain{"plain_text", false, title}}},
		Attachments: []attachment{{colors[p.Status], []any{rich{"rich_text", parts}}}},
	})
	return body.Bytes(), err
}
