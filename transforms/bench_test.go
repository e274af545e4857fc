package transforms_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

const slackMessage = `
      map:
        text: "{{ workflow_name }} {{ payload.status }}"
        attachments:
          - color: '=payload.status == "success" ? "good" : "danger"'
            title: "{{ workflow_name }}: {{ payload.status }} after {{ payload.duration }} s"
            text: =truncate(payload.error, 3000)
            footer: run {{ workflow_id }}
            fields:
              - {title: Exit code, value: =payload.exit_code, short: true}
              - {title: Team, value: =payload.team, short: true}`

var benchEvent = &event.Event{
	ID: "e", Type: "workflow_error", WorkflowID: "77f9bc50-22d6-4f84-8be8-96f1520ddd6b", WorkflowName: "deploy-production",
	Timestamp: time.Date(2026, 11, 24, 1, 24, 0, 0, time.UTC),
	Payload:   []byte(`{"status":"failure","duration":61.5,"exit_code":1,"error":"step push: exit code 1","team":"platform"}`),
}

// A Slack message of a new event: its JSON is decoded and the message's encoded.
// The ratio is to encoding/json decoding the same event into a struct.
func BenchmarkMapSlack(b *testing.B) {
	c := chain(b, slackMessage)
	line := benchEvent.Body()
	const rounds = 5000
	start := time.Now()
	for range rounds {
		var e struct {
			Event        string    `json:"event"`
			WorkflowID   string    `json:"workflow_id"`
			WorkflowName string    `json:"workflow_name"`
			Timestamp    time.Time `json:"timestamp"`
			Payload      struct {
				Status   string  `json:"status"`
				Duration float64 `json:"duration"`
				ExitCode int     `json:"exit_code"`
				Error    string  `json:"error"`
				Team     string  `json:"team"`
			} `json:"payload"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			b.Fatal(err)
		}
	}
	decode := float64(time.Since(start).Nanoseconds()) / rounds
	b.ReportAllocs()
	for b.Loop() {
		if _, err := apply(c, benchEvent); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/decode, "x-json-decode")
}
