package expression_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// benchEvent is a failed run as AWF reports it, with a few more keys.
var benchEvent = &event.Event{
	ID: "e", Type: "workflow_error", WorkflowID: "77f9bc50-22d6-4f84-8be8-96f1520ddd6b", WorkflowName: "deploy-production",
	Timestamp: time.Date(2026, 11, 24, 1, 24, 0, 0, time.UTC),
	Payload: []byte(`{"status":"failure","duration":61.5,"exit_code":1,"error":"step push: exit code 1",` +
		`"team":"platform","region":"eu-west-1","attempt":3,` +
		`"note":"a payload of an ordinary size, with some text and a number or two: 3.14159, 2.71828, 1.41421"}`),
}

// decodeTime measures how long encoding/json takes to decode the event into structs.
func decodeTime(b *testing.B) time.Duration {
	b.Helper()
	line := benchEvent.Body()
	const rounds = 2000
	best := time.Hour
	for range 5 {
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
					Region   string  `json:"region"`
					Attempt  int     `json:"attempt"`
				} `json:"payload"`
			}
			if err := json.Unmarshal(line, &e); err != nil {
				b.Fatal(err)
			}
		}
		best = min(best, time.Since(start)/rounds)
	}
	return best
}

func ratio(b *testing.B, decode time.Duration) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(decode.Nanoseconds()), "x-json-decode")
}

// The payload of one event was decoded before, for another webhook. The other event is new.
func BenchmarkFilter(b *testing.B) {
	decode := decodeTime(b)
	for name, source := range map[string]string{
		"known":   `workflow_name startsWith "deploy-" and payload.duration > 60`,
		"known3":  `event == "workflow_error" and payload.status == "failure" and payload.exit_code != 0`,
		"unknown": `payload.team == "platform" and payload.attempt > 2`,
		"in":      `payload.region in ["eu-west-1", "eu-west-2"] or workflow_name matches "^deploy-"`,
		"closure": `any(["eu", "us"], payload.region startsWith #)`,
	} {
		program := compile(b, source)
		match := func(b *testing.B, in *expression.Env) {
			if ok, err := program.Bool(in); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
		b.Run(name, func(b *testing.B) {
			in := expression.NewEnv(benchEvent)
			b.ReportAllocs()
			for b.Loop() {
				match(b, in)
			}
			ratio(b, decode)
		})
		b.Run(name+"/new-event", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				match(b, expression.NewEnv(benchEvent))
			}
			ratio(b, decode)
		})
	}
}
