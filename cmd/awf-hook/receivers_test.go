package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

// The receivers in docs/delivery.md accept requests signed under either secret, refuse all others, and stay alive.
func TestReceiversOfTheDocs(t *testing.T) {
	t.Parallel()
	for language, command := range map[string][]string{"python": {"python3"}, "js": {"node"}, "go": {"go"}} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skipf("no %s", command[0])
			}
			url := startReceiver(t, language, command)
			body := []byte(`{"event":"workflow_end","workflow_name":"é"}`)
			good := func(secret string) http.Header {
				h := http.Header{}
				if err := signature.Sign(h, signature.Standard, signature.Message{ID: "msg_1", Time: time.Now(), Body: body}, secret); err != nil {
					t.Fatal(err)
				}
				return h
			}
			spoilt := func(name string, values ...string) http.Header {
				h := good(newSecretOfDocs)
				delete(h, http.CanonicalHeaderKey(name))
				for _, value := range values {
					h.Add(name, value)
				}
				return h
			}
			old := http.Header{}
			_ = signature.Sign(old, signature.Standard, signature.Message{ID: "msg_1", Time: time.Now().Add(-time.Hour), Body: body},
				newSecretOfDocs)
			for i, tt := range []struct {
				header http.Header
				want   int
			}{
				{http.Header{}, 401}, {good(newSecretOfDocs), 204}, {good(oldSecretOfDocs), 204}, {good("another-secret-of-the-test"), 401}, {old, 401},
				{spoilt("webhook-id"), 401}, {spoilt("webhook-id", ""), 401}, {spoilt("webhook-id", "msg_1.1"), 401},
				{spoilt("webhook-id", "msg_2"), 401},
				{spoilt("webhook-timestamp"), 401}, {spoilt("webhook-timestamp", "now"), 401},
				{spoilt("webhook-timestamp", strings.Repeat("9", 5000)), 401},
				{spoilt("webhook-timestamp", "-1"), 401}, {spoilt("webhook-signature"), 401}, {spoilt("webhook-signature", ""), 401},
				{spoilt("webhook-signature", "v1,"), 401}, {spoilt("webhook-signature", "v1,\u00e9 v2,x  v1,%%%"), 401},
				{spoilt("webhook-signature", "v1,"+strings.Repeat("A", 44)), 401}, {good(newSecretOfDocs), 204},
			} {
				if got := postTo(t, url, tt.header, body); got != tt.want {
					t.Errorf("request %d, %.200q: %d, want %d", i, tt.header, got, tt.want)
				}
			}
			if got := postTo(t, url, good(newSecretOfDocs), append(body, ' ')); got != 401 {
				t.Errorf("another body: %d, want 401", got)
			}
		})
	}
}

const (
	newSecretOfDocs = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
	oldSecretOfDocs = "a plain secret of the test"
)

// startReceiver runs the receiver in a language.
func startReceiver(t *testing.T, language string, command []string) string {
	t.Helper()
	text := ""
	for _, b := range blocks(t, language) {
		if b.file == "delivery.md" && strings.Contains(b.text, "NEW_SECRET") {
			text = b.text
		}
	}
	file := filepath.Join(t.TempDir(), "receiver."+map[string]string{"python": "py"}[language]+strings.TrimPrefix(language, "python"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil || text == "" {
		t.Fatalf("no receiver in %s: %v", language, err)
	}
	if language == "go" { // go run would leave its child behind
		binary := filepath.Join(t.TempDir(), "receiver")
		build := exec.Command("go", "build", "-o", binary, file)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v: %s", err, out)
		}
		command, file = nil, binary
	}
	port := freePort()
	var said bytes.Buffer
	args := append(append([]string{}, command...), file)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PORT="+port, "NEW_SECRET="+newSecretOfDocs, "OLD_SECRET="+oldSecretOfDocs)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if strings.Contains(said.String(), "Traceback") {
			t.Errorf("it said %s", said.String())
		}
	})
	url := "http://127.0.0.1:" + port
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Post(url, "application/json", nil); err == nil {
			res.Body.Close()
			return url
		} else if time.Now().After(end) {
			t.Fatalf("it does not listen: %v: %s", err, said.String())
		}
	}
}

func postTo(t *testing.T, url string, header http.Header, body []byte) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%.200q: %v", header, err)
	}
	res.Body.Close()
	return res.StatusCode
}
