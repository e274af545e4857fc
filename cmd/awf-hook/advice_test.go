package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// advised are places with configurations, and a receiver that refuses everything until it is told to accept.
type advised struct {
	*testing.T
	home, project, elsewhere string
	accepts                  atomic.Bool
	url                      string
}

// newAdvised makes a home directory whose name needs quotes, a trusted project in it, and a folder beside it.
func newAdvised(t *testing.T) *advised {
	a := &advised{T: t}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !a.accepts.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(receiver.Close)
	a.url, a.home = receiver.URL, filepath.Join(t.TempDir(), "my home")
	a.project, a.elsewhere = filepath.Join(a.home, "my project"), filepath.Join(a.home, "else where")
	for _, folder := range []string{".config/awf/workflows", "my project/.awf/workflows", "else where"} {
		must(t, os.MkdirAll(filepath.Join(a.home, folder), 0o700))
	}
	a.file(".config/awf/settings.yaml", "network: {allow: [127.0.0.0/8]}\nwebhooks: [{name: mine, url: URL, retry: {delay: 1s}}]")
	a.file(".config/awf/workflows/o.yaml", "name: owned\nwebhooks: [{name: owned, url: URL, retry: {delay: 1s}}]")
	a.file("my project/.awf/settings.yaml", "webhooks: [{name: theirs, url: URL, retry: {delay: 1s}}]")
	a.file("my project/.awf/workflows/d.yaml", "name: ship\nwebhooks: [{name: shipped, url: URL, retry: {delay: 1s}}]")
	a.file("else where/named.yaml", "webhooks: [{name: named, url: URL, retry: {delay: 1s}}]")
	a.run(a.project, "awf-hook trust --yes")
	return a
}

func (a *advised) file(name, text string) {
	write(a.T, filepath.Join(a.home, name), strings.ReplaceAll(text, "URL", "'"+a.url+"'"))
}

// run runs a shell's command line in a folder and returns what it prints.
func (a *advised) run(folder, line string) string {
	a.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "HOME="+a.home, "AWF_CONFIG_HOME=", "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "PWD="+folder)
	out, err := cmd.CombinedOutput()
	a.Logf("%s: %v\n%s", line, err, out)
	return string(out)
}

// left returns the names of the webhooks that have waiting deliveries.
func (a *advised) left() (names []string) {
	for _, line := range strings.Split(a.run(a.elsewhere, "awf-hook webhooks list --json"), "\n") {
		if strings.HasPrefix(line, "{") && !strings.Contains(line, `"waiting":0`) {
			names = append(names, field(line, "webhook"))
		}
	}
	return names
}

// Each command that doctor and deliveries send print for what waits can be pasted into a shell in any folder, and delivers it. A
// checkout's file is never named with -c.
func TestAdviceDelivers(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"awf-hook doctor", "awf-hook doctor -c named.yaml", "awf-hook deliveries send --drain-timeout 10ms"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			a := newAdvised(t)
			for _, workflow := range []string{"ship", "owned"} {
				a.run(a.project, "awf-hook emit --event workflow_error --drain-timeout 500ms --workflow "+workflow)
			}
			a.run(a.elsewhere, "awf-hook emit --event workflow_error --drain-timeout 500ms -c named.yaml")
			a.run(a.elsewhere, "awf-hook emit --event workflow_error --drain-timeout 500ms --to "+a.url)
			if left := a.left(); len(left) != 6 {
				t.Fatalf("deliveries wait for %q, want six webhooks", left)
			}
			page := a.run(a.elsewhere, from)
			lines := regexp.MustCompile(`(\(cd .*\)|awf-hook (?:deliveries send|run).*) delivers them`).FindAllStringSubmatch(page, -1)
			a.accepts.Store(true)
			for _, line := range lines {
				if strings.Contains(line[1], ".awf/") {
					t.Errorf("the advice reads a checkout's file as the user's own: %s", line[1])
				}
				a.run(a.elsewhere, strings.Replace(line[1], "--to URL", "--to "+a.url, 1))
			}
			left := strings.Join(a.left(), " ")
			if strings.HasPrefix(from, "awf-hook deliveries send") {
				left = strings.NewReplacer("mine", "", "owned", "").Replace(left) // it delivers for them itself, later
			}
			if strings.TrimSpace(left) != "" {
				t.Errorf("the commands deliver nothing for %s:\n%s", left, page)
			}
		})
	}
}

// doctor abbreviates the home directory only where a shell would expand it.
func TestDoctorAbbreviatesHome(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ home, text, want string }{
		{"/home/me", "/home/me/a: open /home/me/b", "~/a: open ~/b"},
		{"/home/me/", "/home/me/a", "~/a"},
		{"/home/me", "chmod 600 '/home/me/a b'", "chmod 600 '/home/me/a b'"},
		{"/home/me", "/mnt/home/me/a, /home/mean/a", "/mnt/home/me/a, /home/mean/a"},
		{"/", "http://127.0.0.1/ //a", "http://127.0.0.1/ //a"},
		{"", "/a", "/a"},
		{".", "./a", "./a"},
	} {
		d := doctor{home: homeOf(tt.home)}
		if d.find("", good, "%s", tt.text); d.findings[0].Text != tt.want {
			t.Errorf("at home in %q: %q becomes %q, want %q", tt.home, tt.text, d.findings[0].Text, tt.want)
		}
	}
}

// A command with --to knows only its server. It does not call other webhooks gone, and others do not call its server gone.
func TestServersOfToAreNotGone(t *testing.T) {
	t.Parallel()
	a := newAdvised(t)
	const emit = "awf-hook emit --event workflow_error --drain-timeout 500ms"
	a.run(a.elsewhere, emit)
	for _, line := range []string{
		emit + " --to " + a.url, emit + " --to http://127.0.0.1:9", emit, "awf-hook deliveries list", "awf-hook webhooks list", "awf-hook doctor",
		"awf-hook deliveries list -c named.yaml", "awf-hook run -c named.yaml --drain-timeout 1ms </dev/null",
	} {
		if said := a.run(a.elsewhere, line); strings.Contains(said, "configuration any more") || strings.Contains(said, "no longer has") {
			t.Errorf("%s calls a webhook gone:\n%s", line, said)
		}
	}
}

// The command that moves the deliveries of a renamed webhook works in any folder, whosever file has the new name.
func TestAdviceMoves(t *testing.T) {
	t.Parallel()
	for file, name := range map[string]string{
		".config/awf/settings.yaml": "mine", ".config/awf/workflows/o.yaml": "owned",
		"my project/.awf/settings.yaml": "theirs", "my project/.awf/workflows/d.yaml": "shipped",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			a := newAdvised(t)
			for _, workflow := range []string{"ship", "owned"} {
				a.run(a.project, "awf-hook emit --event workflow_error --drain-timeout 500ms --workflow "+workflow)
			}
			text, err := os.ReadFile(filepath.Join(a.home, file))
			must(t, err)
			write(t, filepath.Join(a.home, file), strings.Replace(string(text), "name: "+name+",", "name: new"+name+",", 1))
			a.run(a.project, "awf-hook trust --yes")
			for _, from := range []string{"awf-hook doctor", "awf-hook deliveries list"} {
				page := a.run(a.project, from)
				lines := regexp.MustCompile(`(?m)any more: (.*)$`).FindStringSubmatch(page)
				if lines == nil || strings.Contains(lines[1], "-c "+a.project) {
					t.Fatalf("%s advises badly:\n%s", from, page)
				}
				if from == "awf-hook doctor" { // the other command moves them
					continue
				}
				if said := a.run(a.elsewhere, lines[1]); !strings.Contains(said, " moved from ") {
					t.Errorf("%s: %s", lines[1], said)
				}
			}
		})
	}
}

// What waits in a database for the server of one --to does not go to that of another, nor to a webhook that is called server.
func TestServersOfToShareADatabase(t *testing.T) {
	t.Parallel()
	a := newAdvised(t)
	var other atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { other.Add(1) }))
	defer elsewhere.Close()
	queue := fmt.Sprintf(" --queue '%s' --drain-timeout 3s", databases.New(t))
	a.run(a.elsewhere, "awf-hook emit --event workflow_error --to "+a.url+strings.Replace(queue, "3s", "500ms", 1))
	a.accepts.Store(true)
	a.file("else where/named.yaml", "webhooks: [{name: server, url: '"+elsewhere.URL+"'}]")
	for _, line := range []string{
		"awf-hook run --to " + elsewhere.URL + queue + " </dev/null", "awf-hook run -c named.yaml" + queue + " </dev/null",
		"awf-hook deliveries list" + strings.TrimSuffix(queue, " --drain-timeout 3s"),
	} {
		if said := a.run(a.elsewhere, line); other.Load() > 0 || strings.Contains(said, "is not in this configuration") {
			t.Fatalf("%s: %d arrive elsewhere:\n%s", line, other.Load(), said)
		}
	}
	if said := a.run(a.elsewhere, "awf-hook run --to "+a.url+queue+" </dev/null"); !strings.Contains(said, "of earlier runs: 1 delivered") {
		t.Error(said)
	}
}
