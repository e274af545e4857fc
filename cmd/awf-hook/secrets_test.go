package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
)

// unnamedAttempt matches the log of an attempt of a webhook without a name.
var unnamedAttempt = regexp.MustCompile(`127\.0\.0\.1-[0-9a-f]{8}: attempt 1: `)

// No secret, no header value and no part of a URL beyond its host reaches an output, whatever happens to the delivery.
func TestSecretsDoNotShow(t *testing.T) {
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}`
	good, _ := startListen(t)
	echo := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "no key %s for %s", r.Header.Get("X-Key"), r.URL)
	}))
	for _, answers := range []string{"200", "503", "400", "302", "reset", "slow:10s", "down", "echo"} {
		t.Run(answers, func(t *testing.T) {
			t.Parallel()
			url := "http://127.0.0.1:" + freePort()
			switch answers {
			case "down":
			case "echo":
				url = echo
			default:
				url, _ = startListen(t, "--respond", answers)
			}
			host := strings.TrimPrefix(url, "http://")
			config := writeConfig(t, `webhooks:
  - url: http://user:%[1]s@%[2]s/%[1]s?key=%[1]s
    secret: %[1]s
    headers: {X-Key: %[1]s}
    timeout: 200ms
    retry: {max_attempts: 2, delay: 10ms}
  - {name: good, url: %[3]q, secret: %[1]s}
`, hidden, host, good)
			folder := t.TempDir()
			out, talk := runHook(t, exitOK, strings.NewReader(event), "run", "-c", config, "--log-level", "debug", "--queue",
				filepath.Join(folder, "queue.db"))
			checkFiles(t, folder)
			if said := out + talk; strings.Contains(said, "hidden") || !unnamedAttempt.MatchString(said) {
				t.Errorf("said %s", said)
			}
		})
	}
}

// checkFiles looks for secrets in stored files.
func checkFiles(t *testing.T, folder string) {
	t.Helper()
	found := false
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		kept, err := os.ReadFile(file)
		if bytes.Contains(kept, []byte("hidden")) {
			t.Errorf("%s has a secret", filepath.Base(file))
		}
		found = found || bytes.Contains(kept, []byte("workflow_end"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Error("no file has the event")
	}
}

// hidden is part of every secret in the configurations below, and must not be printed.
const hidden = "hidden-0123456789"

// tried lists the subcommands, each called with the configuration CONFIG. A subcommand that is missing here fails the
// test.
var tried = map[string][][]string{
	"check": {
		{"check", "CONFIG"}, {"check", "--json", "CONFIG"}, {"check", "--print", "CONFIG"}, {"check", "--print", "--json", "CONFIG"},
		{"check", "--no-env", "CONFIG"}, {"check", "--no-env", "--print", "CONFIG"}, {"check", "--print", "--workflow", "n", "CONFIG"},
		{"check", "--schema", "CONFIG"},
	},
	"run": {{"run", "--drain-timeout", "1ms", "-c", "CONFIG"}, {"run", "--drain-timeout", "1ms", "--json", "-c", "CONFIG"},
		{"run", "-c", "CONFIG", "extra"}},
	"listen": {
		{"listen", "--secret", hidden, "--respond", "99"}, {"listen", "--secret", hidden, "nowhere:http:x"},
	},
	"init":       {{"init", "CONFIG"}},
	"version":    {{"version"}},
	"schema":     {{"schema", "run"}},
	"exec":       {{"exec", "-c", "CONFIG"}},
	"follow":     {{"follow", "-c", "CONFIG", "--nonsense"}},
	"serve":      {{"serve", "-c", "CONFIG", "--queue", "memory:"}, {"serve", "-c", "CONFIG", "--listen", "0.0.0.0:0"}},
	"emit":       {{"emit", "-c", "CONFIG", "--drain-timeout", "1ms", "--event", "workflow_end", "--workflow", "n"}},
	"trust":      {{"trust"}, {"trust", "CONFIG"}, {"trust", "--list"}},
	"formats":    {{"formats"}, {"formats", "slack", "CONFIG"}},
	"demo":       {{"demo", "CONFIG"}},
	"completion": {{"completion", "bash"}},
	"help":       {{"help", "run"}},
	"sign":       {{"sign", "--secret", hidden, "--scheme", "nonsense", "CONFIG"}},
	"verify":     {{"verify", "--secret", hidden, "--scheme", "nonsense", "CONFIG"}},
	"secret":     {{"secret", "CONFIG"}},
	"operations": {{"operations", "-c", "CONFIG"}, {"operations", "-c", "CONFIG", "--json"}},
	"man":        {{"man", "CONFIG"}},
	"queue":      {{"queue", "check", "-c", "CONFIG"}, {"queue", "move", "-c", "CONFIG", "--from", "CONFIG", "--to", "CONFIG"}},
	"top":        {{"top", "--queue", "CONFIG", "--json"}}, // takes a second for each that it can open
	"deliveries": {{"deliveries", "-c", "CONFIG"}, {"deliveries", "send", "--drain-timeout", "1ms", "-c", "CONFIG"}},
	"webhooks":   {{"webhooks", "-c", "CONFIG"}, {"webhooks", "enable", "nobody", "-c", "CONFIG", "--json"}},
	"preview":    {{"preview", "-c", "CONFIG"}, {"preview", "-c", "CONFIG", "--json"}},
	"explain":    {{"explain", "-c", "CONFIG"}, {"explain", "-c", "CONFIG", "--json"}},
	"transform": {
		{"transform", "new", "--lang", "CONFIG", "CONFIG"}, {"transform", "build", "CONFIG"}, {"transform", "test", "CONFIG"},
		{"transform", "run", "CONFIG"}, {"transform", "run", "--with", hidden, "CONFIG"}, {"transform", "bench", "CONFIG"},
		{"transform", "inspect", "CONFIG"},
	},
	"doctor":    {{"doctor", "-c", "CONFIG"}, {"doctor", "-c", "CONFIG", "--json"}},
	"eval":      {{"eval", "payload.status == 1", "CONFIG"}},
	"events":    {{"events", "CONFIG"}},
	"functions": {{"functions", "CONFIG"}},
	"backtest":  {{"backtest", "-c", "CONFIG"}, {"backtest", "-c", "CONFIG", "--against", "CONFIG", "--json"}},
	"test":      {{"test", "-c", "CONFIG"}, {"test", "-c", "CONFIG", "--json"}},
}

// failing returns configurations that fail in all possible ways: those of testdata/config/err, with secrets next to their
// mistakes and in their variables, and some with wrong secrets.
func failing(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(root + "testdata/config/err/*.yaml")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files of mistakes: %v", len(files), err)
	}
	const secrets = `webhooks:
  - {name: hidden, url: 'https://u:HIDDEN@h.example/HIDDEN?k=HIDDEN', secret: HIDDEN, headers: {X-Key: HIDDEN}}
`
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = strings.Replace(string(text), "webhooks:\n", secrets, 1)
	}
	for i, key := range []string{
		"url: 'ftp://h/HIDDEN'", "url: 'http://HIDDEN:x/'", "url: '%zzHIDDEN'", "url: 'https://HIDDEN@/'", "url: [HIDDEN]", "url: {a: HIDDEN}",
		"secret: 'whsec_HIDDEN!'", "secret: *HIDDEN", "secret: &HIDDEN", "secret: !HIDDEN x", "secret: {HIDDEN: HIDDEN}", "secret: [[HIDDEN]]",
		"secret: [{value: HIDDEN, until: HIDDEN}]", "secret: [{not_after: 2026-01-01, value: 'whsec_HIDDEN!'}]", "secret: \"HIDDEN",
		"secret: HIDDEN: HIDDEN", "secret: |\n  HIDDEN", "secret: %HIDDEN", "secret: @HIDDEN", "secret: \tHIDDEN", "secret: ${HIDDEN",
		"sercet: HIDDEN", "secret_file: ${SECRET}", "Secret: {a: [HIDDEN]}", "secret: HIDDEN\n    secret: HIDDEN",
		"headers: {X-Key: \"HIDDEN\\n\"}", "headers: {Host: HIDDEN}", "headers: {X-Key: [HIDDEN]}", "headers: HIDDEN", "headers: {'a b': HIDDEN}",
		"headers: {Authorization: Bearer HIDDEN, authorization: HIDDEN}",
		"timeout: ${SECRET}", "name: '${SECRET}#'", "max_in_flight: ${SECRET}", "signing: ['${SECRET}']", "retry: {delay: '${SECRET}'}",
		"enabled: ${SECRET}", "events: ['${SECRET}!']", "retry: {max_attempts: '${SECRET}'}", "secret: [{value: x, not_before: '${SECRET}'}]",
	} {
		texts[fmt.Sprintf("secrets-%d.yaml", i)] = "webhooks:\n  - " + key + "\n"
	}
	for name, text := range texts {
		texts[name] = strings.ReplaceAll(text, "HIDDEN", hidden)
	}
	return texts
}

// Whatever is wrong with a configuration, and whichever command reads it at whichever log level, no secret is printed. A configuration is
// checked and run each time, and read by a third of the other commands, in turns. SOAK=1 (make soak) lets all commands read all.
func TestNoCommandSaysASecretOfABadConfiguration(t *testing.T) {
	for _, sub := range (&command{}).root().Commands() {
		if tried[sub.Name()] == nil {
			t.Errorf("the command %s is not tried here", sub.Name())
		}
	}
	for name, value := range map[string]string{
		"SECRET": hidden, "VALUE": hidden, "NOT_A_URL": hidden + "://%zz", "SLASHED": hidden + "/" + hidden, "PASTED": " " + hidden,
		"CONTROL": hidden + "\x01", "BAD_WHSEC": "whsec_" + hidden + "***",
		"EMPTY": "", "HOUR": "3600s", "NUMBER": "1234567", "HOOK_URL": "https://hooks.example.com/services/" + hidden, "WEBHOOK_SECRET": hidden,
	} {
		t.Setenv(name, value)
	}
	const event = `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}` + "\n"
	t.Setenv("XDG_STATE_HOME", t.TempDir()) // its queue has nothing of the other tests
	configurations := failing(t)
	t.Chdir(t.TempDir())
	for turn, name := range slices.Sorted(maps.Keys(configurations)) {
		text := configurations[name]
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at, command := range slices.Sorted(maps.Keys(tried)) {
				if os.Getenv("SOAK") == "" && command != "check" && command != "run" && (turn+at)%3 != 0 {
					continue
				}
				for _, args := range tried[command] {
					if at := slices.Index(args, "CONFIG"); at >= 0 { // others are below
						saysNothing(t, text, event, slices.Replace(slices.Clone(args), at, at+1, name)...)
					}
				}
			}
			for _, level := range []string{"debug", "info", "error"} { // warn is the default
				saysNothing(t, text, event, "run", "--drain-timeout", "1ms", "-c", name, "--log-level", level)
			}
			excerptsSayNothing(t, name, text)
		})
	}
	for _, calls := range tried {
		for _, args := range calls {
			if !slices.Contains(args, "CONFIG") {
				saysNothing(t, "", event, args...)
			}
		}
	}
}

// The name of a webhook may be a secret in a configuration with mistakes. A command that does not find a webhook in the queue suggests none
// of that configuration's.
func TestNoCommandNamesAWebhookOfABadConfiguration(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	write(t, "good.yaml", "webhooks: [{name: gone, url: 'http://127.0.0.1:1/', retry: {max_attempts: 1}}]\n")
	write(t, "bad.yaml", "webhooks: [{name: "+hidden+", url: 'http://127.0.0.1:1/', urk: 1}]\n")
	runHook(t, exitOK, nil, "emit", "-c", "good.yaml", "--event", "workflow_end", "--workflow", "w", "--log-level", "error")
	for _, command := range []string{
		"deliveries list --webhook NAME", "deliveries delete --webhook NAME", "deliveries delete --webhook NAME --dry-run",
		"deliveries replay --webhook NAME", "deliveries move --from gone --to NAME", "deliveries move --from NAME --to gone",
		"webhooks enable NAME", "webhooks disable NAME", "webhooks pause NAME", "webhooks test NAME",
	} {
		for _, name := range []string{"nobody", hidden[1:]} { // one that is near to no name, and one that is near
			var out, said bytes.Buffer
			code := run(strings.Fields(strings.ReplaceAll(command, "NAME", name)+" -c bad.yaml"), strings.NewReader(""), &out, &said)
			if code == exitOK || out.Len() > 0 || strings.Contains(said.String(), hidden) {
				t.Errorf("awf-hook %s with %s: exit code %d: %s%s", command, name, code, out.String(), said.String())
			}
		}
	}
	// Nothing can move to a webhook of a configuration that must be mended first.
	_, said := runHook(t, exitConfig, nil, "deliveries", "move", "-c", "bad.yaml", "--from", "gone", "--to", hidden)
	if !strings.Contains(said, "bad.yaml:1:") {
		t.Errorf("move to a webhook with a mistake said %s", said)
	}
}

// saysNothing runs a command and looks for the secret in its output.
func saysNothing(t *testing.T, text, stdin string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	run(args, strings.NewReader(stdin), &said, &said)
	if strings.Contains(said.String(), "hidden-0") {
		t.Errorf("awf-hook %q said %s\nof:\n%s", args, said.String(), text)
	}
}

// excerptsSayNothing looks for the secret in the lines that a terminal shows.
func excerptsSayNothing(t *testing.T, name, text string) {
	t.Helper()
	source := config.NewSource([]byte(text))
	result := check(config.Load(name, os.LookupEnv))
	for _, mistake := range result.report() {
		if line, _ := source.Excerpt(mistake.Pos); strings.Contains(line, "hidden-0") {
			t.Errorf("%s: shown as %s\nof:\n%s", mistake, line, text)
		}
	}
}

// net/http logs what a receiver sends unasked to the standard logger.
func TestUnaskedWordsOfAReceiverDoNotShow(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok%s", r.Header.Get("X-Key"))
			}
			time.Sleep(50 * time.Millisecond) // until it is read as an unsolicited answer
			conn.Close()
		}
	}()
	config := writeConfig(t, "webhooks: [{url: 'http://%s/', headers: {X-Key: hidden-0123456789}}]", ln.Addr())
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}` + "\n"
	out, talk := runHook(t, exitOK, strings.NewReader(event+event+event), "run", "-c", config, "--log-level", "debug")
	if said := out + talk; strings.Contains(said, "hidden") || strings.Contains(said, "Unsolicited") ||
		!strings.Contains(said, "3 delivered") {
		t.Errorf("said %s", said)
	}
}

// A receiver's key that a format writes into the body appears nowhere else, whether it is literal or from a variable,
// with and without the configuration at hand.
func TestReceiversKeysDoNotShow(t *testing.T) {
	const key = "0123456789abcdefhidden0123456789"
	event := `{"event":"workflow_error","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}`
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.Copy(w, r.Body)
	}))
	defer echo.Close()
	for name, value := range map[string]string{"literal": key, "variable": "${RK}"} {
		t.Run(name, func(t *testing.T) {
			queue := filepath.Join(t.TempDir(), "queue.db")
			config := writeConfig(t, "webhooks: [{url: '%s/v2/enqueue', transform: {format: pagerduty, with: {routing_key: '%s'}}}]",
				echo.URL, value)
			t.Setenv("RK", key)
			says := func(args ...string) string {
				t.Helper()
				out, talk := runHook(t, exitOK, strings.NewReader(event), args...)
				if strings.Contains(out+talk, key) {
					t.Errorf("%q said %s", args, out+talk)
				}
				return out
			}
			says("preview", "-c", config)
			says("preview", "--json", "-c", config)
			says("explain", "-c", config)
			says("explain", "--json", "-c", config)
			says("run", "-c", config, "--queue", queue, "--log-level", "debug")
			id := strings.Fields(strings.Split(says("deliveries", "list", "--queue", queue), "\n")[1])[0]
			if shown := says("deliveries", "show", "-c", config, "--queue", queue, id); !strings.Contains(shown, "routing_key") {
				t.Errorf("it showed %s, want the body", shown)
			}
			says("deliveries", "show", "--json", "-c", config, "--queue", queue, id)
			t.Setenv("RK", "")
			t.Setenv("HOME", t.TempDir())
			if shown := says("deliveries", "show", "--queue", queue, id); !strings.Contains(shown, `"routing_key":"<secret>"`) {
				t.Errorf("it showed %s, want the body with the key masked", shown)
			}
			says("deliveries", "show", "--json", "--queue", queue, id)
		})
	}
}

// Stored bodies are masked where transforms made something from secrets, even if no configuration has the secrets any
// more: unchanged, in base64, in capitals, and in part.
func TestShowMasksWithoutTheConfiguration(t *testing.T) {
	const token = "tok-7f3a9c5e1b2d4e6f8a0b"
	t.Setenv("SHOWN_TOKEN", token)
	_, url := startCounter(t)
	queue := filepath.Join(t.TempDir(), "queue.db")
	config := writeConfig(t, `webhooks:
  - name: one
    url: %q
    headers: {X-Token: "${SHOWN_TOKEN}"}
    transform:
      - map: '{as: "%[2]s", encoded: "%[4]s", upper: upper("%[2]s"), part: "%[3]s", plain: workflow_name}'
`, url, token, token[2:16], base64.StdEncoding.EncodeToString([]byte("x"+token)))
	runHook(t, exitOK, strings.NewReader(envelopes("e", 1)), "run", "-c", config, "--queue", queue)
	for id := range deliveryIDs(t, queue, "1") {
		for _, args := range [][]string{{}, {"--json"}, {"-c", config}} {
			out, _ := runHook(t, exitOK, nil, append([]string{"deliveries", "show", id, "--queue", queue}, args...)...)
			for _, secret := range []string{token, token[2:16], strings.ToUpper(token),
				base64.StdEncoding.EncodeToString([]byte("x" + token))[4:20]} {
				if strings.Contains(out, secret) {
					t.Errorf("show %v says %s: %s", args, secret, out)
				}
			}
			if !strings.Contains(out, `plain`) || !strings.Contains(out, "<secret>") {
				t.Errorf("show %v says %s", args, out)
			}
		}
	}
}
