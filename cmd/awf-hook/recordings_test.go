package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	recordings = "../../testdata/events"
	secret     = "a secret for the tests"
)

var (
	receipt  = regexp.MustCompile(`"timestamp":"2[^"]*"`)
	duration = regexp.MustCompile(`,"duration":[0-9.]+`)
)

// Every recording of the real AWF goes through run to listen: the events of testdata/events/want arrive, signed and
// verified, and AWF's own lines come out byte for byte.
func TestRecordingsArrive(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(recordings + "/*.*")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			url, end := startListen(t, "--json", "--secret", secret)
			config := writeConfig(t, "webhooks: [{url: %q, events: ['*'], secret: %q, max_in_flight: 1}]", url, secret)
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out, talk := runHook(t, exitOK, bytes.NewReader(in), "run", "-c", config)

			var foreign strings.Builder
			for line := range strings.Lines(string(in)) {
				if !strings.Contains(line, "execution_id") && !strings.Contains(line, "run_id") {
					foreign.WriteString(line)
				}
			}
			if out != foreign.String() {
				t.Errorf("passed %q, want %q", out, foreign.String())
			}
			var bodies strings.Builder
			for _, r := range received(t, end()) {
				bodies.WriteString(r.Body + "\n")
				want := map[string]string{"awf": "good", "standard": "good"}
				if diff := cmp.Diff(want, r.Signatures); diff != "" {
					t.Errorf("signatures of request %d:\n%s", r.Number, diff)
				}
			}
			want, err := os.ReadFile(filepath.Join(recordings, "want", filepath.Base(file)+".bodies"))
			if err != nil {
				t.Fatal(err)
			}
			got := bodies.String()
			if strings.HasPrefix(filepath.Base(file), "sse-") {
				got = receipt.ReplaceAllString(got, `"timestamp":"RECEIPT"`)
				got = duration.ReplaceAllString(got, "") // time between receipts
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("bodies (-want +got):\n%s\n%s", diff, talk)
			}
		})
	}
}

// If a receiver answers 503 twice, it gets one delivery three times: the same id, a new timestamp and number each time.
func TestRetriesKeepTheirID(t *testing.T) {
	t.Parallel()
	url, end := startListen(t, "--json", "--secret", secret, "--respond", "503x2")
	config := writeConfig(t, "webhooks: [{url: %q, secret: %q, retry: {delay: 1s, jitter: 0%%}}]", url, secret)
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}`
	began := time.Now()
	_, talk := runHook(t, exitOK, strings.NewReader(event), "run", "-c", config, "--queue", filepath.Join(t.TempDir(), "queue.db"))
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("done in %v, want waits of 1s and 2s", took)
	}
	if want := "awf-hook: 1 event, 1 delivery: 1 delivered, 0 to retry, 0 dead\n"; talk != want {
		t.Errorf("said %q, want %q", talk, want)
	}
	var ids, stamps, attempts []string
	for _, r := range received(t, end()) {
		ids = append(ids, r.Header["Webhook-Id"], r.Header["X-Awf-Delivery"])
		stamps = append(stamps, r.Header["Webhook-Timestamp"])
		attempts = append(attempts, r.Header["X-Awf-Attempt"])
		if r.Signatures["awf"] != "good" || r.Signatures["standard"] != "good" {
			t.Errorf("signatures: %v", r.Signatures)
		}
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, attempts); diff != "" {
		t.Errorf("attempts:\n%s", diff)
	}
	if len(slices.Compact(ids)) != 1 {
		t.Errorf("ids %q, want one", ids)
	}
	if len(slices.Compact(stamps)) != 3 {
		t.Errorf("timestamps %q, want three", stamps)
	}
}

// F028's own check, as its receivers write it, runs in their interpreter.
func TestF028ReceiverCheck(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	r := deliverOne(t)
	const check = `
import hmac, json, sys
secret, headers, body = sys.argv[1].encode(), json.loads(sys.argv[2]), sys.stdin.buffer.read()
assert hmac.new(secret, body, 'sha256').hexdigest() == headers['X-AWF-Signature']
`
	headers, err := json.Marshal(map[string]string{"X-AWF-Signature": r.Header["X-Awf-Signature"]})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", check, secret, string(headers))
	cmd.Stdin = strings.NewReader(r.Body)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	cmd = exec.Command(python, "-c", check, secret, string(headers))
	cmd.Stdin = strings.NewReader(r.Body + " ")
	if err := cmd.Run(); err == nil {
		t.Error("another body passes the check")
	}
}

// deliverOne sends an event whose body is easily corrupted, and returns the request that arrived.
func deliverOne(t *testing.T) receivedJSON {
	t.Helper()
	url, end := startListen(t, "--json", "--secret", secret)
	config := writeConfig(t, "webhooks: [{url: %q, secret: %q}]", url, secret)
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n<&>é😀","timestamp":"2026-11-24T01:24:00Z",` +
		`"payload":{"z": 12345678901234567890, "a":"\u00e9"}}`
	runHook(t, exitOK, strings.NewReader(event), "run", "-c", config)
	all := received(t, end())
	if len(all) != 1 || all[0].Body != event {
		t.Fatalf("arrived: %+v, want the event", all)
	}
	if all[0].Signatures["standard"] != "good" || len(all[0].Signatures) != 2 {
		t.Fatalf("signatures: %v", all[0].Signatures)
	}
	return all[0]
}

// runHook runs awf-hook and returns what it printed.
func runHook(t *testing.T, exit int, in io.Reader, args ...string) (out, talk string) {
	t.Helper()
	cmd := exec.Command("awf-hook", args...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
	if got := exitCode(t, cmd.Run()); got != exit {
		t.Fatalf("awf-hook %q: exit code %d, want %d; it said %s", args, got, exit, stderr.String())
	}
	return stdout.String(), stderr.String()
}

// receivedJSON is a line of "listen --json".
type receivedJSON struct {
	Number     int               `json:"number"`
	At         time.Time         `json:"at"`
	Path       string            `json:"path"`
	Header     map[string]string `json:"headers"`
	Signatures map[string]string `json:"signatures"`
	Reply      string            `json:"reply"`
	Body       string            `json:"body"`
}

// previewJSON is a line of "preview --json".
type previewJSON struct {
	Webhook string            `json:"webhook"`
	Choice  string            `json:"choice"`
	Header  map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// received reads what "listen --json" printed.
func received(t testing.TB, lines string) []receivedJSON {
	t.Helper()
	var all []receivedJSON
	for line := range strings.Lines(lines) {
		var r receivedJSON
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}
