package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// onBus plays a recording of events that a plugin prints from AWF's bus, and passes them to run. It returns the bodies
// that arrived, and which of them are ends that awf-hook made.
func onBus(t *testing.T, args ...string) (bodies, synthetic []string) {
	t.Helper()
	url, end := startListen(t, "--json")
	h := newHome(t, buildStandin(t))
	printed := h.dir + "/bus.jsonl"
	h.run(h.command(h.awf, append([]string{"run", abs(t, recordings+"/storage"), "--bus", printed}, args...)...), 0)
	hook := h.command(h.hook, "run", "--orphan-after", "1h", "-c", writeConfig(t, everything, url))
	lines, err := os.Open(printed)
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	hook.Stdin = lines
	h.run(hook, 0)
	return arrived(t, end())
}

// Events from the bus become the same as those from the files, as far as the bus tells: steps get the workflow's name
// from its start, and times in seconds; a retry names neither run nor step. The rest comes from AWF's state files.
func TestBusOfPlugins(t *testing.T) {
	t.Parallel()
	bodies, synthetic := onBus(t, "--run", "0745cf41-6abb-47ce-83de-9fa7722c7cc6")
	for i := range bodies {
		bodies[i] = regexp.MustCompile(`"workflow_id":.*"timestamp":"[^"]*",`).ReplaceAllStringFunc(bodies[i], func(s string) string {
			return regexp.MustCompile(`"workflow_name":"[^"]*"`).FindString(s) + ","
		})
	}
	want := []string{
		`{"event":"workflow_start","workflow_name":"retry","payload":{}}`,
		`{"event":"step_start","workflow_name":"retry","payload":{"step":"flaky"}}`,
		`{"event":"step_retrying","workflow_name":"","payload":{"attempt":"2"}}`,
		`{"event":"step_retrying","workflow_name":"","payload":{"attempt":"3"}}`,
		`{"event":"step_complete","workflow_name":"retry","payload":{"step":"flaky","status":"success",` +
			`"duration":0.22552503,"exit_code":0,"attempts":3}}`,
		`{"event":"workflow_end","workflow_name":"retry","payload":{"status":"success","duration":0.227,"attempts":3}}`,
	}
	slices.Sort(bodies)
	slices.Sort(want)
	if !slices.Equal(bodies, want) || len(synthetic) > 0 {
		t.Errorf("%s, and %q, want\n%s", strings.Join(bodies, "\n"), synthetic, strings.Join(want, "\n"))
	}
}

// A plugin that is slow when AWF ends loses the end of the run, and a full bus drops events. A run without its end gets
// one that says so, and it pages: one page too many is better than one too few.
func TestBusLosesTheEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		runs int // number of played runs
	}{
		{"at AWF's exit", []string{"--run", "527635bc-5066-401b-8419-85098cad7bac", "--slow", "60ms", "--linger", "150ms"}, 1},
		{"full", []string{"--repeat", "40", "--slow", "1ms", "--linger", "500ms"}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bodies, synthetic := onBus(t, tt.args...)
			for slow := 200 * time.Millisecond; tt.runs == 1 && len(synthetic) == 0 && slow < 4*time.Second; slow *= 2 {
				bodies, synthetic = onBus(t, append(tt.args, "--slow", slow.String())...) // on a full machine the plugin was quick enough
			}
			ends := map[string]int{}
			for _, body := range append(bodies, synthetic...) {
				var e struct {
					Event string
					ID    string `json:"workflow_id"`
				}
				if err := json.Unmarshal([]byte(body), &e); err != nil {
					t.Fatal(err)
				}
				switch e.Event {
				case "workflow_start":
					ends[e.ID] += 0
				case "workflow_end", "workflow_error", "workflow_cancel":
					ends[e.ID]++
				}
			}
			for id, n := range ends {
				if n != 1 {
					t.Errorf("run %s has %d ends", id, n)
				}
			}
			for _, body := range synthetic {
				if !strings.Contains(body, `"workflow_error"`) {
					t.Errorf("of awf-hook's making: %s, want workflow_error", body)
				}
			}
			if tt.runs == 1 && len(synthetic) != 1 || tt.runs > 1 && (len(ends) < 100 || len(ends) == tt.runs) {
				t.Errorf("%d ends of awf-hook's making, %d runs of %d", len(synthetic), len(ends), tt.runs)
			}
		})
	}
}
