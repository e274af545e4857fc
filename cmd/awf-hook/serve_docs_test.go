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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// docs/serve.md's commands, as they stand there but for a free port.
func TestDocsServe(t *testing.T) {
	text, err := os.ReadFile(root + "docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	script := fence.FindStringSubmatch(string(text))[2]
	script = strings.ReplaceAll(script, "8470", "$PORT")
	script = strings.Replace(script, "-c awf-hook.yaml &", "-c awf-hook.yaml --listen 127.0.0.1:$PORT --lame-duck 0s &", 1)
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script)
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
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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

// Every metric is documented, is one that Prometheus's linter likes, begins at 0, and moves.
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
		`awf_hook_transform_duration_seconds_count{webhook="hook"}`:                      "4",
		`awf_hook_transform_failures_total{kind="map",webhook="hook"}`:                   "1",
		`awf_hook_deliveries_waiting{webhook="hook"}`:                                    "1",
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
		`awf_hook_store_up`, `awf_hook_keeper`, `awf_hook_config_last_reload_successful`, `awf_hook_lane_state{state="open",webhook="hook"}`,
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

// unshown are metrics that are for alerts or for joins.
var unshown = []string{"awf_hook_build_info", "awf_hook_config_last_reload_success_timestamp_seconds"}

// documented compares the metrics with the table of docs/serve.md.
func documented(t *testing.T, text string) {
	t.Helper()
	page, err := os.ReadFile(root + "docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, found []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(awf_hook_[a-z_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, m[1]+" "+m[2])
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (awf_hook_[a-z_]+) ([a-z]+)$`).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1]+" "+m[2])
	}
	slices.Sort(listed)
	slices.Sort(found)
	if !slices.Equal(listed, found) {
		t.Errorf("docs/serve.md lists\n%v\nthere are\n%v", listed, found)
	}
	for _, file := range []string{"alerts.yaml", "grafana.json"} {
		uses, err := os.ReadFile(root + "examples/deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		used := strings.Join(regexp.MustCompile(`awf_hook_[a-z_]+`).FindAllString(string(uses), -1), " ") + " "
		for name := range strings.FieldsSeq(used) {
			if !slices.ContainsFunc(found, func(known string) bool {
				known, typ, _ := strings.Cut(known, " ")
				return known == name || typ == "histogram" && known+"_bucket" == name
			}) {
				t.Errorf("%s uses %s, which is no metric", file, name)
			}
		}
		for _, known := range found {
			if name, _, _ := strings.Cut(known, " "); file == "grafana.json" && !strings.Contains(used, name+" ") && !strings.Contains(used, name+"_bucket ") &&
				!slices.Contains(unshown, name) {
				t.Errorf("the dashboard does not show %s", name)
			}
		}
	}
}
