package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// The commands of the compose file and of the Kubernetes manifest run on a real database named by their variable, and
// their probes answer.
func TestDeployedCommands(t *testing.T) {
	database := databases.New(t)
	t.Setenv("AWF_QUEUE_URL", database)
	for file, command := range map[string]string{"compose.yaml": `command: \[(.*?)\]`, "kubernetes-postgres.yaml": `args: \[(.*?)\]`} {
		text, err := os.ReadFile(root + "examples/deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(command).FindSubmatch(text)
		if found == nil || !strings.Contains(string(text), "XDG_STATE_HOME") {
			t.Fatalf("%s: no command, or no state folder", file)
		}
		port := freePort()
		config := writeConfig(t, `queue: {url: "${AWF_QUEUE_URL}"}
serve: {listen: "127.0.0.1:%s"}
webhooks: [{name: hook, url: "http://127.0.0.1:1/"}]`, port)
		args := strings.Split(strings.NewReplacer(
			`"`, "", " ", "", "/etc/awf-hook.yaml", config, "/etc/awf-hook/awf-hook.yaml", config, "8470", port,
		).Replace(string(found[1])), ",")
		t.Setenv("XDG_STATE_HOME", t.TempDir())
		node := startServe(t, args[1:]...)
		for _, path := range []string{"/healthz", "/readyz"} {
			resp, err := http.Get("http://127.0.0.1:" + port + path)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s answered %d: %s", file, path, resp.StatusCode, node.talk())
			}
		}
		if code := node.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("%s: ended with %d: %s", file, code, node.talk())
		}
	}
}
