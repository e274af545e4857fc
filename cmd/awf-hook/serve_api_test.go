package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The command shows and changes the queue of another machine's serve, as far as its token allows.
func TestCommandsWorkOnAServer(t *testing.T) {
	t.Parallel()
	digest := func(token string) string {
		sum := sha256.Sum256([]byte(token))
		return hex.EncodeToString(sum[:])
	}
	receiver := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	config := writeConfig(t, `serve:
  tokens: [{name: ci, sha256: %q}, {name: eye, sha256: %q, role: read}, {name: ops, sha256: %q, role: operate}]
webhooks: [{name: hook, url: %q}]`, digest("ci-token"), digest("eye-token"), digest("ops-token"), receiver)
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"))
	defer s.end(t, syscall.SIGTERM)
	request, err := http.NewRequest(http.MethodPost, s.url+"/v1/events", strings.NewReader(envelopes("run", 3)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer ci-token")
	request.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()

	call := func(token string, args ...string) (string, int) {
		cmd := exec.Command("awf-hook", append(args, "--server", s.url)...)
		cmd.Env = append(os.Environ(), "AWF_HOOK_TOKEN="+token, "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !asExit(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	var id string
	waitFor(t, "three dead letters", func() bool {
		out, _ := call("eye-token", "deliveries", "list", "--state", "dead")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		id, _, _ = strings.Cut(lines[len(lines)-1], " ")
		return len(lines) == 4
	})
	for words, want := range map[string]string{"deliveries list --webhook": "hook", "deliveries show": id, "webhooks enable": "hook"} {
		args := append([]string{"__complete"}, strings.Fields(words)...)
		args = slices.Insert(args, 3, "--server="+s.url)
		cmd := exec.Command("awf-hook", append(args, "")...)
		cmd.Env = append(os.Environ(), "AWF_HOOK_TOKEN=eye-token", "HOME="+t.TempDir())
		if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), want+"\n") {
			t.Errorf("%s completes %q, %v, want %s of the server", words, out, err, want)
		}
	}
	for _, b := range blocks(t, "sh") { // docs/serve.md's commands, one after the other
		if b.file != "serve.md" || !strings.Contains(b.text, "export AWF_HOOK_TOKEN") {
			continue
		}
		script := strings.NewReplacer("https://hooks.example.com", s.url, "AWF_HOOK_TOKEN=...", "AWF_HOOK_TOKEN=ops-token", "oncall",
			"hook").Replace(b.text)
		out, err := exec.Command("bash", "-eu", "-c", script).CombinedOutput()
		if err != nil || !strings.Contains(string(out), id) || !strings.Contains(string(out), " replayed") ||
			!strings.Contains(string(out), "WHO") {
			t.Errorf("%v: %s", err, out)
		}
		waitFor(t, "dead letters again", func() bool {
			out, _ := call("eye-token", "deliveries", "list", "--state", "dead")
			return strings.Count(out, "\n") == 4
		})
	}
	for _, tt := range []struct {
		token string
		args  []string
		exit  int
		says  string
	}{
		{"eye-token", []string{"deliveries", "show", id[:12]}, 0, "400 Bad Request"},
		{"eye-token", []string{"webhooks", "list"}, 0, "hook"},
		{"eye-token", []string{"deliveries", "list", "--webhook", "hok"}, 1, "did you mean hook?"},
		{"eye-token", []string{"deliveries", "replay", id}, 1, "needs a token whose role is operate"},
		{"ci-token", []string{"deliveries", "list"}, 1, "needs a token whose role is read"},
		{"wrong", []string{"deliveries", "list"}, 1, "unknown token: set a token in $AWF_HOOK_TOKEN"},
		{"", []string{"webhooks", "list"}, 1, "set a token in $AWF_HOOK_TOKEN"},
		{"ops-token", []string{"deliveries", "replay", id}, 0, "1 replayed"},
		{"ops-token", []string{"webhooks", "disable", "hook"}, 0, "hook disabled"},
		{"ops-token", []string{"webhooks", "list"}, 0, "closed"},
		{"ops-token", []string{"webhooks", "enable", "hook"}, 0, "hook enabled"},
		{"ops-token", []string{"webhooks", "pause", "hook", "--for", "2h", "--reason", "upgrade"}, 0, "hook paused"},
		{"ops-token", []string{"webhooks", "pause", "hook", "--for", "never"}, 2, "--for: want a duration up to 24h"},
		{"ops-token", []string{"webhooks", "list"}, 0, "resting"},
		{"eye-token", []string{"deliveries", "list", "--text", "400 bad"}, 0, "msg_"},
		{"eye-token", []string{"deliveries", "list", "--run", "none"}, 0, "no delivery matches"},
		{"ops-token", []string{"webhooks", "disable", "nothing"}, 1, "nothing"},
		{"ops-token", []string{"deliveries", "delete", "--state", "dead"}, 0, " deleted"},
		{"ops-token", []string{"deliveries", "backup", "x.db"}, 2, "only a queue of this machine"},
		{"ops-token", []string{"deliveries", "send"}, 2, "the server sends what is due by itself"},
		{"ops-token", []string{"deliveries", "list", "-c", config}, 2, "leave out --queue and --config"},
	} {
		out, exit := call(tt.token, tt.args...)
		if exit != tt.exit || !strings.Contains(out, tt.says) || tt.token != "" && strings.Contains(out, tt.token) {
			t.Errorf("%s %v: exit code %d, want %d with %q:\n%s", tt.token, tt.args, exit, tt.exit, tt.says, out)
		}
	}
	out, _ := call("ops-token", "operations")
	for _, line := range []string{"ops", "replay", "disable", "delete", "state dead"} {
		if !strings.Contains(out, line) {
			t.Errorf("operations do not have %q:\n%s", line, out)
		}
	}
}

func asExit(err error, exit **exec.ExitError) bool {
	e, is := err.(*exec.ExitError)
	*exit = e
	return is
}

// serve masks the secrets of a workflow's own webhook in the deliveries of other webhooks, even if the definition changes meanwhile.
func TestSecretsOfDefinitionsDoNotShow(t *testing.T) {
	home, project, url := t.TempDir(), t.TempDir(), serve(t, newCounted())
	workflows := filepath.Join(project, ".awf", "workflows")
	definition := func(variable string) {
		text := fmt.Sprintf(`name: deploy
webhooks:
  - {name: own, url: %q, events: [nothing], transform: {map: {k: =with.k}, with: {k: "${%s}"}}}
`, url, variable)
		if err := os.WriteFile(filepath.Join(workflows, "deploy.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(workflows, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "settings.yaml"), fmt.Appendf(nil, "webhooks: [{name: hook, url: %q}]\n", url),
		0o600); err != nil {
		t.Fatal(err)
	}
	definition("OWN_ONE")
	queue := filepath.Join(t.TempDir(), "queue.db")
	env := []string{"AWF_CONFIG_HOME=" + home, "AWF_HOOK_TRUST=" + project, "OWN_ONE=canary-of-one", "OWN_TWO=canary-of-two"}
	s := startServeIn(t, env, "--project", project, "--listen", "127.0.0.1:0", "--queue", queue)
	post := func(run, echo string) (id string) {
		t.Helper()
		lines := strings.Replace(envelopes(run, 1), `"payload":{}`, `"payload":{"echo":"`+echo+`"}`, 1)
		if status := send(http.DefaultClient, s.url,
			strings.Replace(lines, `"workflow_name":"n"`, `"workflow_name":"deploy"`, 1)); status != http.StatusAccepted {
			t.Fatal(status)
		}
		var list struct{ Deliveries []struct{ ID string } }
		waitFor(t, run, func() bool {
			text := getText(t, s.url+"/v1/deliveries?state=delivered&run="+run+"-0")
			return json.Unmarshal([]byte(text), &list) == nil && len(list.Deliveries) == 1
		})
		return list.Deliveries[0].ID
	}
	check := func(id, canary string) {
		t.Helper()
		cmd := exec.Command("awf-hook", "deliveries", "show", id, "--queue", queue)
		cmd.Env, cmd.Dir = append(os.Environ(), env...), project
		shown, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("show: %v: %s", err, shown)
		}
		var detail struct{ Body string }
		if err := json.Unmarshal([]byte(getText(t, s.url+"/v1/deliveries/"+id)), &detail); err != nil ||
			!strings.Contains(detail.Body, `"echo"`) {
			t.Fatalf("the body is %q: %v", detail.Body, err)
		}
		for where, text := range map[string]string{
			"the API": id + detail.Body, "the page": getText(t, s.url+"/deliveries/"+id), "the command": string(shown),
		} {
			if strings.Contains(text, canary) || !strings.Contains(text, id) {
				t.Errorf("%s shows %s", where, text)
			}
		}
	}
	check(post("first", "canary-of-one"), "canary-of-one")
	definition("OWN_TWO")
	check(post("second", "canary-of-two"), "canary-of-two")
	s.end(t, syscall.SIGTERM)
}

func getText(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
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
