package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// families are metrics by name, with their type and their labels, as docs/serve.md's table writes both.
type families map[string]string

// scraped reads what /metrics answers.
func scraped(text string) families {
	found, labels := families{}, map[string][]string{}
	for line := range strings.Lines(text) {
		if name, typ, is := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# TYPE "), " "); is && strings.HasPrefix(line, "# TYPE ") {
			found[name] = typ
			continue
		}
		m := regexp.MustCompile(`^([a-z_]+?)(?:_bucket|_sum|_count)?\{(.*)\} `).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var names []string
		for _, label := range regexp.MustCompile(`(?:^|,)([a-z_]+)="`).FindAllStringSubmatch(m[2], -1) {
			if label[1] != "le" {
				names = append(names, label[1])
			}
		}
		labels[m[1]] = names
	}
	for name, typ := range found {
		slices.Sort(labels[name])
		found[name] = typ + " | " + strings.Join(labels[name], ", ")
	}
	return found
}

// ours are those of awf-hook.
func (f families) ours() families {
	mine := families{}
	for name, is := range f {
		if strings.HasPrefix(name, "awf_hook_") {
			mine[name] = is
		}
	}
	return mine
}

// listed reads the table of docs/serve.md.
func listed(t *testing.T) families {
	t.Helper()
	page, err := os.ReadFile(root + "docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	found := families{}
	row := regexp.MustCompile("(?m)^\\| `(awf_hook_[a-z_]+)` \\| ([a-z]+) \\|([a-z_, ]*)\\|")
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		labels := strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(labels)
		found[m[1]] = m[2] + " | " + strings.Join(labels, ", ")
	}
	return found
}

var (
	metricName = regexp.MustCompile(`\b(?:awf_hook|go|process)_[a-z_]+`)
	labelNames = regexp.MustCompile(`(?:by|on|without) \(([a-z_, ]+)\)|[{,] ?([a-z_]+)(?:=~?|!=|!~)"|\{\{ ?\$?(?:labels\.)?([a-z_]+) ?\}\}`)
)

// uses checks that an expression, and the texts beside it, name metrics and labels that there are, and returns the metrics.
func (f families) uses(t *testing.T, where, text string) (names []string) {
	t.Helper()
	labels := []string{"instance", "job", "le"}
	for _, name := range metricName.FindAllString(text, -1) {
		name = strings.TrimSuffix(name, "_bucket")
		if f[name] == "" {
			t.Errorf("%s uses %s, which is not a metric", where, name)
		}
		_, of, _ := strings.Cut(f[name], " | ")
		labels, names = append(labels, strings.Split(of, ", ")...), append(names, name)
	}
	for _, m := range labelNames.FindAllStringSubmatch(text, -1) {
		for label := range strings.FieldsFuncSeq(m[1]+m[2]+m[3], func(r rune) bool { return r == ',' || r == ' ' }) {
			if !slices.Contains(labels, label) {
				t.Errorf("%s uses the label %s, which none of its metrics has: %s", where, label, text)
			}
		}
	}
	return names
}

// promtool runs Prometheus's own tool.
func promtool(t *testing.T, dir, stdin string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("no promtool: install Debian's package prometheus")
	}
	cmd := exec.Command("promtool", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v: %s", args, err, out)
	}
}

// panel is a part of a dashboard of Grafana.
type panel struct {
	ID         int    `json:"id"`
	Type       string `json:"type"`
	Title      string `json:"title"`
	Datasource *source
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct {
		RefID, Expr, LegendFormat string
		Datasource                *source
	}
}

type source struct{ Type, UID string }

// The dashboard's queries parse, name metrics and labels that there are, and ask the source that its reader chooses. It shows every metric
// but those that are for alerts and joins.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(root + "examples/deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		SchemaVersion int    `json:"schemaVersion"`
		UID           string `json:"uid"`
		ID            any    `json:"id"`
		Templating    struct {
			List []struct{ Name, Type, Query any }
		}
		Panels []panel
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.SchemaVersion < 36 || board.UID == "" || board.ID != nil || board.Templating.List[0].Type != "datasource" {
		t.Errorf("the dashboard is of schema %d, uid %q, id %v, and its first variable is %v", board.SchemaVersion, board.UID, board.ID,
			board.Templating.List[0])
	}
	f := listed(t)
	for name, is := range map[string]string{"process_resident_memory_bytes": "gauge | ", "go_goroutines": "gauge | "} {
		f[name] = is
	}
	shown, ids, rules := map[string]bool{}, map[int]bool{}, strings.Builder{}
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	chosen := func(where string, s *source) {
		if s == nil || *s != (source{"prometheus", "${datasource}"}) {
			t.Errorf("%s asks %v, want the data source that the reader chooses", where, s)
		}
	}
	taken := map[[2]int]string{} // of the grid
	for _, p := range board.Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s stands on %s, or beside the grid", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s has the id %d of another panel", p.Title, p.ID)
		}
		if ids[p.ID] = true; p.Type == "row" {
			continue
		}
		chosen(p.Title, p.Datasource)
		for _, target := range p.Targets {
			chosen(p.Title, target.Datasource)
			expr := strings.NewReplacer("$__rate_interval", "5m", "$webhook", ".*").Replace(target.Expr)
			for _, name := range f.uses(t, p.Title, expr+" "+target.LegendFormat) {
				shown[name] = true
			}
			fmt.Fprintf(&rules, "      - {record: %q, expr: %q}\n", fmt.Sprintf("panel_%d:%s", p.ID, target.RefID), expr)
		}
	}
	for name := range f {
		if !shown[name] && !slices.Contains(unshown, name) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "", "check", "rules", file)
}

// The alert rules name metrics and labels that there are, each has a test, and Prometheus's own tool runs them.
func TestAlerts(t *testing.T) {
	dir := root + "examples/deploy"
	rules, err := os.ReadFile(dir + "/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(dir + "/alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	alerts := strings.Split(string(rules), "- alert: ")[1:]
	if len(alerts) < 6 {
		t.Errorf("%d alerts, want 6", len(alerts))
	}
	for _, alert := range alerts {
		name, _, _ := strings.Cut(alert, "\n")
		listed(t).uses(t, name, alert)
		if !regexp.MustCompile(`alertname: ` + name + "\n +exp_alerts:").Match(tests) {
			t.Errorf("%s is not seen to fire in a test", name)
		}
	}
	promtool(t, dir, "", "check", "rules", "alerts.yaml")
	promtool(t, dir, "", "test", "rules", "alerts_test.yaml")
}

// systemd finds nothing wrong with the units.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze: install Debian's package systemd")
	}
	dir := t.TempDir()
	found, err := filepath.Glob(root + "examples/deploy/awf-hook*.*")
	if err != nil || len(found) < 4 {
		t.Fatal(found, err)
	}
	binary, err := exec.LookPath("awf-hook")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "--man=no"}
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.ReplaceAll(string(text), "/usr/local/bin/awf-hook", binary))
		args = append(args, filepath.Join(dir, filepath.Base(file)))
		if err := os.WriteFile(args[len(args)-1], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if said := regexp.MustCompile(`(?m)^.*awf-hook.*$`).FindAllString(string(out), -1); err != nil || len(said) > 0 {
		t.Errorf("systemd-analyze: %v: %s", err, out)
	}
}
