package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

type testFlags struct {
	config    string
	noProject bool
	json      bool
	update    bool
	run       string
}

func (c *command) testCommand() *cobra.Command {
	var flags testFlags
	cmd := &cobra.Command{
		Use:   "test [TESTS…]",
		Short: "Run the configuration's own tests: events in, requests out",
		Long: `test runs the tests in the configuration, in the file beside it whose name ends in _test.yaml (awf-hook_test.yaml for
awf-hook.yaml) and in the files TESTS, and shows how what would be sent differs from what is wanted. Nothing is sent.
It exits with 1 if a test fails. --update writes what would be sent into the files.`,
		Example: "  awf-hook test -c awf-hook.yaml",
		RunE:    func(_ *cobra.Command, files []string) error { return c.test(files, flags) },
	}
	c.searchFlags(cmd, &flags.config, &flags.noProject)
	cmd.Flags().BoolVar(&flags.json, "json", false, "print one JSON object for each test")
	cmd.Flags().BoolVar(&flags.update, "update", false, "write what would be sent into the tests that fail")
	cmd.Flags().StringVar(&flags.run, "run", "", "only the tests whose name contains `TEXT`")
	return cmd
}

func (c *command) test(files []string, flags testFlags) error {
	search := config.Search{File: flags.config, NoProject: flags.noProject, Env: os.LookupEnv}
	cfg, err := load(search)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	tests, err := collectTests(cfg, files)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	eng, err := c.openDry(search)
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
		result, err := c.runTest(eng, &tests[i])
		if err != nil {
			return failure(err)
		}
		if result.diff != "" {
			failed = append(failed, result)
		}
		c.sayTest(result, flags)
	}
	if flags.update {
		return updateTests(failed)
	}
	if !flags.json {
		fmt.Fprintf(c.out, "tests: %d, failed: %d\n", ran, len(failed))
	}
	if len(failed) > 0 {
		return &exitError{code: exitFailure}
	}
	return nil
}

// collectTests lists the tests of the configuration, of the files beside it and of those given.
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
			return nil, fmt.Errorf("%s: a file of tests has no webhooks; -c names a configuration", file)
		}
		tests = append(tests, own.Tests...)
	}
	return tests, nil
}

// testResult is what came of a test.
type testResult struct {
	test   *config.Test
	actual []actual
	diff   string // "" if it is as wanted
}

// actual is what a webhook made of an event, where it wanted it.
type actual struct {
	engine.Preview
	event string
	wants *config.Want // that it answers; nil if it is not wanted
}

func (c *command) runTest(eng *engine.Engine, t *config.Test) (*testResult, error) {
	events, err := testEvents(t)
	if err != nil {
		return nil, fmt.Errorf("%s:%d:%d: %w", t.File, t.Line, t.Col, err)
	}
	r := &testResult{test: t}
	for _, ev := range events {
		for _, p := range eng.Preview(context.Background(), ev, ev.Timestamp) {
			if p.Verdict != engine.OtherType && p.Verdict != engine.FilteredOut {
				r.actual = append(r.actual, actual{Preview: p, event: ev.Type})
			}
		}
	}
	r.compare()
	return r, nil
}

// testEvents are the events of a test.
func testEvents(t *config.Test) ([]*event.Event, error) {
	var broken error
	fail := func(err *event.LineError) { broken = err }
	var events []*event.Event
	var err error
	if t.Event != nil {
		events, err = collectEvents(nil, "event", bytes.NewReader(envelope(t.Event)), fail)
	} else {
		file := t.Events.Value
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(t.File), file)
		}
		f, openErr := os.Open(file)
		if openErr != nil {
			return nil, openErr
		}
		defer f.Close()
		events, err = collectEvents(nil, file, f, fail)
	}
	switch {
	case err != nil:
		return nil, err
	case broken != nil:
		return nil, broken
	case len(events) == 0:
		return nil, errors.New("there is no event in it")
	}
	return events, nil
}

// envelope writes an event of a test as a line. What an envelope must have and the test does not give is made up.
func envelope(t *config.Tree) []byte {
	given := string(t.AppendJSON(nil, appendString))
	defaults := []struct{ key, value string }{
		{"event", `"workflow_end"`}, {"workflow_id", `"run-1"`}, {"workflow_name", `"workflow"`}, {"timestamp", `"2026-01-01T00:00:00Z"`}, {"payload", "{}"},
	}
	if t.Kind != config.TreeMapping || t.Get("execution_id") != nil || t.Get("run_id") != nil || t.Get("metadata") != nil {
		return []byte(given + "\n") // another dialect's
	}
	line := strings.TrimSuffix(given, "}")
	for _, d := range defaults {
		if t.Get(d.key) == nil {
			if line != "{" {
				line += ","
			}
			line += `"` + d.key + `":` + d.value
		}
	}
	return []byte(line + "}\n")
}

func appendString(dst []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always is JSON
	return append(dst, text...)
}

// testJSON is a test's result as --json prints it.
type testJSON struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Diff   string `json:"diff,omitempty"`
}

func (c *command) sayTest(r *testResult, flags testFlags) {
	t := r.test
	if flags.json {
		text, _ := json.Marshal(testJSON{t.File, t.Line, t.Col, t.Name, r.diff == "", r.diff}) // texts and numbers only
		fmt.Fprintf(c.out, "%s\n", text)
		return
	}
	if r.diff != "" {
		fmt.Fprintf(c.out, "%s:%d:%d: %s: failed\n%s", t.File, t.Line, t.Col, plain(t.Name), harmless(r.diff))
	}
}

// updateTests writes what would be sent into the files of the tests.
func updateTests(failed []*testResult) error {
	blocks := map[string]map[*config.Test][]string{}
	for _, r := range failed {
		if blocks[r.test.File] == nil {
			blocks[r.test.File] = map[*config.Test][]string{}
		}
		blocks[r.test.File][r.test] = r.block()
	}
	for file, wants := range blocks {
		text, err := os.ReadFile(file)
		if err != nil {
			return failure(err)
		}
		updated, err := config.UpdateWants(file, text, wants)
		if err != nil {
			return failure(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			return failure(err)
		}
		if err := os.WriteFile(file, updated, info.Mode().Perm()); err != nil {
			return failure(err)
		}
	}
	return nil
}
