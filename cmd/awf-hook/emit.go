package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/awf-project/awf-hook/filters"
	"github.com/spf13/cobra"
)

// emitted is the event that emit's flags describe.
type emitted struct {
	event.Event
	payload string
	set     []string
	sample  string
	webhook string
}

func (c *command) emitCommand() *cobra.Command {
	s := &session{quiet: true, tellsKnown: true}
	var e emitted
	cmd := &cobra.Command{
		Use:  "emit",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.emit(s, e) },
	}
	flags := cmd.Flags()
	s.configFlags.add(cmd)
	flags.StringVar(&e.Type, "event", "", "the event's `TYPE`, for example workflow_error")
	flags.StringVar(&e.sample, "sample", "", "send an example of this `TYPE` of event")
	flags.StringVar(&e.webhook, "webhook", "", "send it to the webhook of this `NAME` alone")
	flags.StringVar(&e.ID, "id", "", "the event's id (default: a new one)")
	flags.StringVar(&e.WorkflowName, "workflow", "", "the workflow's `NAME`")
	flags.StringVar(&e.WorkflowID, "workflow-id", "", "the run's id")
	flags.StringVar(&e.payload, "payload", "", "a `JSON` object, or - for stdin")
	flags.StringArrayVar(&e.set, "set", nil, "add a string to the payload, as `KEY=VALUE`; may be repeated")
	s.addToFlag(cmd)
	s.addFlags(cmd, 5*time.Second, "how long to go on delivering")
	s.addExitFlags(cmd, "exit with 5 if it is not delivered by --drain-timeout")
	return cmd
}

func (c *command) emit(s *session, e emitted) error {
	ev, err := c.emittedEvent(e)
	if err != nil {
		return err
	}
	if err := c.checkType(e.Type); err != nil {
		return err
	}
	if e.webhook != "" {
		if s.config, err = c.load(s.search()); err != nil {
			return err
		}
		w, err := webhookOf(s.config, e.webhook)
		if err != nil {
			return failure(err)
		}
		s.queue, ev.Webhooks = queueFile(s.search(), s.config, s.queue), []string{w.Identity}
	}
	stored, storing := context.WithTimeout(context.Background(), storeTimeout)
	defer storing()
	s.ended = stored.Done() // a short drain timeout must not cut off the store
	s.feed = func(ctx context.Context, eng *engine.Engine) error {
		defer storing()
		return eng.Submit(ctx, ev)
	}
	return s.run(c)
}

// checkType refuses a type of event that no webhook could name, and says which one a misspelt type may mean. It accepts "".
func (c *command) checkType(typ string) error {
	if typ == "" {
		return nil
	}
	_, tooLong := filters.ParseGlob(strings.Repeat("_", len(typ)))
	_, noType := filters.ParseGlob(strings.ReplaceAll(typ, ".", "_"))
	switch _, err := filters.ParseGlob(typ); {
	case tooLong != nil:
		return fmt.Errorf("--event: %w, got %d", tooLong, len(typ))
	case noType != nil || strings.ContainsAny(typ, "*?"):
		return fmt.Errorf("--event: want letters, digits, _, - and ., got %q", typ)
	case err != nil: // a name of AWF's own
		return fmt.Errorf("--event: %w", err)
	}
	if why := meantType(typ); why != "" {
		c.sayf("--event %s%s", typ, why)
	}
	return nil
}

// storeTimeout is how long emit waits for the queue to take its event, before the drain timeout counts.
const storeTimeout = 5 * time.Second

// emittedEvent makes the event that the flags describe, or reads one.
func (c *command) emittedEvent(e emitted) (event.Event, error) {
	if e.sample != "" {
		if e.Type+e.payload != "" {
			return event.Event{}, errors.New("--sample goes without --event and --payload")
		}
		if types := eventTypes(); !slices.Contains(types, e.sample) {
			return event.Event{}, fmt.Errorf("--sample: %w", spelling.Unknown("type of event", e.sample, types))
		}
		ev, err := sample(e.sample)
		ev.WorkflowName, ev.WorkflowID = cmp.Or(e.WorkflowName, ev.WorkflowName), cmp.Or(e.WorkflowID, ev.WorkflowID)
		ev.ID = cmp.Or(event.OwnID(e.ID, emitSource), ev.ID)
		if err == nil {
			ev.Payload, err = withStrings(ev.Payload, e.set)
		}
		return ev, err
	}
	if e.Type == "" {
		if e.WorkflowName+e.WorkflowID+e.payload+e.ID != "" || len(e.set) > 0 {
			return event.Event{}, errors.New("--event: missing")
		}
		return c.readEvent()
	}
	payload := []byte(e.payload)
	if e.payload == "-" {
		var err error
		if payload, err = c.eventText(); err != nil {
			return event.Event{}, err
		}
	}
	payload, err := withStrings(payload, e.set)
	if err != nil {
		return event.Event{}, err
	}
	ev, err := event.New(e.Type, e.WorkflowID, e.WorkflowName, nil)
	if err != nil {
		return event.Event{}, fmt.Errorf("--%w", err)
	}
	ev.Payload, ev.ID = payload, cmp.Or(event.OwnID(e.ID, emitSource), ev.ID)
	if err := ev.Validate(); err != nil {
		return event.Event{}, fmt.Errorf("--%w", err)
	}
	return ev, nil
}

// emitSource is the source in the ids of emitted events.
const emitSource = "emit"

// readEvent reads the one event on stdin.
func (c *command) readEvent() (event.Event, error) {
	if isTerminal(c.in) {
		return event.Event{}, errors.New("--event: missing, and stdin is a terminal")
	}
	text, err := c.eventText()
	if err != nil {
		return event.Event{}, err
	}
	if len(text) == 0 {
		return event.Event{}, errors.New("no event: want --event TYPE, --sample TYPE, or an event on stdin")
	}
	rec, err := event.ParseLine(text, time.Now())
	if line, _, more := bytes.Cut(text, []byte("\n")); more && err != nil {
		if first, _ := event.ParseLine(line, time.Now()); first != nil {
			err = errors.New("want one event, got several; awf-hook run delivers them")
		}
	}
	switch {
	case err != nil:
		return event.Event{}, failure(fmt.Errorf("<stdin>: %w", err))
	case rec == nil:
		return event.Event{}, failure(fmt.Errorf("<stdin>: not an event: %s", whyNoEvent(text)))
	}
	rec.From(emitSource)
	var ev event.Event
	join := event.Joiner{Event: func(e event.Event) { ev = e }}
	join.Add(rec, time.Now())
	join.Flush()
	return ev, nil
}

// eventText reads stdin. An event may have 1 MiB.
func (c *command) eventText() ([]byte, error) {
	text, err := c.readInput("", event.MaxLine)
	if err != nil {
		return nil, failure(err)
	}
	return bytes.TrimSpace(bytes.TrimPrefix(text, []byte(byteOrderMark))), nil
}

// withStrings appends strings to a JSON object.
func withStrings(object []byte, set []string) ([]byte, error) {
	if len(object) == 0 {
		object = []byte("{}")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil || members == nil {
		return nil, errors.New("--payload: want a JSON object")
	}
	for _, s := range set {
		key, value, given := strings.Cut(s, "=")
		if !given || key == "" {
			return nil, fmt.Errorf("--set: want KEY=VALUE, got %q", s)
		}
		text, _ := json.Marshal(value) // a string is always valid JSON
		var err error
		if object, err = jsonbytes.WithMember(object, key, text); err != nil {
			return nil, fmt.Errorf("--set: %w", err)
		}
	}
	return object, nil
}
