package engine_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// mutations change a line of a configuration as a slip of the hand does. They return a line in which there is nothing to change as it is.
var mutations = map[string]func(line string) string{
	"a quote is dropped":  func(line string) string { return strings.Replace(line, `"`, "", 1) },
	"a tag is put before": func(line string) string { return strings.Replace(line, ": ", ": !x ", 1) },
	"a ! is put before":   func(line string) string { return strings.Replace(line, ": ", ": ! ", 1) },
	"a colon is dropped":  func(line string) string { return strings.Replace(line, ":", "", 1) },
	"a space is dropped":  func(line string) string { return strings.Replace(line, ": ", ":", 1) },
	"letters are swapped": func(line string) string { return keyStart.ReplaceAllString(line, "$1$3$2") },
	"a case is changed": func(line string) string {
		return keyStart.ReplaceAllStringFunc(line, func(s string) string { return s[:len(s)-2] + strings.ToUpper(s[len(s)-2:]) })
	},
	"a bracket is dropped": func(line string) string { return strings.Replace(line, "]", "", 1) },
	"a brace is dropped":   func(line string) string { return strings.Replace(line, "}", "", 1) },
	"an indent is added":   func(line string) string { return " " + line },
	"a tab is put before":  func(line string) string { return "\t" + line },
}

// keyStart matches the beginning of a line up to the first two letters of its key.
var keyStart = regexp.MustCompile(`^( *(?:- )?)([a-z])([a-z])`)

const mutated = `webhooks:
  - name: oncall
    url: "https://events.pagerduty.com/v2/enqueue"
    events: [workflow_error, "step_*"]
    filter: 'workflow_name startsWith "deploy-" and payload.duration > 60'
    transform:
      - map: {text: "{{ workflow_name }}", level: 3}
    secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
    signing: [awf, standard]
    headers: {X-Team: "platform"}
    timeout: 10s
    retry: {max_attempts: 3, delay: 5s}
    rate: 60/min
    max_in_flight: 4
    order_by: "workflow_id"
  - url: https://example.com/hook
    enabled: true
    retry:
      schedule: [1s, 5s]
      statuses: [409]
network:
  https_only: true
  allow: [10.0.0.0/8]
queue:
  keep: 7d
  max_size: 1GiB
`

// meaning returns the output of check --print, and the parts of a configuration that are not in it.
func meaning(cfg *config.Config) string {
	var b strings.Builder
	for _, v := range cfg.Values() {
		fmt.Fprintln(&b, v.Key, v.Text)
	}
	for _, w := range cfg.Webhooks {
		fmt.Fprintln(&b, w.Name, w.Enabled, w.URL.Reveal(), w.OrderBy.Value)
		for _, v := range w.Values() {
			fmt.Fprintln(&b, v.Key, strings.Fields(v.Text)) // the indent of a block does not matter
		}
		for _, h := range w.Headers {
			fmt.Fprintln(&b, h.Name, h.Value.Reveal())
		}
		for _, s := range w.Secrets {
			fmt.Fprintln(&b, s.Reveal())
		}
		for _, s := range w.Transform {
			if s.Map != nil {
				b.Write(s.Map.AppendJSON(nil))
			}
		}
	}
	return b.String()
}

// tolerated has the slips that are reported at another line, each with the reason.
var tolerated = map[string]string{
	"scalars.yaml: a colon is dropped: https://example.com/folded":  "a folded value is told where it begins",
	"scalars.yaml: letters are swapped: https://example.com/folded": "a folded value is told where it begins",
	"custom.yaml: an indent is added: - github": "YAML reads an entry that is indented further " +
		"as more text of the entry above",
}

// isBelow reports whether the mistake of an added indent was found in the lines below, which no longer fit.
func isBelow(kind string, line int, found config.Errors) bool {
	return kind == "an indent is added" && slices.ContainsFunc(found, func(m *config.Error) bool {
		return m.Line > line && strings.Contains(m.Message, "not YAML: ")
	})
}

// A slip is reported at its line, or does not change what the configuration means.
func TestSlipsAreToldOrMeanTheSame(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	files := map[string]string{"mutated": mutated}
	for _, name := range []string{"custom.yaml", "signing.yaml", "scalars.yaml", "names.yaml"} {
		text, err := os.ReadFile("../testdata/config/ok/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	tried, told, same, below := 0, 0, 0, 0
	for name, text := range files {
		before, err := config.Parse("f.yaml", []byte(text), none)
		if err != nil {
			t.Fatal(name, err)
		}
		_, unwise := engine.Check(before, engine.Options{})
		known := config.Errors(append(before.Warnings, unwise...)).Error()
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			for kind, mutate := range mutations {
				changed := mutate(line)
				if changed == line || strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimSpace(line), "#") {
					continue
				}
				tried++
				after := slices.Clone(lines)
				after[i] = changed
				cfg, err := config.Parse("f.yaml", []byte(strings.Join(after, "\n")), none)
				var found config.Errors
				errors.As(err, &found)
				mistakes, warnings := engine.Check(cfg, engine.Options{})
				found = slices.Concat(found, cfg.Warnings, mistakes, warnings)
				switch {
				case slices.ContainsFunc(found, func(m *config.Error) bool {
					return m.Line == i+1 && !strings.Contains(known, m.Error())
				}):
					told++
				case err == nil && meaning(cfg) == meaning(before):
					same++
				case isBelow(kind, i+1, found):
					below++
				case tolerated[name+": "+kind+": "+strings.TrimSpace(line)] == "":
					t.Errorf("%s:%d: %s: %q changes the meaning and is not reported at its line: %v", name, i+1, kind, changed, found)
				}
			}
		}
	}
	t.Logf("%d slips: %d reported at their line, %d mean the same, %d indents reported below, %d tolerated", tried, told, same, below,
		tried-told-same-below)
	if tried < 200 {
		t.Errorf("%d slips were tried, want 200 or more", tried)
	}
}
