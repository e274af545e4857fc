package author

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/examples"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

// Subject is the module to measure, and the events to measure it with.
type Subject struct {
	File, Cache string
	Options     wasm.Options
	Events      []*event.Event
}

// measured is a way to make bodies, and its measurements.
type measured struct {
	name         string
	fuels        []int64 // of the first events
	worst, limit int64   // fuel of the event that came nearest to its limit, and that limit
	memory       int64   // the most that an event used
	run          func(ev *event.Event) error
	best         time.Duration // the least that an event took
}

// Bench measures a module in both isolations, and a map for comparison.
func Bench(ctx context.Context, s Subject) ([]byte, error) {
	var ways []*measured
	for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
		s.Options.Isolation = isolation
		module, done, err := Load(ctx, s.File, s.Cache, s.Options)
		if isolation == wasm.IsolateInstance && errors.Is(err, wasm.ErrModule) {
			continue // a command
		}
		if err != nil {
			return nil, err
		}
		defer done()
		ways = append(ways, ofModule(ctx, "isolation: "+isolation.String(), module))
	}
	reference, err := slack(ctx, "map")
	if err != nil {
		return nil, err
	}
	ways = append(ways, reference)
	if err := inTurns(ways, s.Events); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tfuel, median\tworst\tof limit\tmemory\tper event\tto map\t\n")
	for _, m := range ways {
		fuel, memory := "-\t-\t-", "-"
		if m.memory > 0 {
			fuel = fmt.Sprintf("%d\t%d\t%.1f %%", m.median(), m.worst, 100*float64(m.worst)/float64(m.limit))
			memory = fmt.Sprintf("%d KiB", m.memory>>10)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%.2fx\t\n",
			m.name, fuel, memory, m.best.Round(10*time.Nanosecond), m.best.Seconds()/reference.best.Seconds())
	}
	_ = w.Flush() // into memory
	return b.Bytes(), nil
}

func ofModule(ctx context.Context, name string, module *wasm.Module) *measured {
	m := &measured{name: name}
	m.run = func(ev *event.Event) error {
		out, err := module.Transform(ctx, wasm.Event{Body: ev.Body(), Time: ev.Timestamp})
		m.note(out)
		if errors.Is(err, wasm.ErrDrop) {
			return nil
		}
		return err
	}
	return m
}

// maxFuels is for how many events the fuel is kept.
const maxFuels = 10_000

func (m *measured) note(out wasm.Output) {
	if len(m.fuels) < maxFuels {
		m.fuels = append(m.fuels, out.Fuel)
	}
	if out.Limit > 0 && (m.limit == 0 || float64(out.Fuel)/float64(out.Limit) > float64(m.worst)/float64(m.limit)) {
		m.worst, m.limit = out.Fuel, out.Limit
	}
	m.memory = max(m.memory, out.Memory)
}

// median returns the median fuel of the events.
func (m *measured) median() int64 {
	fuels := slices.Sorted(slices.Values(m.fuels))
	return fuels[len(fuels)/2]
}

// slack returns a webhook of examples/transforms/same-message.yaml, which makes a Slack message without a module.
func slack(ctx context.Context, webhook string) (*measured, error) {
	const file = "transforms/same-message.yaml"
	text, err := examples.Transforms.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse(file, text, config.NoEnv)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(cfg.Webhooks, func(w config.Webhook) bool { return w.Name == webhook })
	c := transforms.Compiler{Expressions: new(expression.Compiler), Log: slog.New(slog.DiscardHandler)}
	chain, mistakes := c.Compile(ctx, cfg.Webhooks[i].Transform)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return &measured{name: "a " + webhook, run: func(ev *event.Event) error {
		_, err := chain.Apply(ctx, expression.NewEnv(ev))
		return err
	}}, nil
}

// inTurns runs the ways in turns, in rounds of some milliseconds on all events. It keeps the least time that an event
// took in a round, since other processes disturb some rounds.
func inTurns(ways []*measured, events []*event.Event) error {
	const rounds, length = 60, 10 * time.Millisecond
	for range rounds {
		for _, m := range ways {
			n := 0
			start := time.Now()
			for n == 0 || time.Since(start) < length {
				for i, ev := range events {
					if err := m.run(ev); err != nil {
						return fmt.Errorf("event %d: %w", i+1, err)
					}
					n++
				}
			}
			if took := time.Since(start) / time.Duration(n); m.best == 0 || took < m.best {
				m.best = took
			}
		}
	}
	return nil
}
