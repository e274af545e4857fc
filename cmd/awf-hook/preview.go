package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
)

// Bounds of the input of preview, explain and test.
const (
	maxPreviewed = 10_000   // events
	maxEvents    = 64 << 20 // bytes of a file of events
)

// previewFlags are the flags of preview and explain.
type previewFlags struct {
	configFlags
	json    bool
	all     bool
	webhook string
	diff    string
	at      string

	reveal bool
	time   bool
}

func (f *previewFlags) add(cmd *cobra.Command) {
	f.configFlags.add(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each event and webhook")
	cmd.Flags().BoolVar(&f.all, "all", false, "also show webhooks that do not want the event's type")
	cmd.Flags().StringVar(&f.webhook, "webhook", "", "show only the webhook of this `NAME`")
}

func (c *command) previewCommand() *cobra.Command {
	var flags previewFlags
	cmd := &cobra.Command{
		Use:  "preview [EVENTS…]",
		RunE: func(_ *cobra.Command, files []string) error { return c.preview(files, flags) },
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&flags.diff, "diff", "", "show the difference from another configuration or an earlier preview in `FILE`")
	cmd.Flags().BoolVar(&flags.reveal, "reveal", false, "show the whole URL and all headers; what comes from variables stays masked")
	cmd.Flags().StringVar(&flags.at, "at", "",
		"make the requests at a `TIME` like 2026-11-24T00:00:00Z, or a duration like 1h before now, instead of at the event's")
	return cmd
}

func (c *command) preview(files []string, flags previewFlags) error {
	at, err := api.ParseTime(flags.at)
	if err != nil {
		return fmt.Errorf("--at: %w", err)
	}
	eng, err := c.openDry(flags.configFlags, flags.webhook)
	if err != nil {
		return err
	}
	defer eng.Close()
	events, err := c.readEvents(files)
	if err != nil {
		return failure(err)
	}
	show := newPrinter(c.out)
	if flags.diff != "" {
		show = &printer{} // no colours, since the other side may come from a pipe
	}
	now := show.previews(eng, events, at, flags)
	if flags.diff == "" {
		fmt.Fprintf(c.out, "%s", now)
		return nil
	}
	before, err := c.earlier(eng.Config(), events, at, flags)
	if err != nil {
		return err
	}
	difference := unifiedDiff(flags.diff, "preview", string(before), string(now))
	fmt.Fprint(c.out, newPrinter(c.out).diff(difference))
	if difference != "" {
		return &exitError{code: exitFailure}
	}
	return nil
}

// earlier returns the preview to compare with that of the configuration now.
func (c *command) earlier(now *config.Config, events []*event.Event, at time.Time, flags previewFlags) ([]byte, error) {
	if ext := filepath.Ext(flags.diff); ext != ".yaml" && ext != ".yml" {
		text, err := readFile(flags.diff, maxEvents)
		if err != nil {
			return nil, failure(err)
		}
		return text, nil
	}
	cfg, err := c.loadDry((&configFlags{file: flags.diff}).search())
	if err != nil {
		return nil, err
	}
	identities := map[string]string{}
	for _, w := range now.Webhooks {
		identities[w.Name] = w.Identity
	}
	for i := range cfg.Webhooks {
		w := &cfg.Webhooks[i]
		w.Identity = cmp.Or(identities[w.Name], w.Identity) // an id that comes from the file's name is not a difference
	}
	eng, err := c.openEngine(cfg, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	return new(printer).previews(eng, events, at, flags), nil
}

// unifiedDiff returns the differences of two texts, line by line; "" if there are none.
func unifiedDiff(oldName, newName, before, after string) string {
	_, changes, _ := strings.Cut(string(diff.Diff(oldName, []byte(before), newName, []byte(after))), "\n") // drop the line "diff old new"
	return changes
}

// openDry opens an engine that stores nothing. Its configuration must have the webhook, unless that is "".
func (c *command) openDry(flags configFlags, webhook string) (*engine.Engine, error) {
	cfg, err := c.loadDry(flags.search())
	if err != nil {
		return nil, err
	}
	if err := hasWebhook(cfg, webhook); err != nil {
		return nil, failure(err)
	}
	return c.openEngine(cfg, engine.Options{})
}

// hasWebhook returns an error if no webhook of a configuration has this name, and suggests one. It accepts "".
func hasWebhook(cfg *config.Config, name string) error {
	names := namesOf(cfg.ActiveAnywhere())
	if name == "" || slices.Contains(names, name) {
		return nil
	}
	return spelling.Unknown("webhook", name, names)
}

// readEvents reads the events of files, or of stdin without files and where a file is "-".
func (c *command) readEvents(files []string) ([]*event.Event, error) {
	if len(files) == 0 {
		files = []string{"-"}
	}
	var events []*event.Event
	var none []error
	for _, file := range files {
		text, err := c.readInput(file, maxEvents)
		if err != nil {
			return nil, err
		}
		name, before := file, len(events)
		if file == "-" {
			name = "<stdin>"
		}
		if events, err = collectEvents(events, name, bytes.NewReader(asLines(text)), c.printBroken()); err != nil {
			return nil, err
		}
		if len(events) == before {
			none = append(none, fmt.Errorf("%s: no event in the input: %s", name, whyNoEvent(text)))
		}
	}
	if len(events) == 0 {
		return nil, errors.Join(none...)
	}
	for _, err := range none {
		c.say(err)
	}
	return events, nil
}

// collectEvents appends the events of a stream.
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

// keepID replaces a random id, made after since, with one derived from the event, so that every preview of the event is
// the same.
func keepID(ev *event.Event, since time.Time) {
	const version = 14 // position of a UUID's version
	made := event.NewID(since)
	if len(ev.ID) != len(made) || ev.ID[version] != '7' || ev.ID[:version-1] < made[:version-1] {
		return
	}
	sum := sha256.Sum256(ev.Body())
	ev.ID = hex.EncodeToString(sum[:])
}

// previews prints what webhooks make of events.
func (p *printer) previews(eng *engine.Engine, events []*event.Event, at time.Time, flags previewFlags) []byte {
	var b strings.Builder
	for _, ev := range events {
		when := at
		if when.IsZero() {
			when = ev.Timestamp
		}
		list := eventList{previewFlags: flags, b: &b, ev: ev}
		for _, x := range eng.Preview(context.Background(), ev, when) {
			if flags.reveal {
				x = x.Revealed()
			}
			switch {
			case !list.shows(&x):
			case flags.json:
				encode(&b, &x)
			default:
				p.preview(&b, &x)
			}
		}
		list.end()
	}
	return []byte(b.String())
}

// eventList lists what webhooks make of an event, under its title.
type eventList struct {
	previewFlags
	b     *strings.Builder
	ev    *event.Event
	title bool
}

// shows reports whether to list a webhook.
func (l *eventList) shows(p *engine.Preview) bool {
	shown := l.json || l.all || p.Choice != engine.OtherType
	if l.webhook != "" { // the user asked for this one
		shown = p.Webhook == l.webhook
	}
	if shown {
		l.begin()
	}
	return shown
}

func (l *eventList) begin() {
	if l.title || l.json {
		return
	}
	l.title = true
	name := cmp.Or(l.ev.WorkflowName, "-")
	fmt.Fprintf(l.b, "%s %s %s %s\n", plain(l.ev.Type), plain(name), plain(l.ev.WorkflowID), l.ev.Timestamp.UTC().Format(time.RFC3339Nano))
}

func (l *eventList) end() {
	if !l.title && !l.json {
		l.begin()
		l.b.WriteString("  no webhook wants it\n")
	}
}

// choice returns a choice in words.
func choice(v engine.Choice) string { return strings.ReplaceAll(string(v), "_", " ") }

// preview prints a request, or why there is none. On a terminal it indents a JSON body.
func (p *printer) preview(b *strings.Builder, x *engine.Preview) {
	if x.Choice != engine.Sent {
		fmt.Fprintf(b, "  %s: %s: %s\n", p.colour(bold, plain(x.Webhook)), p.colour(choiceColours[x.Choice], choice(x.Choice)), plain(x.Why))
		return
	}
	fmt.Fprintf(b, "  %s: %s %s\n", p.colour(bold, plain(x.Webhook)), x.Method, plain(x.URL))
	for _, name := range slices.Sorted(maps.Keys(x.Header)) {
		for _, value := range x.Header[name] {
			fmt.Fprintf(b, "    %s\n", p.colour(dim, name+": "+plain(value)))
		}
	}
	body := string(x.Body)
	if p.terminal {
		body = view.Pretty(body)
	}
	fmt.Fprintf(b, "\n    %s\n\n", strings.ReplaceAll(harmless(body), "\n", "\n    "))
}
