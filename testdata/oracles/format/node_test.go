package format_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// judgeByNode starts judge.js, which asks the libraries of package.json. "make oracles" installs them.
func judgeByNode(t *testing.T, format string) func(c delivery.Content) error {
	cmd := exec.Command("node", "judge.js")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	answers := bufio.NewScanner(out)
	return func(c delivery.Content) error {
		line, err := json.Marshal(map[string]any{"format": format, "body": json.RawMessage(c.Body)})
		if err != nil {
			return err
		}
		if _, err := in.Write(append(line, '\n')); err != nil {
			return err
		}
		if !answers.Scan() {
			return fmt.Errorf("judge.js ended: %v", answers.Err())
		}
		if answer := answers.Text(); answer != "ok" {
			return fmt.Errorf("judge.js: %s", answer)
		}
		return nil
	}
}

// @discordjs/builders, which enforces the limits, takes every embed.
func TestDiscordBuilders(t *testing.T) { each(t, "discord", judgeByNode(t, "discord")) }

// Microsoft's own parser of adaptive cards knows all of every card.
func TestAdaptiveCards(t *testing.T) { each(t, "teams", judgeByNode(t, "teams")) }

// Splunk's own logging library makes the same members of the same values.
func TestSplunk(t *testing.T) { each(t, "splunk", judgeByNode(t, "splunk")) }

// Rocket.Chat's own parser finds no link, picture, mention or emphasis in the texts of messages.
func TestRocketChatParser(t *testing.T) { each(t, "rocketchat", judgeByNode(t, "rocketchat")) }

// CommonMark, which Mattermost's apps and other receivers read, finds none either.
func TestCommonMark(t *testing.T) {
	for _, name := range []string{"mattermost", "incidentio", "oncall"} {
		t.Run(name, func(t *testing.T) { each(t, name, judgeByNode(t, name)) })
	}
}

// The judges find faults: else their "ok" would say nothing.
func TestJudgesFindFaults(t *testing.T) {
	long := strings.Repeat("x", 4097)
	for format, bodies := range map[string][]string{
		"discord": {
			`{"embeds":[{"color":1,"timestamp":"2026-11-24T00:00:00Z","description":"` + long + `"}]}`,
			`{"embeds":[{"color":1,"timestamp":"2026-11-24T00:00:00Z","fields":[{"name":"` + long + `","value":"x"}]}]}`,
			`{"embeds":[{"color":1,"timestamp":"2026-11-24T00:00:00Z","url":"javascript:alert(1)"}]}`,
		},
		"teams": {
			`{"attachments":[{"content":{"type":"AdaptiveCard","version":"1.4","body":[{"type":"NoSuchBlock"}]}}]}`,
			`{"attachments":[{"content":{"type":"AdaptiveCard","version":"1.4",` +
				`"body":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","wieght":"bolder","text":"x"}]}]}}]}`,
			`{"attachments":[{"content":{"type":"AdaptiveCard","version":"1.4","body":[],"actions":[{"type":"Action.OpenUrl","title":"x"}]}}]}`,
		},
		"splunk": {`{"time":1.5,"hostname":"a","event":{"a":1}}`},
		"rocketchat": {
			`{"text":"*x*","attachments":[{"title":"[\u200ba](https://evil.example)"}]}`, `{"text":"*x* _y_"}`, `{"text":"*x* @bob"}`,
			`{"text":"*x*","attachments":[{"fields":[{"title":"a","value":"![\u200ba](https://evil.example/x.png)"}]}]}`,
		},
		"mattermost": {`{"text":"**x**","attachments":[{"text":"[\u200ba](https://evil.example)"}]}`},
		"oncall":     {`{"title":"a*b*c","message":""}`},
	} {
		judge := judgeByNode(t, format)
		for _, body := range bodies {
			if judge(delivery.Content{Body: []byte(body)}) == nil {
				t.Errorf("%s: nothing found in %.200s", format, body)
			}
		}
	}
}
