package main

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// The commands in docs/serve.md work verbatim, except for the port.
func TestDocsServe(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl")
	}
	text, err := os.ReadFile(root + "docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	script := fence.FindStringSubmatch(string(text))[2]
	script = strings.ReplaceAll(script, "8470", "$PORT")
	script = strings.Replace(script, "-c awf-hook.yaml &", "-c awf-hook.yaml --listen 127.0.0.1:$PORT --lame-duck 0s &", 1)
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", "trap 'kill $(jobs -p) || true' EXIT\n"+script) // also if a command fails
	cmd.Dir = filepath.Dir(writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, newCounted())))
	cmd.Env = append(os.Environ(), "PORT="+freePort(), "XDG_STATE_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{`{"ready":true`, `"accepted":1`, `awf_hook_deliveries_accepted_total{webhook="hook"} 1`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	return getText(t, url+"/metrics")
}

// series returns the value of one line of metrics; "" if there is none.
func series(text, name string) string {
	for line := range strings.Lines(text) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), name+" "); is {
			return value
		}
	}
	return ""
}

// Every metric is documented, passes Prometheus's linter, starts at 0, and changes.
func TestServeMetrics(t *testing.T) {
	t.Parallel()
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); {
		case bytes.Contains(body, []byte("refuse")):
			w.WriteHeader(http.StatusBadRequest)
		case bytes.Contains(body, []byte("wait")):
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	config := writeConfig(t, `webhooks: [{name: hook, url: %q, retry: {delay: 1h},
  transform: {map: {id: =workflow_id, n: "=int(payload.n ?? '1')"}}}]`, serve(t, receiver))
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"))

	before := scrape(t, s.url)
	problems, err := promlint.New(strings.NewReader(before)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the linter: %v %v", problems, err)
	}
	promtool(t, "", before, "check", "metrics")
	moves := map[string]string{
		`awf_hook_events_received_total{source="http",type="workflow_end"}`:              "5",
		`awf_hook_events_known_total{source="http",type="workflow_end"}`:                 "1",
		`awf_hook_events_refused_total{reason="bad",source="http"}`:                      "1",
		`awf_hook_deliveries_accepted_total{webhook="hook"}`:                             "4",
		`awf_hook_deliveries_total{outcome="delivered",webhook="hook"}`:                  "1",
		`awf_hook_deliveries_total{outcome="dead",webhook="hook"}`:                       "2",
		`awf_hook_attempts_total{outcome="delivered",status_class="2xx",webhook="hook"}`: "1",
		`awf_hook_attempts_total{outcome="dead",status_class="4xx",webhook="hook"}`:      "1",
		`awf_hook_attempts_total{outcome="retry",status_class="5xx",webhook="hook"}`:     "1",
		`awf_hook_attempt_duration_seconds_count{webhook="hook"}`:                        "3",
		`awf_hook_first_attempt_delay_seconds_count{webhook="hook"}`:                     "3",
		`awf_hook_delivery_latency_seconds_count{webhook="hook"}`:                        "1",
		`awf_hook_transform_duration_seconds_count{kind="map",webhook="hook"}`:           "4",
		`awf_hook_transform_failures_total{kind="map",reason="error",webhook="hook"}`:    "1",
		`awf_hook_deliveries_waiting{state="later",webhook="hook"}`:                      "1",
		`awf_hook_dead_letters{webhook="hook"}`:                                          "2",
	}
	for name := range moves {
		if got := series(before, name); got != "0" {
			t.Errorf("%s begins at %q, want 0", name, got)
		}
	}
	for _, run := range []string{"good", "refuse", "wait", "good"} {
		send(http.DefaultClient, s.url, envelopes(run, 1))
	}
	send(http.DefaultClient, s.url, strings.Replace(envelopes("fails", 1), `"payload":{}`, `"payload":{"n":"no number"}`, 1))
	send(http.DefaultClient, s.url, "no event\n")
	var after string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		after = scrape(t, s.url)
		if !slices.ContainsFunc(slices.Collect(maps.Keys(moves)), func(name string) bool { return series(after, name) != moves[name] }) {
			break
		}
	}
	for name, want := range moves {
		if got := series(after, name); got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	for _, name := range []string{
		`awf_hook_store_up{engine="sqlite"}`, `awf_hook_keeper{engine="sqlite"}`, `awf_hook_config_last_reload_successful`,
		`awf_hook_lane_state{state="open",webhook="hook"}`,
	} {
		if got := series(after, name); got != "1" {
			t.Errorf("%s is %q, want 1", name, got)
		}
	}
	documented(t, after)
	if err := os.WriteFile(config, []byte("webhooks: []\nnonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the failed reload", func() bool { return series(scrape(t, s.url), `awf_hook_config_last_reload_successful`) == "0" })
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
}

// The metrics tell the states of waiting deliveries apart. They show a script's fuel and failures, and the spans sent and lost.
func TestServeMetricsOfWhatWaitsRunsAndIsTraced(t *testing.T) {
	hung := make(chan struct{})
	t.Cleanup(func() { close(hung) })
	receiver := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "hangs") {
			select {
			case <-hung:
			case <-r.Context().Done():
			}
		}
	})
	var refuses atomic.Bool
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refuses.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
	})))
	url := serve(t, receiver)
	config := writeConfig(t, `webhooks:
  - {name: ordered, url: "%[1]s/hangs", events: [step_start], order_by: workflow_id}
  - {name: paced, url: "%[1]s", events: [step_complete], rate: 1/h}
  - {name: scripted, url: "%[1]s", events: [tool_call], transform: [{js: script.js}, {map: {a: 1}}]}`, url)
	const script = `export default e => {
	if (e.workflow_id.startsWith("endless")) for (;;) {};
	let s = 0;
	for (let i = 0; i < 2000; i++) s += i;
	return {s}
}`
	if err := os.WriteFile(filepath.Join(filepath.Dir(config), "script.js"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"), "--drain-timeout", "0s")
	moves := map[string]string{
		`awf_hook_deliveries_waiting{state="in_flight",webhook="ordered"}`:                 "1",
		`awf_hook_deliveries_waiting{state="behind",webhook="ordered"}`:                    "3",
		`awf_hook_deliveries_waiting{state="due",webhook="paced"}`:                         "2",
		`awf_hook_transform_duration_seconds_count{kind="js",webhook="scripted"}`:          "2",
		`awf_hook_transform_duration_seconds_count{kind="map",webhook="scripted"}`:         "1",
		`awf_hook_transform_failures_total{kind="js",reason="fuel",webhook="scripted"}`:    "1",
		`awf_hook_transform_failures_total{kind="js",reason="memory",webhook="scripted"}`:  "0",
		`awf_hook_transform_failures_total{kind="map",reason="budget",webhook="scripted"}`: "0",
		`awf_hook_transform_fuel_ratio{webhook="scripted"}`:                                "1",
		`awf_hook_transform_fuel_ratio{webhook="paced"}`:                                   "0",
	}
	text := scrape(t, s.url)
	for name := range moves {
		if got := series(text, name); got != "0" {
			t.Errorf("%s begins at %q, want 0", name, got)
		}
	}
	event := func(typ, run string, n int) string {
		return strings.ReplaceAll(envelopes(run, n), "workflow_end", typ)
	}
	send(http.DefaultClient, s.url, regexp.MustCompile(`"workflow_id":"one-."`).ReplaceAllString(event("step_start", "one", 4),
		`"workflow_id":"one"`))
	send(http.DefaultClient, s.url, event("step_complete", "paced", 3))
	send(http.DefaultClient, s.url, event("tool_call", "quick", 1))
	waitFor(t, "the script's fuel", func() bool {
		used, _ := strconv.ParseFloat(series(scrape(t, s.url), `awf_hook_transform_fuel_ratio{webhook="scripted"}`), 64)
		return used > 0 && used < 1
	})
	waitFor(t, "spans that are sent", func() bool { return series(scrape(t, s.url), `awf_hook_spans_total{outcome="sent"}`) != "0" })
	if got := series(scrape(t, s.url), `awf_hook_spans_total{outcome="dropped"}`); got != "0" {
		t.Errorf("%s spans were dropped", got)
	}
	refuses.Store(true)
	send(http.DefaultClient, s.url, event("tool_call", "endless", 1))
	waitFor(t, "spans that are dropped", func() bool { return series(scrape(t, s.url), `awf_hook_spans_total{outcome="dropped"}`) != "0" })
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		text = scrape(t, s.url)
		if !slices.ContainsFunc(slices.Collect(maps.Keys(moves)), func(name string) bool { return series(text, name) != moves[name] }) {
			break
		}
	}
	for name, want := range moves {
		if got := series(text, name); got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	for _, operation := range []string{"accept", "claim", "settle"} {
		if got := series(text, `awf_hook_store_operation_duration_seconds_count{engine="sqlite",operation="`+operation+`"}`); got == "" ||
			got == "0" {
			t.Errorf("%s: %q, want some", operation, got)
		}
	}
	s.end(t, syscall.SIGTERM)
}

// unshown lists metrics for alerts or joins.
var unshown = []string{"awf_hook_build_info", "awf_hook_config_last_reload_success_timestamp_seconds"}

// documented compares the metrics, their types and their labels with the table of docs/serve.md.
func documented(t *testing.T, text string) {
	t.Helper()
	if diff := cmp.Diff(listed(t), scraped(text).ours()); diff != "" {
		t.Errorf("docs/serve.md and /metrics (-docs +metrics):\n%s", diff)
	}
}
