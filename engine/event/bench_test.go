package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// BenchmarkReadFrom reads envelopes, in turns with encoding/json's Decoder, which decodes the same five keys of the same bytes. It reports
// the ratio of the median times.
func BenchmarkReadFrom(b *testing.B) {
	const lines = 5000
	var text bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&text, `{"id":"e%d","event":"workflow_end","workflow_id":"run-%d","workflow_name":"deploy-production",`+
			`"timestamp":"2026-11-24T01:24:00.053Z","payload":{"status":"success","duration":12.5,"exit_code":0,"step":"build",`+
			`"note":"a payload of an ordinary size, with some text and a number or two: 3.14159, 2.71828, 1.41421"}}`+"\n", i, i)
	}
	ours := func() (n int) {
		r := event.Reader{Event: func(event.Event) { n++ }}
		if _, err := r.ReadFrom(bytes.NewReader(text.Bytes())); err != nil {
			b.Fatal(err)
		}
		return n
	}
	theirs := func() (n int) {
		for decoder := json.NewDecoder(bytes.NewReader(text.Bytes())); ; n++ {
			var ev struct {
				ID           string          `json:"id"`
				Event        string          `json:"event"`
				WorkflowID   string          `json:"workflow_id"`
				WorkflowName string          `json:"workflow_name"`
				Timestamp    time.Time       `json:"timestamp"`
				Payload      json.RawMessage `json:"payload"`
			}
			if err := decoder.Decode(&ev); err == io.EOF {
				return n
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	took := func(read func() int) time.Duration {
		began := time.Now()
		if n := read(); n != lines {
			b.Fatalf("%d events of %d", n, lines)
		}
		return time.Since(began)
	}
	var ratios []float64
	for range 21 * b.N {
		mine := took(ours)
		ratios = append(ratios, float64(mine)/float64(took(theirs)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-json.Decoder")
	b.ReportMetric(0, "ns/op")
}
