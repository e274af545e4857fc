package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/spf13/cobra"
)

const maxPast = 256 << 20 // bytes of all files together

// backtestFlags are the flags of backtest.
type backtestFlags struct {
	configFlags
	against string
	since   string
	webhook string
	json    bool
}

// backtestJSON is the result of a webhook for past events, as --json prints it.
type backtestJSON struct {
	Webhook string `json:"webhook"`
	view.Compared
	Samples []string `json:"samples,omitempty"` // of the differences, as unified diffs

	name string
}

func (c *command) backtestCommand() *cobra.Command {
	var b backtestFlags
	cmd := &cobra.Command{
		Use:  "backtest [AUDIT|FOLDER…]",
		RunE: func(_ *cobra.Command, paths []string) error { return c.backtest(b, paths) },
	}
	b.configFlags.add(cmd)
	cmd.Flags().StringVar(&b.against, "against", "", "compare with the configuration in this `FILE`")
	cmd.Flags().StringVar(&b.since, "since", "", "only events since a `TIME` like 2026-11-24T00:00:00Z, or within a duration like 1h or 7d")
	cmd.Flags().StringVar(&b.webhook, "webhook", "", "show only the webhook of this `NAME`")
	cmd.Flags().BoolVar(&b.json, "json", false, "print one JSON object for each webhook")
	return cmd
}

func (c *command) backtest(b backtestFlags, paths []string) error {
	since, err := sinceTime(b.since)
	if err != nil {
		return err
	}
	eng, err := c.openDry(b.configFlags, b.webhook)
	if err != nil {
		return err
	}
	defer eng.Close()
	var old *engine.Engine
	if b.against != "" {
		if old, err = c.openDry(configFlags{file: b.against}, ""); err != nil {
			return err
		}
		defer old.Close()
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			c.leftOut(path, err)
		}
	}
	if paths, err = followed(paths); err != nil {
		return failure(err)
	}
	lines, err := c.pastLines(paths)
	if err != nil {
		return failure(err)
	}
	results, name, oldName := map[string]*backtestJSON{}, namesIn(eng), namesIn(old)
	for _, w := range eng.Config().ActiveAnywhere() {
		r := &backtestJSON{Webhook: name(w.Identity), name: w.Name}
		r.Rate, results[r.Webhook] = rateOf(&w), r
	}
	events := 0
	ctx := context.Background()
	read := func(ev event.Event) {
		if ev.Timestamp.Before(since) {
			return
		}
		events++
		add(results, &ev, view.Requests(ctx, eng, name, &ev), view.Requests(ctx, old, oldName, &ev))
	}
	stream := engine.Stream{In: bytes.NewReader(joined(lines)), Broken: brokenOf(lines, c.printBroken())}
	if err := engine.Events(ctx, stream, read); err != nil {
		return failure(err)
	}
	if events == 0 {
		when := ""
		if b.since != "" {
			when = " since " + b.since
		}
		return failure(fmt.Errorf("no event%s in %s", when, strings.Join(paths, " and ")))
	}
	c.printBacktest(b, results, events)
	return nil
}

// brokenOf passes broken lines on with the places that they have in their files.
func brokenOf(lines []pastLine, say func(*event.LineError)) func(*event.LineError) {
	return func(err *event.LineError) {
		at := lines[err.Line-1]
		say(&event.LineError{File: plain(at.file), Line: at.number, Reason: err.Reason})
	}
}

// namesIn returns a function that names the webhooks of an engine's configuration; the engine may be nil.
func namesIn(eng *engine.Engine) func(identity string) string {
	if eng == nil {
		return nil
	}
	return api.NameOf(eng.Config().ActiveAnywhere(), func(w *config.Webhook) string { return w.Identity })
}

func (c *command) leftOut(path string, err error) {
	c.sayf("%s: %v: it is left out", plain(path), cause(err))
}

// rateOf returns a webhook's configured rate, else its format's.
func rateOf(w *config.Webhook) string {
	for _, v := range w.Values() {
		if v.Key == "rate" {
			return v.Text
		}
	}
	return ""
}

// timeOfLine matches the time in a line of AWF's.
var timeOfLine = lazy.Regexp(`"timestamp"\s*:\s*"([^"]+)"`)

// pastLine is a line with its time and its place.
type pastLine struct {
	at     time.Time
	text   []byte
	file   string
	number int // from 1
}

// pastLines reads files, and those in folders, and sorts their lines by time. It skips missing files.
func (c *command) pastLines(paths []string) ([]pastLine, error) {
	var lines []pastLine
	left := int64(maxPast)
	for _, path := range paths {
		for _, file := range c.jsonlFiles(path) {
			text, err := readFile(file, left)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			left -= int64(len(text))
			lines = appendLines(lines, file, text)
		}
	}
	slices.SortStableFunc(lines, func(a, b pastLine) int { return a.at.Compare(b.at) })
	return lines, nil
}

func joined(lines []pastLine) []byte {
	var all bytes.Buffer
	for _, line := range lines {
		all.Write(line.text)
		all.WriteByte('\n')
	}
	return all.Bytes()
}

// jsonlFiles returns a file itself, or the .jsonl files in a folder and below it. It says which folders cannot be read.
func (c *command) jsonlFiles(path string) (files []string) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return []string{path}
	}
	_ = filepath.WalkDir(path+"/", func(file string, _ fs.DirEntry, err error) error { // the folder may be a link
		switch {
		case err != nil:
			c.leftOut(file, err)
		case strings.HasSuffix(file, ".jsonl"):
			files = append(files, file)
		}
		return nil
	})
	return files
}

// appendLines appends a file's lines. A line without a time has the time of the line before.
func appendLines(lines []pastLine, file string, text []byte) []pastLine {
	var at time.Time
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if m := timeOfLine().FindSubmatch(line); m != nil {
			if t, err := time.Parse(time.RFC3339Nano, string(m[1])); err == nil {
				at = t
			}
		}
		lines = append(lines, pastLine{at, bytes.TrimRight(line, "\r\n"), file, number})
	}
	return lines
}

// add counts what the new and the old configuration make of an event; old is nil if there is none.
func add(results map[string]*backtestJSON, ev *event.Event, now, old map[string]*engine.Preview) {
	for _, all := range []map[string]*engine.Preview{now, old} {
		for name, p := range all {
			if results[name] == nil {
				results[name] = &backtestJSON{Webhook: name, name: p.Webhook}
			}
		}
	}
	for name, r := range results {
		p, before := now[name], old[name]
		r.Count(ev.Timestamp, p)
		if old != nil && r.Compare(p, before) && len(r.Samples) < view.MaxSamples {
			title := ev.Type + " " + ev.WorkflowName + " " + ev.WorkflowID
			r.Samples = append(r.Samples, unifiedDiff("old: "+title, "new: "+title, bodyText(before), bodyText(p)))
		}
	}
}

// bodyText returns a request's body for a comparison; "" for no request.
func bodyText(p *engine.Preview) string {
	if p == nil {
		return ""
	}
	return view.Pretty(view.BodyText(p)) + "\n"
}

func (c *command) printBacktest(b backtestFlags, results map[string]*backtestJSON, events int) {
	header := []string{"WEBHOOK", "REQUESTS", "FAILED", "PEAK/MIN", "RATE"}
	if b.against != "" {
		header = append(header, "OLD", "ONLY NEW", "ONLY OLD", "CHANGED")
	}
	rows := [][]string{header}
	list := make([]*backtestJSON, 0, len(results))
	for _, r := range results {
		if b.webhook == "" || r.name == b.webhook {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(x, y *backtestJSON) int { return cmp.Compare(x.Webhook, y.Webhook) })
	for _, r := range list {
		if b.json {
			encode(c.out, r)
			continue
		}
		row := []string{r.Webhook, strconv.Itoa(r.Sent), strconv.Itoa(r.Failed), strconv.Itoa(r.Peak), r.Rate}
		if b.against != "" {
			for _, n := range []int{r.Old, r.OnlyNew, r.OnlyOld, r.Changed} {
				row = append(row, strconv.Itoa(n))
			}
		}
		rows = append(rows, row)
	}
	if b.json {
		return
	}
	fmt.Fprintf(c.out, "events: %d\n", events)
	printTable(c.out, rows)
	show := newPrinter(c.out)
	for _, r := range list {
		for _, sample := range r.Samples {
			fmt.Fprintf(c.out, "\n%s\n%s", plain(r.Webhook), show.diff(sample))
		}
	}
}
