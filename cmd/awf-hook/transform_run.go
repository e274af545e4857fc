package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/author"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/transforms/wasm"
	"github.com/spf13/cobra"
)

// moduleFlags are the flags of run and bench.
type moduleFlags struct {
	with        string
	isolation   string
	contentType string
	limits      string
	fuel        int64
	raw         bool
}

func (f *moduleFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.with, "with", "", "the configuration that the module can read, a `JSON` object")
	cmd.Flags().StringVar(&f.contentType, "content-type", "", "the body's content type; if it is not a JSON `TYPE`, the body may be anything")
	cmd.Flags().StringVar(&f.limits, "limits", "", "the `LIMITS` of the module, as in a configuration: \"{memory: 64MiB, output: 1MiB}\"")
	cmd.Flags().Int64Var(&f.fuel, "fuel", 0,
		"the limit of `FUEL` (default 22,000,000, 1,700 for each of an event's first 1,176 bytes, 12,000 for each further one, "+
			"and what an instance costs)")
}

// options returns the options of a step.
func (f *moduleFlags) options() (wasm.Options, error) {
	o := wasm.Options{Limits: wasm.Limits{Fuel: f.fuel}, ContentType: f.contentType}
	if err := o.Limits.Check(); err != nil {
		return o, fmt.Errorf("--%w", err) // the error begins with the limit's name
	}
	if f.limits != "" {
		l, err := parseLimits(f.limits)
		if err == nil && l.Fuel != 0 && f.fuel != 0 {
			err = errors.New("fuel: --fuel sets it, too")
		}
		if err != nil {
			return o, fmt.Errorf("--limits: %w", err)
		}
		o.Limits = wasm.Limits{
			Fuel: max(f.fuel, int64(l.Fuel)), Memory: l.Memory, Stack: l.Stack, Input: l.Input, Output: l.Output,
			LogLines: int64(l.LogLines), Module: l.Module,
		}
	}
	if f.contentType != "" && !config.IsContentType(f.contentType) {
		return o, fmt.Errorf("--content-type: want a type like text/plain, got %q", f.contentType)
	}
	switch f.isolation {
	case "", "event":
	case "instance":
		o.Isolation = wasm.IsolateInstance
	default:
		return o, fmt.Errorf("--isolation: want event or instance, got %q", f.isolation)
	}
	if f.with != "" {
		with, err := parseWith([]byte(f.with))
		if err != nil {
			return o, fmt.Errorf("--with: %w", err)
		}
		o.With = with
	}
	return o, nil
}

// parseLimits reads limits as a configuration does.
func parseLimits(text string) (config.Limits, error) {
	const step = "webhooks[0].transform[0].limits"
	file := "webhooks: [{url: 'http://localhost', transform: {wasm: transform.wasm, limits: " + text + "}}]"
	cfg, err := config.Parse("--limits", []byte(file), config.NoEnv)
	if mistakes, ok := errors.AsType[config.Errors](err); ok {
		path := strings.TrimPrefix(strings.TrimPrefix(mistakes[0].Path, step), ".")
		return config.Limits{}, errors.New(strings.TrimPrefix(path+": "+mistakes[0].Message, ": "))
	}
	if err != nil {
		return config.Limits{}, err
	}
	return cfg.Webhooks[0].Transform[0].Wasm.Limits, nil
}

// parseWith reads an object. Numbers keep their digits.
func parseWith(text []byte) (map[string]any, error) {
	with := map[string]any{}
	r := jsonbytes.NewReader(text)
	err := r.Members(func(name []byte) error {
		key := string(name)
		if with[key] != nil {
			return fmt.Errorf("duplicate key %q", key)
		}
		raw, err := r.Raw()
		if err != nil {
			return err
		}
		with[key] = json.RawMessage(raw)
		if raw[0] == '"' {
			with[key] = jsonbytes.String(raw)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return with, r.End()
}

func (c *command) transformRunCommand() *cobra.Command {
	var flags moduleFlags
	cmd := &cobra.Command{
		Use:  "run MODULE",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := flags.options()
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("log-level") {
				c.level = slog.LevelDebug // print everything that the module logs
			}
			return c.runTransform(args[0], options, flags.raw)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&flags.isolation, "isolation", "event", "`event`: a new instance for each event; instance: one for all")
	cmd.Flags().BoolVar(&flags.raw, "raw", false, "feed all of stdin to the module as one input, to test a step that follows another")
	return cmd
}

func (c *command) runTransform(file string, options wasm.Options, raw bool) error {
	inputs, err := c.moduleInputs(raw)
	if err != nil {
		return failure(err)
	}
	options.Logger = c.logger()
	module, done, err := author.Load(context.Background(), file, moduleCache(), options)
	if err != nil {
		return failure(err)
	}
	defer done()
	failed := false
	for i, in := range inputs {
		start := time.Now()
		out, err := module.Transform(context.Background(), in)
		took := time.Since(start)
		switch {
		case errors.Is(err, wasm.ErrDrop):
			c.sayf("dropped")
		case err != nil:
			failed = true
			if len(inputs) > 1 {
				err = fmt.Errorf("event %d: %w", i+1, err)
			}
			c.say(err)
			continue
		default:
			text := strings.TrimSuffix(string(out.Body), "\n")
			if terminalWidth(c.out) > 0 { // a program gets the exact bytes
				text = harmless(text)
			}
			if _, err := fmt.Fprintln(c.out, text); err != nil {
				return failure(err)
			}
		}
		c.sayf("%d bytes, fuel %d, memory %s, %v", len(out.Body), out.Fuel, size(out.Memory), took.Round(time.Microsecond))
	}
	if failed {
		return &exitError{code: exitFailure}
	}
	return nil
}

// moduleInputs reads the module's inputs from stdin: its events, or all of it as one.
func (c *command) moduleInputs(raw bool) ([]wasm.Event, error) {
	if raw {
		_, most := wasm.Bounds()
		text, err := c.readInput("", most.Input)
		return []wasm.Event{{Body: text, Time: time.Now()}}, err
	}
	events, err := c.readEvents(nil)
	var inputs []wasm.Event
	for _, ev := range events {
		inputs = append(inputs, wasm.Event{Body: ev.Body(), Time: ev.Timestamp})
	}
	return inputs, err
}

func (c *command) transformBenchCommand() *cobra.Command {
	var flags moduleFlags
	cmd := &cobra.Command{
		Use:  "bench MODULE",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			options, err := flags.options()
			if err != nil {
				return err
			}
			events, err := c.readEvents(nil)
			if err != nil {
				return failure(err)
			}
			text, err := author.Bench(context.Background(), author.Subject{File: args[0], Cache: moduleCache(), Options: options, Events: events})
			if err != nil {
				return failure(err)
			}
			fmt.Fprintf(c.out, "%s", text)
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}
