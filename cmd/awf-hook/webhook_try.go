package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/spf13/cobra"
)

func (c *command) tryCommand(where *queueFlags) *cobra.Command {
	var typ string
	cmd := &cobra.Command{
		Use:  "test NAME",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, names []string) error { return c.tryWebhook(where, names[0], typ) },
	}
	cmd.Flags().StringVar(&typ, "event", event.WorkflowError, "the sample's `TYPE`")
	return cmd
}

func (c *command) tryWebhook(where *queueFlags, name, typ string) error {
	if err := c.checkType(typ); err != nil {
		return err
	}
	cfg, err := c.load(where.search()) // not loadDry: it sends, so untrusted files stay out
	if err != nil {
		return err
	}
	webhook, err := webhookOf(cfg, name)
	if err != nil {
		return failure(err)
	}
	shown := func(p *engine.Preview) error {
		if where.json {
			return nil
		}
		var b strings.Builder
		newPrinter(c.out).preview(&b, p)
		_, err := io.WriteString(c.out, b.String())
		return err
	}
	tried, err := c.trySample(cfg, webhook, typ, shown)
	if err != nil {
		return err
	}
	if where.json {
		encode(c.out, tried)
	} else {
		c.printAnswers(tried.Timeline)
	}
	if !tried.taken {
		return failure(fmt.Errorf("%s did not accept it", webhook.Name))
	}
	return nil
}

// triedJSON is a sample's request and answer as --json prints them.
type triedJSON struct {
	engine.Preview
	Timeline []delivery.Attempt `json:"timeline"`
	taken    bool
}

// trySample sends a sample event to a webhook of [webhookOf]. It calls shown before it sends.
func (c *command) trySample(cfg *config.Config, w *config.Webhook, typ string, shown func(*engine.Preview) error) (*triedJSON, error) {
	ev, err := sample(typ)
	if err != nil {
		return nil, err
	}
	only, tried := *cfg, &triedJSON{}
	only.Webhooks, only.Workflows = []config.Webhook{*w}, nil
	s := session{
		config: &only, queue: engine.Memory, drainTimeout: w.Timeout + time.Second, ended: now(),
		outcome: func(o engine.Outcome) {
			tried.taken = o.Outcome == delivery.Delivered || o.Outcome == delivery.Dropped
			if o.Attempt != nil {
				tried.Timeline = append(tried.Timeline, *o.Attempt)
			}
		},
		feed: func(ctx context.Context, eng *engine.Engine) error {
			for _, p := range eng.Preview(ctx, &ev, time.Now()) {
				tried.Preview = p
				if err := shown(&p); err != nil {
					return err
				}
			}
			return eng.Submit(ctx, ev)
		},
	}
	report, err := s.deliver(c)
	switch {
	case report == nil:
		return nil, err
	case err != nil:
		return nil, failure(err)
	}
	return tried, nil
}

// webhookOf finds a webhook by name or identity, and makes it send any event once.
func webhookOf(cfg *config.Config, name string) (*config.Webhook, error) {
	var names []string
	for _, w := range cfg.Active() {
		if name != w.Name && name != w.Identity {
			names = append(names, w.Name)
			continue
		}
		view.SendAny(&w)
		return &w, nil
	}
	return nil, spelling.Unknown("webhook", name, names)
}

// sample returns the example event of a type, with "test": true in its payload. A type without an example gets an empty
// payload.
func sample(typ string) (event.Event, error) {
	ev, err := event.New(typ, "sample", "sample", nil)
	if err != nil {
		return ev, fmt.Errorf("--%w", err)
	}
	for _, known := range sampleEvents() {
		if known.Type == typ {
			ev = *known
		}
	}
	ev.ID = event.NewID(time.Now()) // a receiver must not take it for known
	if ev.Payload, err = jsonbytes.WithMember(ev.Payload, "test", []byte("true")); err != nil {
		return ev, err
	}
	return ev, ev.Validate()
}

func (c *command) printAnswers(attempts []delivery.Attempt) {
	for _, a := range attempts {
		fmt.Fprintf(c.out, "  %s after %v\n", plain(a.Reason), a.Took.Round(time.Millisecond))
		if a.Response != "" {
			fmt.Fprintf(c.out, "  %s\n", plain(a.Response))
		}
	}
}
