package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/spf13/cobra"
)

type testFlags struct {
	configFlags
	json    bool
	update  bool
	run     string
	webhook string
}

func (f *testFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each test")
	cmd.Flags().BoolVar(&f.update, "update", false, "write what would be sent into the tests that fail")
	cmd.Flags().StringVar(&f.webhook, "webhook", "", "look only at the requests of the webhook of this `NAME`")
	cmd.Flags().StringVar(&f.run, "run", "", "run only the tests whose name contains `TEXT`")
}

func (c *command) testCommand() *cobra.Command {
	var flags testFlags
	cmd := &cobra.Command{
		Use:  "test [TESTS…]",
		RunE: func(_ *cobra.Command, files []string) error { return c.test(files, flags) },
	}
	flags.configFlags.add(cmd)
	flags.add(cmd)
	return cmd
}

func (c *command) test(files []string, flags testFlags) error {
	if flags.update && flags.webhook != "" {
		return errors.New("--update goes without --webhook: it writes the requests of all webhooks")
	}
	cfg, err := c.loadDry(flags.search())
	if err != nil {
		return err
	}
	if err := hasWebhook(cfg, flags.webhook); err != nil {
		return failure(err)
	}
	tests, err := collectTests(cfg, files)
	if err == nil {
		err = knownWebhooks(cfg, tests)
	}
	if err != nil {
		return &exitError{exitConfig, err}
	}
	eng, err := c.openEngine(cfg, engine.Options{})
	if err != nil {
		return err
	}
	defer eng.Close()

	var failed []*testResult
	ran := 0
	for i := range tests {
		if !strings.Contains(tests[i].Name, flags.run) {
			continue
		}
		ran++
		result := runTest(eng, &tests[i], flags.webhook)
		if !result.passed() {
			failed = append(failed, result)
		}
		c.sayTest(result, flags)
	}
	switch {
	case ran == 0 && flags.run != "":
		return &exitError{exitConfig, fmt.Errorf("--run: the name of none of %d tests contains %q", len(tests), flags.run)}
	case ran == 0:
		return &exitError{exitConfig, fmt.Errorf("no tests in %s or beside it", strings.Join(cfg.Files, ", "))}
	}
	return c.endTests(ran, failed, flags)
}

// endTests updates the tests that failed, if the user asked for it, and prints how many failed.
func (c *command) endTests(ran int, failed []*testResult, flags testFlags) error {
	updated := ""
	if flags.update {
		if err := updateTests(failed); err != nil {
			return err
		}
		before := len(failed)
		failed = slices.DeleteFunc(failed, func(r *testResult) bool { return r.canUpdate() && !r.hides() })
		updated = fmt.Sprintf(", updated: %d", before-len(failed))
	}
	if !flags.json {
		fmt.Fprintf(c.out, "tests: %d%s, failed: %d\n", ran, updated, len(failed))
	}
	if len(failed) > 0 {
		return &exitError{code: exitFailure}
	}
	return nil
}

// collectTests lists the tests of the configuration, of the files beside it and of the given files.
func collectTests(cfg *config.Config, files []string) ([]config.Test, error) {
	tests := cfg.Tests
	for _, file := range cfg.Files {
		ext := filepath.Ext(file)
		beside := strings.TrimSuffix(file, ext) + "_test" + ext
		if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
			files = append(files, beside)
		}
	}
	for _, file := range files {
		own, err := config.Load(file, os.LookupEnv)
		if err != nil {
			return nil, err
		}
		if len(own.Webhooks) > 0 {
			return nil, fmt.Errorf("%s: a file of tests has no webhooks; name a configuration with -c", file)
		}
		tests = append(tests, own.Tests...)
	}
	return tests, nil
}

// knownWebhooks returns an error for a test with an unknown webhook, and suggests one.
func knownWebhooks(cfg *config.Config, tests []config.Test) error {
	names := namesOf(slices.Concat(cfg.Webhooks, cfg.ActiveAnywhere()))
	for i := range tests {
		for _, want := range tests[i].Want {
			if !slices.Contains(names, want.Webhook) {
				return fmt.Errorf("%v: %w", want.Pos, spelling.Unknown("webhook", want.Webhook, names))
			}
		}
	}
	return nil
}

// testResult is a test with what the webhooks made of its events.
type testResult struct {
	test     *config.Test
	actual   []actual
	silent   map[string]string // why a webhook wanted no event, by name
	problems []string          // in words
	diff     string            // of requests that are missing or unwanted
	noEvents bool              // they could not be read
}

func (r *testResult) passed() bool { return r.diff == "" && len(r.problems) == 0 }

// canUpdate reports whether the test can want what happened. It cannot want a failure.
func (r *testResult) canUpdate() bool {
	return !r.noEvents && !r.has(func(made result) bool { return made.failure != "" })
}

// hides reports whether an update leaves a header as it is, because the request's value may be a credential.
func (r *testResult) hides() bool {
	return r.has(func(made result) bool {
		return slices.ContainsFunc(made.headers, func(h [2]string) bool { return h[1] == engine.Masked })
	})
}

func (r *testResult) has(what func(result) bool) bool {
	return slices.ContainsFunc(r.actual, func(a actual) bool { return what(a.result(a.wants)) })
}

// actual is the outcome of a webhook for an event that it wanted.
type actual struct {
	engine.Preview
	event string
	wants *config.Want // the entry of the test that it matches; nil if none does
}

// runTest runs a test. It looks only at the requests of one webhook, unless its name is "".
func runTest(eng *engine.Engine, t *config.Test, webhook string) *testResult {
	events, err := testEvents(t)
	if err != nil {
		return &testResult{test: t, problems: []string{err.Error()}, noEvents: true}
	}
	if webhook != "" {
		only := *t
		only.Want = slices.DeleteFunc(slices.Clone(t.Want), func(w config.Want) bool { return w.Webhook != webhook })
		t = &only
	}
	r := &testResult{test: t, silent: map[string]string{}}
	for _, ev := range events {
		for _, p := range eng.Preview(context.Background(), ev, ev.Timestamp) {
			if webhook != "" && p.Webhook != webhook {
				continue
			}
			if p.Choice == engine.OtherType || p.Choice == engine.FilteredOut {
				r.silent[p.Webhook] = choice(p.Choice) + ": " + p.Why
				continue
			}
			r.actual = append(r.actual, actual{Preview: p, event: ev.Type})
		}
	}
	r.compare()
	return r
}

// testEvents reads the events of a test.
func testEvents(t *config.Test) ([]*event.Event, error) {
	name, text := "event", []byte(nil)
	switch {
	case t.Event != nil && t.Event.Kind != config.TreeMapping:
		return nil, errors.New("event: want a mapping, such as {event: workflow_end}")
	case t.Event != nil:
		text = envelope(t.Event)
	default:
		var err error
		if text, err = t.Read(maxEvents); err != nil {
			return nil, err
		}
		name = t.Events.Value
	}
	var broken error
	events, err := collectEvents(nil, name, bytes.NewReader(text), func(err *event.LineError) { broken = err })
	switch {
	case err != nil:
		return nil, err
	case broken != nil:
		return nil, broken
	case len(events) == 0:
		return nil, errors.New("no event found")
	}
	return events, nil
}

// envelope writes an event of a test as a line. It adds required keys that the test lacks.
func envelope(t *config.Tree) []byte {
	const since = "2026-01-01T00:00:00Z"
	return append(completed(t.AppendJSON(nil), since), '\n')
}

// testJSON is a test's result as --json prints it.
type testJSON struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Name   string `json:"name"`
	OK     bool   `json:"ok"`

	Problems []string `json:"problems,omitempty"`
	Diff     string   `json:"diff,omitempty"`
}

func (c *command) sayTest(r *testResult, flags testFlags) {
	t := r.test
	if flags.json {
		encode(c.out, testJSON{t.File, t.Line, t.Col, t.Name, r.passed(), r.problems, r.diff})
		return
	}
	show := newPrinter(c.out)
	verdict := show.colour(green, "passed")
	if !r.passed() {
		verdict = show.colour(red, "failed")
	}
	fmt.Fprintf(c.out, "%v: %s: %s\n", t.Pos, plain(t.Name), verdict)
	for _, problem := range r.problems {
		fmt.Fprintf(c.out, "  %s\n", plain(problem))
	}
	fmt.Fprint(c.out, show.diff(r.diff))
}

// updateTests writes what would be sent into the files of the tests that can want it.
func updateTests(failed []*testResult) error {
	blocks := map[string]map[*config.Test][]string{}
	for _, r := range failed {
		if !r.canUpdate() {
			continue
		}
		if blocks[r.test.File] == nil {
			blocks[r.test.File] = map[*config.Test][]string{}
		}
		var lines []string
		for i := range r.actual {
			lines = append(lines, r.actual[i].yaml()...)
		}
		blocks[r.test.File][r.test] = lines
	}
	for file, wants := range blocks {
		if err := updateFile(file, wants); err != nil {
			return failure(err)
		}
	}
	return nil
}

func updateFile(name string, wants map[*config.Test][]string) error {
	text, err := readFile(name, maxEvents)
	if err != nil {
		return err
	}
	updated, err := config.UpdateWants(name, text, wants)
	if err != nil {
		return err
	}
	if err := file.Write(name, updated, 0o666); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
