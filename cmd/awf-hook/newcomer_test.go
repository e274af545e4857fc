package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shell is a shell on a terminal with a person typing.
type shell struct {
	t    *testing.T
	term *terminal
	n    int
}

// escapes matches sequences that control a terminal, and those that shells write to set it up.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\r")

// types types a line, waits until the command ends, and returns its output without colours and its exit code.
func (s *shell) types(line string) (shown string, code int) {
	s.t.Helper()
	s.n++
	before := len(s.term.text())
	if _, err := fmt.Fprintf(s.term.pty, "%s\necho done-%d=$?\n", line, s.n); err != nil {
		s.t.Fatal(err)
	}
	end := regexp.MustCompile(fmt.Sprintf(`(?m)^done-%d=(\d+)`, s.n))
	waitFor(s.t, line, func() bool { return end.MatchString(escapes.ReplaceAllString(s.term.text()[before:], "")) })
	text := escapes.ReplaceAllString(s.term.text()[before:], "")
	fmt.Sscan(end.FindStringSubmatch(text)[1], &code)
	s.t.Logf("$ %s\n%s", line, text)
	return text, code
}

// A new user's first ten minutes on a real terminal: install, init, a mistake, check, listen, run, explain, fix, a test
// request, deliveries. Each step says what to do next, and the next one does it.
func TestFirstTenMinutes(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	standinOfDocs(t, h.dir)
	if err := os.MkdirAll(h.dir+"/go/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := h.command("sh", "-i")
	cmd.Env = append(cmd.Env, "HOME="+h.dir, "XDG_CONFIG_HOME=", "PS1=", "ENV=", "TERM=xterm", "PATH="+h.dir+"/go/bin:"+h.dir+":/usr/bin:/bin")
	s := &shell{t: t, term: onTerminalSized(t, cmd, 110, 40)}
	port := freePort()
	steps := []struct {
		line  string
		code  int
		shows []string
	}{
		// TestReleaseByGoInstall runs the real "go install".
		{"ln -s " + h.hook + " go/bin/awf-hook; awf-hook version", exitOK, []string{"awf-hook devel (go1."}},
		{"awf-hook init", exitOK, []string{"wrote awf-hook.yaml; check it: awf-hook check awf-hook.yaml"}},
		{"awf-hook check awf-hook.yaml", exitConfig, []string{"awf-hook.yaml:", "WEBHOOK_SECRET is not set"}},
		{"export WEBHOOK_SECRET=$(awf-hook secret new); awf-hook check awf-hook.yaml", exitOK, []string{"awf-hook.yaml: good, webhooks: 1"}},
		// A mistake is shown with its line and a mark.
		{"sed -i.bak 's/events:/evnts:/; s/8080/" + port + "/' awf-hook.yaml; awf-hook check awf-hook.yaml", exitConfig,
			[]string{"unknown key, did you mean events?", "^"}},
		{"awf-hook lint awf-hook.yaml", exitUsage, []string{"did you mean check?"}},
		{"sed -i.bak 's/evnts:/events:/' awf-hook.yaml; awf-hook check awf-hook.yaml", exitOK, []string{"good"}},
		{"awf-hook listen " + port + " >received 2>listening & until [ -s listening ]; do sleep 0.05; done", exitOK, nil},
		// A filter never matches: nothing arrives, and explain says why.
		{`printf '    filter: payload.exit_code > 1\n' >>awf-hook.yaml; ` +
			`AWF_AUDIT_LOG=run.jsonl awf run deploy; awf-hook run -c awf-hook.yaml <run.jsonl`, exitOK,
			[]string{"awf-hook: 2 events, 0 deliveries: 0 delivered, 0 to retry, 0 dead"}},
		{"awf-hook explain -c awf-hook.yaml run.jsonl", exitOK,
			[]string{"filtered out", "payload.exit_code > 1  false  ◀ decided", "payload.exit_code   1"}},
		// After the fix, explain says that it would send. The same run is not known, since nothing of it was accepted.
		{"sed -i.bak 's/exit_code > 1/exit_code > 0/' awf-hook.yaml; awf-hook explain -c awf-hook.yaml run.jsonl | grep -c sent", exitOK,
			[]string{"1\n"}},
		{"awf-hook run -c awf-hook.yaml <run.jsonl", exitOK, []string{"2 events, 1 delivery: 1 delivered, 0 to retry, 0 dead"}},
		{"awf-hook webhooks test NAME -c awf-hook.yaml", exitFailure, []string{"no webhook is called NAME: "}},
		{"awf-hook webhooks test $(sed -n 's/.*- name: //p' awf-hook.yaml | head -1) -c awf-hook.yaml", exitOK,
			[]string{": POST http://127.0.0.1:" + port, "200 OK after"}},
		{"awf-hook deliveries -c awf-hook.yaml", exitOK, []string{"ID ", "delivered", "workflow_error"}},
		{"awf-hook exec -c awf-hook.yaml -- awf run deploy", 1, nil},
		{"awf-hook top -c awf-hook.yaml | cat", exitOK, []string{"lanes: 1, waiting: 0, dead: 0"}},
		{"grep -c '● workflow_error' received; kill %1", exitOK, []string{"2\n"}},
	}
	for _, step := range steps {
		shown, code := s.types(step.line)
		if code != step.code {
			t.Fatalf("$ %s\n%s\nexit code %d, want %d", step.line, shown, code, step.code)
		}
		for _, want := range step.shows {
			if !strings.Contains(shown, want) {
				t.Fatalf("$ %s\n%s\nwant %q in it", step.line, shown, want)
			}
		}
	}
	if _, err := io.WriteString(s.term.pty, "exit 0\n"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Second, func() { _ = s.term.cmd.Process.Kill() })
	_ = s.term.wait() // the exit code is the shell's
}
