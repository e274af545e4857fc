package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

func (c *command) runCommand() *cobra.Command {
	s := &session{adopts: true, delivers: true}
	stream := engine.Stream{Name: "<stdin>"}
	cmd := &cobra.Command{
		Use:  "run",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			stream.In, stream.Out = c.in, c.out
			c.sayTyping()
			if stream.Storage == "" {
				stream.Storage = engine.Storage(os.LookupEnv)
			}
			if s.grace = s.drainTimeout; isTerminal(c.in) {
				s.grace = 0 // no program writes to us
			}
			if isFile(c.in) {
				stream.Waits = func() bool { return !s.hurries.Load() }
			}
			return c.runStream(s, stream)
		},
	}
	s.configFlags.add(cmd)
	s.addToFlag(cmd)
	s.addFlags(cmd, 30*time.Second, "how long to go on delivering at the end")
	s.addMetricsFlag(cmd)
	s.addExitFlags(cmd, "exit with 5 if something is not delivered by --drain-timeout; for containers, whose queue ends with them")
	addStorageFlag(cmd, &stream.Storage, "AWF's own")
	cmd.Flags().DurationVar(&stream.OrphanAfter, "orphan-after", 0,
		"end a workflow run that was quiet for this long, or is open when stdin ends (default: never)")
	cmd.Flags().BoolVar(&s.strict, "strict", false, "exit with 4 if there were bad lines")
	cmd.Flags().BoolVar(&stream.Resend, "resend", false, "send known events again, with new ids; for trying things out")
	return cmd
}

// addStorageFlag adds the flag for AWF's storage folder. The states there complete AWF's events.
func addStorageFlag(cmd *cobra.Command, storage *string, otherwise string) {
	cmd.Flags().StringVar(storage, "storage", "",
		"the `DIR` of AWF's --storage, with exit codes, attempts and tokens of steps (default: "+otherwise+")")
}

// openRuns collects runs whose ends were not in the stream.
type openRuns struct {
	number int
	first  string
}

func (o *openRuns) add(workflow, run string) {
	if o.number++; o.number == 1 {
		o.first = fmt.Sprintf("run %s of %s", plain(run), plain(workflow))
	}
}

// print says that nobody was told how the runs ended.
func (o *openRuns) print(c *command) {
	if o.number == 0 {
		return
	}
	more := ""
	if o.number > 1 {
		more = fmt.Sprintf(", and of %d more", o.number-1)
	}
	c.sayf("stdin ended before the end of %s%s; run --orphan-after 24h ends such a run as a workflow_error", o.first, more)
}

// runStream delivers the events of a stream. It reads even while the engine is being opened, or if none can be: the
// program that writes to us must not wait. That does not apply to a terminal.
func (c *command) runStream(s *session, stream engine.Stream) error {
	stream.Broken, stream.Seal = c.printBroken(), s.seal()
	var open openRuns
	stream.Open = open.add
	var reading *engine.Reading
	s.begin = func(ctx context.Context) { reading = stream.Begin(ctx) }
	s.instead = func() {
		if !isTerminal(stream.In) {
			_ = reading.Drop()
		}
	}
	s.feed = func(_ context.Context, eng *engine.Engine) error {
		err := reading.To(eng)
		open.print(c)
		if n := reading.Counts(); !s.json && n.Passed > 0 && n == (event.Counts{Passed: n.Passed}) {
			c.sayf("stdin had no event. AWF does not write its events to its output: run awf-hook exec -- awf run …, " +
				"or set AWF_AUDIT_LOG=/dev/stdout. An event of your own takes one line")
		}
		if err == nil || errors.Is(err, context.Canceled) { // canceled by a signal
			return nil
		}
		return fmt.Errorf("stdin: %w", err)
	}
	return s.run(c)
}
