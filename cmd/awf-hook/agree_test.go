package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// exitDisagree is the exit code of a test's awf-hook if its report, JSON, text and exit code disagree.
const exitDisagree = 99

// checkSaid is a variable: with it, a test's awf-hook also compares what it printed. Every script sets it.
const checkSaid = "AWF_HOOK_TEST_CHECK_SAID"

// agreeingMain is main for tests. It exits with exitDisagree if [engine.Report], its JSON, its text, the printed output
// and the exit code disagree.
func agreeingMain() {
	c := &command{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	var said bytes.Buffer
	if os.Getenv(checkSaid) != "" && !isTerminal(os.Stderr) {
		c.err = io.MultiWriter(os.Stderr, &said)
	}
	var report *engine.Report
	var search config.Search
	c.reported = func(s config.Search, r *engine.Report) {
		search, report = s, r
		fail(disagreements(s, r))
	}
	prepare()
	code := c.run(os.Args[1:])
	if report != nil && said.Len() > 0 {
		fail(unlikeSaid(search, report, said.String(), code, os.Args[1:]))
	}
	os.Exit(code)
}

func fail(disagreements []string) {
	if len(disagreements) > 0 {
		fmt.Fprintf(os.Stderr, "THE REPORTS DO NOT AGREE:\n%s\n", strings.Join(disagreements, "\n"))
		os.Exit(exitDisagree)
	}
}

// nextIn is the one part of a report's text that depends on when it is made.
var nextIn = regexp.MustCompile(` \(next in [^)]*\)`)

func timeless(text string) string { return nextIn.ReplaceAllString(text, "") }

// disagreements compares a report with its JSON and its text, and checks its sums.
func disagreements(search config.Search, r *engine.Report) (list []string) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return []string{err.Error()}
	}
	var decoded engine.Report
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		return []string{err.Error()}
	}
	if diff := cmp.Diff(r, &decoded, cmpopts.EquateEmpty()); diff != "" {
		list = append(list, "the JSON does not hold all of the report: "+diff)
	}
	text := timeless(reportText(search, r))
	if fromJSON := timeless(reportText(search, &decoded)); fromJSON != text {
		list = append(list, fmt.Sprintf("the JSON makes the text\n%s the report\n%s", fromJSON, text))
	}
	if sum := r.Delivered + r.Waiting + r.Retrying + r.Dead + r.Dropped + r.InFlight + r.Taken; sum != r.Deliveries {
		list = append(list, fmt.Sprintf("%d deliveries, but their fates are %d: %s", r.Deliveries, sum, encoded))
	}
	if sum := r.Kept + r.Spilled + r.Lost; sum != r.Waiting+r.Retrying && r.Unread == "" {
		list = append(list, fmt.Sprintf("%d wait, but in their places are %d: %s", r.Waiting+r.Retrying, sum, encoded))
	}
	inWebhooks := int64(0)
	for _, w := range r.Webhooks {
		inWebhooks += w.Waiting + w.Retrying
	}
	if inWebhooks != r.Left() && r.Unread == "" {
		list = append(list, fmt.Sprintf("%d are left, but of the webhooks %d: %s", r.Left(), inWebhooks, encoded))
	}
	return append(list, unlikeText(r, text)...)
}

// unlikeText compares the numbers in the report's text with the report.
func unlikeText(r *engine.Report, text string) (list []string) {
	total := r.Kept + r.Earlier.Waiting + r.Earlier.Retrying
	dead := r.Dead - r.DeadLost - r.DeadSpilled + r.Earlier.Dead
	if r.Queue == "" || r.Unread != "" {
		total, dead = 0, 0
	}
	own, rest, _ := strings.Cut(text, "\n")
	earlier := ""
	if strings.HasPrefix(rest, "awf-hook: of earlier runs: ") {
		earlier, rest, _ = strings.Cut(rest, "\n")
	}
	in := func(text, pattern string) (n int64) {
		if m := regexp.MustCompile(`(?m)` + pattern).FindStringSubmatch(text); m != nil {
			n, _ = strconv.ParseInt(m[slices.IndexFunc(m[1:], func(s string) bool { return s != "" })+1], 10, 64)
		}
		return n
	}
	for _, number := range []struct {
		text, pattern string
		want          int64
	}{
		{own, `(\d+) events?\b`, r.Events}, {own, `(\d+) deliver(?:y|ies):`, r.Deliveries}, {own, `(\d+) delivered`, r.Delivered},
		{own, `(\d+) waiting`, r.Waiting}, {own, `(\d+) to retry`, r.Retrying}, {own, `(\d+) dead`, r.Dead}, {own, `(\d+) dropped`, r.Dropped},
		{own, `(\d+) in flight`, r.InFlight}, {own, `(\d+) taken over`, r.Taken}, {own, `(\d+) known`, r.Known},
		{own, `(\d+) refused`, r.Refused}, {own, `(\d+) bad lines?`, r.BadLines},
		{earlier, `(\d+) delivered`, r.Earlier.Delivered}, {earlier, `(\d+) waiting`, r.Earlier.Waiting},
		{earlier, `(\d+) to retry`, r.Earlier.Retrying}, {earlier, `(\d+) dead`, r.Earlier.Dead},
		{earlier, `(\d+) dropped`, r.Earlier.Dropped}, {earlier, `(\d+) in flight`, r.Earlier.InFlight},
		{rest, `^awf-hook: (\d+) not delivered and lost: `, r.Lost}, {rest, `^awf-hook: (\d+) dead letters? lost: `, r.DeadLost},
		{rest, `^awf-hook: (\d+) kept (?:and \d+ dead letters? )?written to `, r.Spilled},
		{rest, `^awf-hook: (?:\d+ kept and )?(\d+) dead letters? written to `, r.DeadSpilled},
		{rest, `^awf-hook: (\d+) delivered will be sent again`, r.Again},
		{rest, `^awf-hook: (\d+) kept (?:and \d+ dead letters? )?in `, total},
		{rest, `^awf-hook: (?:\d+ kept and )?(\d+) dead letters? in `, dead},
	} {
		if got := in(number.text, number.pattern); got != number.want {
			list = append(list, fmt.Sprintf("the text has %d for %s, the report %d: %s", got, number.pattern, number.want, text))
		}
	}
	return list
}

// unlikeSaid compares the printed output and the exit code with the report.
func unlikeSaid(search config.Search, r *engine.Report, said string, code int, args []string) (list []string) {
	if slices.Contains(args, "--json") {
		var printed engine.Report
		lines := strings.Split(strings.TrimSpace(said), "\n")
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, `{"events":`) })
		if at < 0 || json.Unmarshal([]byte(lines[at]), &printed) != nil {
			return []string{"no JSON was printed"}
		}
		if diff := cmp.Diff(r, &printed, cmpopts.EquateEmpty()); diff != "" {
			list = append(list, "another JSON was printed: "+diff)
		}
	} else if said = recordsAsText(said); strings.Contains(said, " deliver") &&
		!strings.Contains(timeless(said), timeless(reportText(search, r))) {
		list = append(list, fmt.Sprintf("another text was printed than\n%s", reportText(search, r)))
	}
	failed := isFailure(r)
	switch {
	case slices.Contains(args, "exec"): // exits with its command's code
	case failed && code != exitFailure:
		list = append(list, fmt.Sprintf("exit code %d, but something is neither stored nor delivered", code))
	case code == exitNotDelivered && undelivered(r) == 0:
		list = append(list, "exit code 5, but all is delivered")
	case code == exitBadLines && r.BadLines == 0:
		list = append(list, "exit code 4, but there are no bad lines")
	}
	return list
}

// reportText returns a report as the command prints it.
func reportText(search config.Search, r *engine.Report) string {
	var b strings.Builder
	sayReport(func(format string, args ...any) { fmt.Fprintf(&b, "awf-hook: "+format+"\n", args...) }, search, r)
	return b.String()
}

// recordsAsText replaces the records of --log-format json with their messages.
func recordsAsText(said string) string {
	return regexp.MustCompile(`(?m)^\{"time":.*\}$`).ReplaceAllStringFunc(said, func(line string) string {
		var record struct{ Msg string }
		_ = json.Unmarshal([]byte(line), &record)
		return "awf-hook: " + record.Msg
	})
}
