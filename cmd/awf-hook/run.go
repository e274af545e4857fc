package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

// maxBadLines is how many broken lines are named; the others are counted.
const maxBadLines = 100

type runFlags struct {
	config       string
	noProject    bool
	queue        string
	drainTimeout time.Duration
	orphanAfter  time.Duration
	wait         bool
	strict       bool
	resend       bool
	json         bool
}

func (c *command) runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Read events from stdin, deliver them, exit",
		Long: `run reads AWF's events from stdin until its end, delivers them and exits.
Lines that are not events go to stdout as they are.

Webhooks are found in the global settings.yaml (in $AWF_CONFIG_HOME, else $XDG_CONFIG_HOME/awf), in the project's
.awf/settings.yaml and, for its own events, in a workflow's definition. -c FILE stands for the first two.

What cannot be delivered by the end is kept in the queue, and the next run takes it up.

A pipe is never broken by awf-hook: with a bad configuration stdin is still passed through to its end.
The first SIGINT or SIGTERM reads on until stdin's end, for --drain-timeout at most; the second one stops at once.`,
		Example: "  AWF_AUDIT_LOG=/dev/stdout awf run deploy | awf-hook run -c awf-hook.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return c.runStdin(flags) },
	}
	cmd.Flags().StringVarP(&flags.config, "config", "c", "", "a configuration `FILE` to read instead of the global and the project's settings")
	cmd.Flags().BoolVar(&flags.noProject, "no-project", false, "leave out the project's settings and the workflows' definitions")
	cmd.Flags().DurationVar(&flags.drainTimeout, "drain-timeout", 30*time.Second, "how long to go on delivering at the end")
	cmd.Flags().StringVar(&flags.queue, "queue", "", "the queue's `FILE`, or memory: for none (default what the configuration says, else the state folder's)")
	cmd.Flags().BoolVar(&flags.wait, "wait-delivered", false, "exit with 5 if something is not delivered by --drain-timeout; for containers, whose queue ends with them")
	cmd.Flags().DurationVar(&flags.orphanAfter, "orphan-after", 0, "give a run an end that was quiet for so long, or open when stdin ends (default never)")
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "exit with 4 if there were bad lines")
	cmd.Flags().BoolVar(&flags.resend, "resend", false, "send known events again, with new ids; for trying things out")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print the report as a JSON object, on stderr")
	return cmd
}

func (c *command) runStdin(flags runFlags) error {
	reading, stopReading := context.WithCancel(context.Background())
	defer stopReading()
	running, stopRunning := context.WithCancel(context.Background())
	defer stopRunning()
	grace := flags.drainTimeout
	if isTerminal(c.in) {
		grace = 0 // nobody writes who could be broken
	}
	defer onSignals(stopReading, stopRunning, grace)()

	search := config.Search{File: flags.config, NoProject: flags.noProject, Env: os.LookupEnv}
	eng, err := c.open(search, flags.queue)
	if err != nil {
		// Said before stdin ends, which may take the workflow's time.
		if exit := (*exitError)(nil); errors.As(err, &exit) {
			c.say(exit.err)
			c.passThrough(reading)
			return &exitError{code: exit.code}
		}
		return err
	}
	var delivering sync.WaitGroup
	delivering.Go(func() { _ = eng.Run(running) })
	waitAdopted := c.adopt(eng, search)
	readErr := eng.Read(reading, engine.Stream{Name: "<stdin>", In: c.in, Out: c.out, Broken: c.sayBroken(), OrphanAfter: flags.orphanAfter, Resend: flags.resend})
	if errors.Is(readErr, context.Canceled) {
		readErr = nil // by a signal
	}
	draining, cancel := context.WithTimeout(running, flags.drainTimeout)
	defer cancel()
	waitAdopted(draining)
	_ = eng.Drain(draining) // what is left is in the report
	stopRunning()
	delivering.Wait()
	report := eng.Report()
	if err := eng.Close(); err != nil {
		c.say(err) // what it is about is in the queue still
	}
	c.sayReport(report, flags.json)
	switch {
	case readErr != nil:
		return failure(fmt.Errorf("stdin: %w", readErr))
	case c.lost(report)+report.Refused > 0:
		return &exitError{code: exitFailure}
	case flags.wait && report.Retrying+report.Dead > 0:
		return &exitError{code: exitNotDelivered}
	case flags.strict && report.BadLines > 0:
		return &exitError{code: exitBadLines}
	}
	return nil
}

// onSignals lets the first SIGINT or SIGTERM end the reading after the grace, and the second one end everything.
// The returned function ends the watch.
func onSignals(stopReading, stopRunning func(), grace time.Duration) (end func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		var timeout <-chan time.Time
		for n := 0; ; {
			select {
			case <-signals:
				if n++; n == 1 {
					timeout = time.After(grace)
					continue
				}
				stopReading()
				stopRunning()
			case <-timeout:
				stopReading()
			case <-ended:
				return
			}
		}
	})
	return func() {
		signal.Stop(signals)
		close(ended)
		watch.Wait()
	}
}

// sayBroken returns what prints broken lines, up to a bound.
func (c *command) sayBroken() func(*event.LineError) {
	said := 0
	return func(err *event.LineError) {
		if said++; said <= maxBadLines {
			c.say(err)
		}
		if said == maxBadLines {
			fmt.Fprintln(c.err, "awf-hook: further bad lines are counted only")
		}
	}
}

// maxWhy is of how many webhooks it is said why something is not delivered.
const maxWhy = 10

func (c *command) sayReport(report engine.Report, asJSON bool) {
	if asJSON {
		text, _ := json.Marshal(report) // numbers only
		fmt.Fprintf(c.err, "%s\n", text)
		return
	}
	fmt.Fprintf(c.err, "awf-hook: %v\n", report)
	why := report.Why()
	for _, line := range why[:min(len(why), maxWhy)] {
		fmt.Fprintf(c.err, "awf-hook: %s\n", plain(line))
	}
	if more := len(why) - maxWhy; more > 0 {
		fmt.Fprintf(c.err, "awf-hook: %d more webhooks: awf-hook webhooks list\n", more)
	}
	lost := c.lost(report)
	if lost > 0 {
		fmt.Fprintf(c.err, "awf-hook: %d not delivered and lost: the queue was in memory\n", lost)
	}
	if kept := report.Retrying + report.Dead - lost; kept > 0 {
		fmt.Fprintf(c.err, "awf-hook: %d kept in %s\n", kept, c.queue)
	}
	if report.Retrying > report.Lost() && !report.Closed() {
		fmt.Fprintln(c.err, "awf-hook: nothing retries it until awf-hook runs again")
	}
}

// lost is how many deliveries end with the process.
func (c *command) lost(report engine.Report) int64 {
	if c.queue == engine.Memory || c.queue == "" {
		return report.Retrying + report.Dead
	}
	return report.Lost()
}
