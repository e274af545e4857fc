// Package oracles verifies real requests of awf-hook by the client libraries of receivers.
// It is a module of its own, so that who imports awf-hook does not get them.
package oracles

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripe "github.com/stripe/stripe-go/v84/webhook"
)

const (
	newSecret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	oldSecret   = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	otherSecret = "whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVz"
)

// configuration has a webhook for each scheme, and some that have several; the path is the webhook's name.
const configuration = `
webhooks:
  - {name: standard, url: "%[1]s/standard", secret: "%[2]s", signing: [standard]}
  - {name: rotating, url: "%[1]s/rotating", secret: ["%[2]s", {value: "%[3]s", not_after: 2999-01-01}], signing: [standard]}
  - {name: github, url: "%[1]s/github", secret: "%[2]s", signing: [github]}
  - name: all
    url: "%[1]s/all"
    secret: ["%[2]s", "%[3]s"]
    signing:
      - awf
      - standard
      - github
      - custom: {header: Stripe-Signature, template: "{timestamp}.{body}", prefix: "t={timestamp},v1=", separator: ","}
`

// events have what a careless encoder changes.
var events = []string{
	`{"event":"workflow_end","workflow_id":"w1","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}`,
	`{"event":"workflow_error","workflow_id":"w2","workflow_name":"é <&> 😀 \u2028","timestamp":"2026-11-24T01:24:00Z",` +
		`"payload":{"z": 1.50, "a":12345678901234567890, "b":"\u00e9\/"}}`,
}

type request struct {
	Path    string            `json:"path"`
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	header  http.Header
}

// requests runs awf-hook over the events and returns what arrived.
func requests(t *testing.T) []request {
	t.Helper()
	var mu sync.Mutex
	var all []request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := request{Path: r.URL.Path, Headers: map[string]string{}, Body: string(body), header: r.Header}
		for name := range r.Header {
			got.Headers[strings.ToLower(name)] = r.Header.Get(name)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, got)
	}))
	defer server.Close()
	dir := t.TempDir()
	hook, config := filepath.Join(dir, "awf-hook"), filepath.Join(dir, "awf-hook.yaml")
	build := exec.Command("go", "build", "-o", hook, "./cmd/awf-hook")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, configuration, server.URL, newSecret, oldSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(hook, "run", "-c", config)
	run.Env = append(os.Environ(), "XDG_STATE_HOME="+dir)
	run.Stdin = strings.NewReader(strings.Join(events, "\n") + "\n")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("run: %v: %s", err, out)
	}
	if want := 4 * len(events); len(all) != want {
		t.Fatalf("%d requests arrived, want %d", len(all), want)
	}
	return all
}

// with is the request as its receiver with that secret sees it, perhaps with another body.
func (r request) with(secret, body string) request {
	r.Secret, r.Body = secret, body
	return r
}

// goLibraries asks the Go libraries. One is left out where its header is not there.
func (r request) goLibraries() map[string]error {
	said := map[string]error{}
	if r.Headers["webhook-signature"] != "" {
		webhook, err := standardwebhooks.NewWebhook(r.Secret)
		if err == nil {
			err = webhook.Verify([]byte(r.Body), r.header)
		}
		said["standard-webhooks for Go"] = err
	}
	if signed := r.Headers["stripe-signature"]; signed != "" {
		said["stripe-go"] = stripe.ValidatePayload([]byte(r.Body), signed, r.Secret)
	}
	return said
}

func TestLibrariesOfReceiversVerifyOurRequests(t *testing.T) {
	type verdict struct {
		request
		good map[string]bool // libraries that must find it good; the others must not
	}
	var verdicts []verdict
	for _, r := range requests(t) {
		list := r.Path == "/rotating" || r.Path == "/all" // of signatures, where the scheme has room
		standard := map[string]bool{"standard-webhooks for Go": true, "stripe-go": true, "standardwebhooks": true, "svix": true}
		all := map[string]bool{"standard-webhooks for Go": true, "stripe-go": true, "standardwebhooks": true, "svix": true, "octokit": true}
		verdicts = append(verdicts,
			verdict{r.with(newSecret, r.Body), all},
			verdict{r.with(otherSecret, r.Body), nil},
			verdict{r.with(newSecret, strings.Replace(r.Body, "workflow", "workfloW", 1)), nil})
		if list {
			verdicts = append(verdicts, verdict{r.with(oldSecret, r.Body), standard})
		}
	}
	in, err := json.Marshal(verdicts)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "verify.mjs")
	node.Stdin = bytes.NewReader(in)
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var said []map[string]string
	if err := json.Unmarshal(out, &said); err != nil || len(said) != len(verdicts) {
		t.Fatalf("node said %s: %v", out, err)
	}
	heard := map[string]int{}
	for i, v := range verdicts {
		for library, err := range v.goLibraries() {
			heard[library]++
			if (err == nil) != v.good[library] {
				t.Errorf("%s, secret %s, body %s: %s said %v", v.Path, v.Secret, v.Body, library, err)
			}
		}
		for library, text := range said[i] {
			heard[library]++
			if (text == "good") != v.good[library] {
				t.Errorf("%s, secret %s, body %s: %s said %s", v.Path, v.Secret, v.Body, library, text)
			}
		}
	}
	for _, library := range []string{"standard-webhooks for Go", "stripe-go", "standardwebhooks", "svix", "octokit"} {
		if heard[library] < 6 {
			t.Errorf("%s judged %d requests", library, heard[library])
		}
	}
}
