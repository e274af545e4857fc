package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

// maxPreviewed is how many events preview, explain and test take at a time.
const maxPreviewed = 10_000

type previewFlags struct {
	config    string
	noProject bool
	json      bool
	all       bool
	diff      string
	at        string
}

func (c *command) previewCommand() *cobra.Command {
	var flags previewFlags
	cmd := &cobra.Command{
		Use:   "preview [EVENTS…]",
		Short: "Show the exact requests that events would make; sends nothing",
		Long: `preview reads events from files or stdin, in any of AWF's dialects, and shows what each webhook would send: method, headers
and body as they would go out, or why it sends nothing. The clock is the event's time, or --at. Nothing is sent or kept.

--diff FILE shows what would change: FILE is another configuration (.yaml, .yml) or what preview printed before.
It exits with 1 if there is a difference.`,
		Example: "  awf-hook preview -c awf-hook.yaml events.jsonl\n  awf-hook preview -c new.yaml --diff awf-hook.yaml events.jsonl",
		RunE:    func(_ *cobra.Command, files []string) error { return c.preview(files, flags) },
	}
	c.searchFlags(cmd, &flags.config, &flags.noProject)
	cmd.Flags().BoolVar(&flags.json, "json", false, "print one JSON object for each event and webhook")
	cmd.Flags().BoolVar(&flags.all, "all", false, "show also webhooks that do not want the type of event")
	cmd.Flags().StringVar(&flags.diff, "diff", "", "show the difference to another configuration or an earlier preview in `FILE`")
	cmd.Flags().StringVar(&flags.at, "at", "", "the `TIME` of the requests, like 2026-11-24T00:00:00Z, instead of the event's")
	return cmd
}

// searchFlags are the flags that say which configuration is meant.
func (c *command) searchFlags(cmd *cobra.Command, file *string, noProject *bool) {
	cmd.Flags().StringVarP(file, "config", "c", "", "a configuration `FILE` to read instead of the global and the project's settings")
	cmd.Flags().BoolVar(noProject, "no-project", false, "leave out the project's settings and the workflows' definitions")
}

func (c *command) preview(files []string, flags previewFlags) error {
	at, err := parseAt(flags.at)
	if err != nil {
		return err
	}
	eng, err := c.openDry(config.Search{File: flags.config, NoProject: flags.noProject, Env: os.LookupEnv})
	if err != nil {
		return err
	}
	defer eng.Close()
	events, err := c.readEvents(files)
	if err != nil {
		return failure(err)
	}
	now := renderPreviews(eng, events, at, flags)
	if flags.diff == "" {
		_, err := c.out.Write(now)
		return err
	}
	before, err := c.earlier(events, at, flags)
	if err != nil {
		return err
	}
	difference := unifiedDiff(flags.diff, "preview", string(before), string(now))
	fmt.Fprint(c.out, difference)
	if difference != "" {
		return &exitError{code: exitFailure}
	}
	return nil
}

func parseAt(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("--at: want a time like 2026-11-24T00:00:00Z, got %q", text)
	}
	return at, nil
}

// earlier is what a preview is compared with.
func (c *command) earlier(events []*event.Event, at time.Time, flags previewFlags) ([]byte, error) {
	if ext := filepath.Ext(flags.diff); ext != ".yaml" && ext != ".yml" {
		text, err := os.ReadFile(flags.diff)
		if err != nil {
			return nil, failure(err)
		}
		return text, nil
	}
	eng, err := c.openDry(config.Search{File: flags.diff, NoProject: flags.noProject, Env: os.LookupEnv})
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	return renderPreviews(eng, events, at, flags), nil
}

// openDry opens an engine that keeps nothing.
func (c *command) openDry(search config.Search) (*engine.Engine, error) {
	logger, err := c.logger()
	if err != nil {
		return nil, err
	}
	cfg, err := load(search)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	eng, err := engine.Open(cfg, engine.Options{Queue: engine.Memory, Logger: logger, Version: version(), ModuleCache: moduleCache()})
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return eng, nil
}

// readEvents reads the events of files, of stdin if there are none.
func (c *command) readEvents(files []string) ([]*event.Event, error) {
	var events []*event.Event
	if len(files) == 0 {
		return collectEvents(events, "<stdin>", c.in, c.sayBroken())
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		events, err = collectEvents(events, file, f, c.sayBroken())
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func collectEvents(events []*event.Event, name string, in io.Reader, broken func(*event.LineError)) ([]*event.Event, error) {
	since := time.Now()
	tooMany := false
	err := engine.Events(context.Background(), engine.Stream{Name: name, In: in, Broken: broken}, func(ev event.Event) {
		if tooMany = tooMany || len(events) == maxPreviewed; tooMany {
			return
		}
		keepID(&ev, since)
		events = append(events, &ev)
	})
	if err == nil && tooMany {
		err = fmt.Errorf("%s: want at most %d events", name, maxPreviewed)
	}
	return events, err
}

// keepID gives an event whose id was just made one that follows from it, so that its preview is the same each time.
func keepID(ev *event.Event, since time.Time) {
	const version = 14 // where a UUID has its version
	made := event.NewID(since)
	if len(ev.ID) != len(made) || ev.ID[version] != '7' || ev.ID[:version-1] < made[:version-1] {
		return
	}
	sum := sha256.Sum256(ev.Body())
	ev.ID = hex.EncodeToString(sum[:])
}

func renderPreviews(eng *engine.Engine, events []*event.Event, at time.Time, flags previewFlags) []byte {
	var b bytes.Buffer
	for _, ev := range events {
		when := at
		if when.IsZero() {
			when = ev.Timestamp
		}
		previews := eng.Preview(context.Background(), ev, when)
		if !flags.json {
			fmt.Fprintf(&b, "%s\n", eventTitle(ev))
		}
		shown := 0
		for i := range previews {
			switch p := &previews[i]; {
			case flags.json:
				renderJSON(&b, ev, p)
			case p.Verdict != engine.OtherType || flags.all:
				shown++
				renderText(&b, p)
			}
		}
		if !flags.json && shown == 0 {
			fmt.Fprintf(&b, "  no webhook wants it\n")
		}
	}
	return b.Bytes()
}

// eventTitle says in a line which event it is.
func eventTitle(ev *event.Event) string {
	name := ev.WorkflowName
	if name == "" {
		name = "-"
	}
	return fmt.Sprintf("%s %s %s %s", plain(ev.Type), plain(name), plain(ev.WorkflowID), ev.Timestamp.UTC().Format(time.RFC3339Nano))
}

func renderText(b *bytes.Buffer, p *engine.Preview) {
	if p.Verdict != engine.Sent {
		fmt.Fprintf(b, "  %s: %s: %s\n", plain(p.Webhook), strings.ReplaceAll(string(p.Verdict), "_", " "), plain(p.Why))
		return
	}
	fmt.Fprintf(b, "  %s: %s %s\n", plain(p.Webhook), p.Method, plain(p.URL))
	for _, h := range p.Header {
		fmt.Fprintf(b, "    %s: %s\n", h[0], plain(h[1]))
	}
	fmt.Fprintf(b, "\n    %s\n\n", strings.ReplaceAll(harmless(string(p.Body)), "\n", "\n    "))
}

// previewJSON is an event at a webhook as --json prints it.
type previewJSON struct {
	Event      string      `json:"event"`
	EventID    string      `json:"event_id"`
	WorkflowID string      `json:"workflow_id"`
	Webhook    string      `json:"webhook"`
	Place      string      `json:"place"`
	Verdict    string      `json:"verdict"`
	Why        string      `json:"why,omitempty"`
	Method     string      `json:"method,omitempty"`
	URL        string      `json:"url,omitempty"`
	Header     [][2]string `json:"header,omitempty"`
	Body       string      `json:"body,omitempty"`
}

func renderJSON(b *bytes.Buffer, ev *event.Event, p *engine.Preview) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(previewJSON{ev.Type, ev.ID, ev.WorkflowID, p.Webhook, p.Place, string(p.Verdict), p.Why, p.Method, p.URL, p.Header, string(p.Body)})
}
