package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

type emitFlags struct {
	config        string
	noProject     bool
	queue         string
	event         string
	id            string
	workflow      string
	workflowID    string
	payload       string
	set           []string
	drainTimeout  time.Duration
	waitDelivered bool
	json          bool
}

func (c *command) emitCommand() *cobra.Command {
	var flags emitFlags
	cmd := &cobra.Command{
		Use:   "emit",
		Short: "Deliver one event, made of flags or read from stdin",
		Long: `emit makes one event and delivers it: from AWF's own hooks, from cron, from anywhere.

  awf-hook emit --event backup_done --workflow backup --payload '{"bytes": 1024}'
  echo '{"event":"…","workflow_id":"…","workflow_name":"…","timestamp":"…","payload":{}}' | awf-hook emit

Without --event the event is read from stdin, as a JSON object. --payload - reads the payload alone from there.
--set KEY=VALUE adds a string to the payload. Each emit is a new event, unless --id gives it an id that is known.

In a workflow's hooks, where "escape" is AWF's own, for the shell:

  hooks:
    workflow_error:
      - command: >-
          awf-hook emit --event workflow_error
          --workflow {{escape .workflow.Name}} --workflow-id {{escape .workflow.ID}}
          --set error={{escape .error.Message}}

What is not delivered by --drain-timeout is kept in the queue; the next awf-hook delivers it.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.emit(flags) },
	}
	cmd.Flags().StringVarP(&flags.config, "config", "c", "", "a configuration `FILE` to read instead of the global and the project's settings")
	cmd.Flags().BoolVar(&flags.noProject, "no-project", false, "leave out the project's settings and the workflows' definitions")
	cmd.Flags().StringVar(&flags.queue, "queue", "", "the queue's `FILE`, or memory: for none (default what the configuration says, else the state folder's)")
	cmd.Flags().StringVar(&flags.event, "event", "", "the event's `TYPE`, workflow_error for example")
	cmd.Flags().StringVar(&flags.id, "id", "", "the event's id (default a new one)")
	cmd.Flags().StringVar(&flags.workflow, "workflow", "", "the workflow's `NAME`")
	cmd.Flags().StringVar(&flags.workflowID, "workflow-id", "", "the run's id")
	cmd.Flags().StringVar(&flags.payload, "payload", "", "a `JSON` object, or - for stdin")
	cmd.Flags().StringArrayVar(&flags.set, "set", nil, "a string of the payload, as `KEY=VALUE`; may be given several times")
	cmd.Flags().DurationVar(&flags.drainTimeout, "drain-timeout", 5*time.Second, "how long to go on delivering")
	cmd.Flags().BoolVar(&flags.waitDelivered, "wait-delivered", false, "exit with 5 if it is not delivered by --drain-timeout")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print the report as a JSON object, on stderr")
	return cmd
}

func (c *command) emit(flags emitFlags) error {
	ev, err := c.emitted(flags)
	if err != nil {
		return err
	}
	eng, err := c.open(config.Search{File: flags.config, NoProject: flags.noProject, Env: os.LookupEnv}, flags.queue)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), flags.drainTimeout)
	defer stop()
	running, stopRunning := context.WithCancel(context.Background())
	defer stopRunning()
	var delivering sync.WaitGroup
	delivering.Go(func() { _ = eng.Run(running) })
	submitErr := eng.Submit(ctx, ev)
	_ = eng.Drain(ctx) // what is left is in the report
	stopRunning()
	delivering.Wait()
	closeErr := eng.Close()
	report := eng.Report()
	if report.Retrying+report.Dead+report.Refused > 0 || flags.json {
		c.sayReport(report, flags.json)
	}
	switch {
	case submitErr != nil:
		return failure(submitErr)
	case closeErr != nil:
		return failure(closeErr)
	case c.lost(report)+report.Refused > 0:
		return &exitError{code: exitFailure}
	case flags.waitDelivered && report.Retrying+report.Dead > 0:
		return &exitError{code: exitNotDelivered}
	}
	return nil
}

// emitted makes the event of the flags, or reads it.
func (c *command) emitted(flags emitFlags) (event.Event, error) {
	if flags.event == "" {
		if flags.workflow+flags.workflowID+flags.payload+flags.id != "" || len(flags.set) > 0 {
			return event.Event{}, errors.New("--event: missing")
		}
		return c.readEvent()
	}
	payload := []byte(flags.payload)
	if flags.payload == "-" {
		var err error
		if payload, err = c.eventText(); err != nil {
			return event.Event{}, err
		}
	}
	payload, err := withStrings(payload, flags.set)
	if err != nil {
		return event.Event{}, err
	}
	ev, err := event.New(flags.event, flags.workflowID, flags.workflow, nil)
	if err != nil {
		return event.Event{}, fmt.Errorf("--%w", err)
	}
	ev.Payload = payload
	if flags.id != "" {
		ev.ID = flags.id
	}
	if err := ev.Validate(); err != nil {
		return event.Event{}, fmt.Errorf("--%w", err)
	}
	return ev, nil
}

// readEvent reads the one event that stdin has.
func (c *command) readEvent() (event.Event, error) {
	if isTerminal(c.in) {
		return event.Event{}, errors.New("--event: missing, and stdin is a terminal")
	}
	text, err := c.eventText()
	if err != nil {
		return event.Event{}, err
	}
	rec, err := event.ParseLine(text, time.Now())
	switch {
	case err != nil:
		return event.Event{}, failure(fmt.Errorf("<stdin>: %w", err))
	case rec == nil:
		return event.Event{}, failure(errors.New("<stdin>: not an event"))
	}
	var ev event.Event
	join := event.Joiner{Event: func(e event.Event) { ev = e }}
	join.Add(rec, time.Now())
	join.Flush()
	return ev, nil
}

// eventText reads stdin, of which an event may take 1 MiB.
func (c *command) eventText() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(c.in, event.MaxLine+1))
	if err != nil {
		return nil, failure(fmt.Errorf("stdin: %w", err))
	}
	text = []byte(strings.TrimSpace(string(text)))
	if len(text) > event.MaxLine {
		return nil, failure(errors.New("<stdin>: over 1 MiB"))
	}
	return text, nil
}

// withStrings adds strings to a JSON object, behind what it has. A key that it has is an error.
func withStrings(object []byte, set []string) ([]byte, error) {
	if len(object) == 0 {
		object = []byte("{}")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil || members == nil {
		return nil, errors.New("--payload: want a JSON object")
	}
	object = []byte(strings.TrimSpace(string(object)))
	for _, s := range set {
		key, value, given := strings.Cut(s, "=")
		if !given || key == "" {
			return nil, fmt.Errorf("--set: want KEY=VALUE, got %q", s)
		}
		if _, twice := members[key]; twice {
			return nil, fmt.Errorf("--set: %q stands twice", key)
		}
		members[key] = nil
		name, _ := json.Marshal(key)
		text, _ := json.Marshal(value)
		separator := ","
		if len(members) == 1 {
			separator = ""
		}
		object = fmt.Appendf(object[:len(object)-1], "%s%s:%s}", separator, name, text)
	}
	return object, nil
}
