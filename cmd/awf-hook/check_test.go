package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// bigConfig returns a configuration of a thousand webhooks, every fifth with a mistake, and the output that check must
// print.
func bigConfig(file string) (text, want string) {
	var b, said strings.Builder
	b.WriteString("webhooks:\n")
	line := 1
	for i := range 1000 {
		keys := []string{
			fmt.Sprintf("- name: webhook-%d", i),
			"  url: https://hooks.example.com/services/" + fmt.Sprint(i),
			`  events: [workflow_error, "step_*"]`,
			`  filter: workflow_name startsWith "deploy-" and payload.duration > 60`,
			"  secret: 0123456789abcdef",
			"  headers: {X-Team: platform}",
			"  retry: {max_attempts: 3, delay: 5s}",
		}
		mistakes := []struct {
			key              int
			text, at, report string
		}{
			{1, "  url: ftp://hooks.example.com/", "10", "url: want a URL that begins with https:// or http://"},
			{2, "  event: [workflow_error]", "5", "event: unknown key, did you mean events?"},
			{3, `  filter: workflow_nam == "x"`, "13", "filter: unknown name workflow_nam: did you mean workflow_name?"},
			{6, "  retry: {max_attempts: 0}", "27", "retry.max_attempts: want 1 to 50, got 0"},
			{6, "  timeout: 9h", "14", "timeout: want 10ms to 5m, got 9h"},
		}
		if i%5 == 0 {
			m := mistakes[i/5%len(mistakes)]
			keys[m.key] = m.text
			fmt.Fprintf(&said, "%s:%d:%s: webhooks[%d].%s\n", file, line+m.key+1, m.at, i, m.report)
		}
		for _, key := range keys {
			b.WriteString("  " + key + "\n")
		}
		line += len(keys)
	}
	return b.String(), said.String()
}

// check reports all 200 mistakes of 1,000 webhooks, sorted, in less than 300 ms. The bound here leaves room for a slow
// machine.
func TestCheckSaysAllMistakesOfManyWebhooksInTime(t *testing.T) {
	const bound = 5 * time.Second
	text, _ := bigConfig("")
	file := writeConfig(t, "%s", text)
	_, want := bigConfig(file)
	if n := strings.Count(want, "\n"); n != 200 {
		t.Fatalf("%d mistakes, want 200", n)
	}
	best := time.Hour
	for range 3 {
		begun := time.Now()
		out, said := runHook(t, exitConfig, strings.NewReader(""), "check", file)
		best = min(best, time.Since(begun))
		if said != want || out != "" {
			t.Fatalf("check said %s%s", out, said)
		}
	}
	t.Logf("1,000 webhooks with 200 mistakes: %v", best)
	if best > bound {
		t.Errorf("it took %v", best)
	}
}
