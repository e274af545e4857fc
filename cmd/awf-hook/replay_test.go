package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A broken filter or transform loses no delivery: once it is mended, a replay delivers all of them, with their old ids.
func TestMendedCodeDeliversAll(t *testing.T) {
	t.Parallel()
	const events, inFlight = 200, 4
	tests := []struct {
		name, broken, mended string
		least, most          int64 // of the events that are dead then
	}{
		{"filter", `filter: int(payload.text) > 1`, `filter: int(payload.number) > 1`, events, events},
		{"transform", `transform: {map: {n: "=int(payload.text)"}}`, `transform: {map: {n: "=int(payload.number)"}}`, 5, 5 + inFlight - 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			receiver, url := startCounter(t)
			const yaml = `webhooks:
  - {name: other, url: 'http://127.0.0.1:1/', events: [workflow_start]}
  - {name: mine, max_in_flight: %d, url: %q, %s}`
			config := writeConfig(t, yaml, inFlight, url, tt.broken)
			file := filepath.Join(t.TempDir(), "queue.db")
			var lines strings.Builder
			for i := range events {
				fmt.Fprintf(&lines, `{"id":"e%d","event":"workflow_end","workflow_id":"w","workflow_name":"n",`+
					`"timestamp":"2026-11-24T01:24:00Z","payload":{"text":"seven","number":"7"}}`+"\n", i)
			}
			_, said := runHook(t, exitOK, strings.NewReader(lines.String()), "run", "-c", config, "--queue", file, "--json", "--drain-timeout", "1s")
			report := lastReport(t, said)
			if report.Delivered != 0 || report.Dead < tt.least || report.Dead > tt.most || report.Dead+report.Kept != events {
				t.Fatalf("%+v: want %d to %d dead and the others kept", report, tt.least, tt.most)
			}
			want := deliveryIDs(t, file, "1")

			if err := os.WriteFile(config, fmt.Appendf(nil, yaml, inFlight, url, tt.mended), 0o600); err != nil {
				t.Fatal(err)
			}
			_, said = runHook(t, exitOK, nil, "deliveries", "replay", "--queue", file, "--webhook", "mine", "--since", "1h")
			if want := fmt.Sprintf("awf-hook: %d replayed: awf-hook deliveries send delivers them\n", report.Dead); !strings.HasSuffix(said, want) {
				t.Errorf("said %q, want %q", said, want) // deliveryIDs took the file's log away, which is warned of
			}
			// A replay ends the pause of a lane that failures of a transform caused.
			_, said = runHook(t, exitOK, nil, "deliveries", "send", "-c", config, "--queue", file, "--drain-timeout", "3s")
			if want := fmt.Sprintf(earlierDelivered, events); said != want {
				t.Errorf("said %q, want %q", said, want)
			}
			receiver.mu.Lock()
			defer receiver.mu.Unlock()
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(receiver.deliveries))); diff != "" {
				t.Errorf("ids that arrived (-want +got):\n%s", diff)
			}
			for id, n := range receiver.deliveries {
				if n != 1 {
					t.Errorf("%s arrived %d times", id, n)
				}
			}
		})
	}
}
