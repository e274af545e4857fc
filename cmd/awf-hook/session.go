package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

const (
	maxBadLines = 100 // broken lines that are printed; the others are counted
	maxWhy      = 10  // webhooks for which the report says why something is not delivered
)

// session is one delivery of events, from an opened engine to its report: run, exec, emit, follow and demo each are one.
type session struct {
	configFlags
	queue        string
	drainTimeout time.Duration
	wait         bool // exit with 5 if something is not delivered
	failOnDead   bool // exit with 5 if something is dead
	strict       bool // exit with 4 after bad lines
	json         bool
	quiet        bool // print the report only if something is not delivered

	config  *config.Config                                      // nil: what the flags name
	feed    func(ctx context.Context, eng *engine.Engine) error // submits the events, and stops when ctx ends
	adopts  bool                                                // also delivers what dead processes left of their commands
	grace   time.Duration                                       // feed goes on for so long after the first signal
	ended   <-chan struct{}                                     // the drain timeout counts from its close; nil: from feed's end
	instead func(ctx context.Context)                           // runs if no engine can be opened, after the reason is printed
	leaving func()                                              // is called at the first signal
	keeps   func() bool                                         // see engine.Options.Keeps
}

// addFlags adds the flags that sessions share.
func (s *session) addFlags(cmd *cobra.Command, drain time.Duration, drainUsage string) {
	flags := cmd.Flags()
	flags.StringVar(&s.queue, "queue", "", "the queue's `FILE`, or memory: for none (default: the configuration's, else the state folder's)")
	flags.DurationVar(&s.drainTimeout, "drain-timeout", drain, drainUsage)
	flags.BoolVar(&s.json, "json", false, "print the report as a JSON object on stderr")
}

// addExitFlags adds the flags that make exit codes of what is not delivered.
func (s *session) addExitFlags(cmd *cobra.Command, waitUsage string) {
	cmd.Flags().BoolVar(&s.wait, "wait-delivered", false, waitUsage)
	cmd.Flags().BoolVar(&s.failOnDead, "fail-on-dead", false, "exit with 5 if a receiver refused something for good (a dead letter)")
}

// run delivers, prints the report and returns an error with the command's exit code.
func (s *session) run(c *command) error {
	report, err := s.deliver(c)
	if report == nil {
		return err
	}
	s.printReport(c, report)
	switch {
	case err != nil:
		return failure(err)
	case c.lost(report)+report.Refused > 0:
		return &exitError{code: exitFailure}
	case s.misses(report):
		return &exitError{code: exitNotDelivered}
	case s.strict && report.BadLines > 0:
		return &exitError{code: exitBadLines}
	}
	return nil
}

// deliver opens the engine, feeds it, drains it and closes it. The report is nil if no engine could be opened; else the
// error is feed's.
func (s *session) deliver(c *command) (*engine.Report, error) {
	running, stop := context.WithCancel(context.Background())
	defer stop()
	feeding, stopFeeding := context.WithCancel(running)
	defer stopFeeding()
	if s.ended == nil {
		defer onSignals(stage{say: s.waits(c, feeding), after: s.grace, end: stopFeeding}, stage{end: stop})()
	}
	eng, err := s.open(c)
	if err != nil {
		if s.instead == nil {
			return nil, err
		}
		c.say(err) // at once: what follows may take the workflow's time
		s.instead(feeding)
		return nil, &exitError{code: exitConfig}
	}
	var working sync.WaitGroup
	working.Go(func() { _ = eng.Run(running) })
	if s.ended != nil {
		working.Go(func() { s.stopAfter(running, stop) })
	}
	adopted := s.adopt(c, eng)
	feedErr := s.feed(feeding, eng)
	stopFeeding()
	draining, cancel := context.WithTimeout(running, s.drainTimeout)
	defer cancel()
	adopted(draining)
	_ = eng.Drain(draining) // the report says what is left
	stop()
	working.Wait()
	if err := eng.Close(); err != nil {
		c.say(err) // what it names is still in the queue
	}
	report := eng.Report()
	return &report, feedErr
}

// waits returns what tells the user of the first signal what the session goes on to wait for.
func (s *session) waits(c *command, feeding context.Context) func() {
	return func() {
		if s.leaving != nil {
			s.leaving()
			fmt.Fprintf(c.err, "awf-hook: taking events for %v more, then delivering what is left, for %v at most; a second signal stops at once\n",
				s.grace, s.drainTimeout)
			return
		}
		what := "delivering what is left"
		if s.grace > 0 && feeding.Err() == nil {
			what = "reading on until the input ends"
		}
		fmt.Fprintf(c.err, "awf-hook: %s, for %v at most; a second signal stops at once\n", what, s.drainTimeout)
	}
}

// open opens the engine of the session's configuration.
func (s *session) open(c *command) (*engine.Engine, error) {
	cfg, queue := s.config, s.queue
	if cfg == nil {
		var err error
		if cfg, err = c.load(s.search()); err != nil {
			return nil, err
		}
		queue = queueFile(s.search(), cfg, s.queue)
	}
	return c.openEngine(cfg, engine.Options{Queue: queue, Keeps: s.keeps})
}

// stopAfter stops the session when the drain timeout has passed since the end that s waits for, or at the first signal after it.
func (s *session) stopAfter(running context.Context, stop func()) {
	select {
	case <-s.ended:
	case <-running.Done():
		return
	}
	defer onSignals(stage{end: stop})()
	select {
	case <-time.After(s.drainTimeout):
		stop()
	case <-running.Done():
	}
}

// adopt takes up what dead processes left of their commands, while the session goes on. wait waits for that until ctx ends.
func (s *session) adopt(c *command, eng *engine.Engine) (wait func(ctx context.Context)) {
	state := s.search().StateFolder()
	if !s.adopts || state == "" {
		return func(context.Context) {}
	}
	adopting, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- eng.Adopt(adopting, state, s.origin()) }()
	return func(ctx context.Context) {
		defer context.AfterFunc(ctx, cancel)()
		if err := <-done; err != nil && ctx.Err() == nil {
			c.say(err)
		}
		cancel()
	}
}

// now is a session's end for a command whose drain timeout counts from its start.
func now() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// printReport prints the report on stderr, unless it is to be quiet and all went well.
func (s *session) printReport(c *command, r *engine.Report) {
	if s.quiet && !s.json && undelivered(r)+r.BadLines == 0 {
		return
	}
	if s.json {
		encode(c.err, r)
		return
	}
	fmt.Fprintf(c.err, "awf-hook: %v\n", r)
	c.printWhy(r)
	lost := c.lost(r)
	if lost > 0 {
		fmt.Fprintf(c.err, "awf-hook: %d not delivered and lost: the queue was in memory\n", lost)
	}
	if kept := r.Retrying + r.Dead - lost; kept > 0 {
		fmt.Fprintf(c.err, "awf-hook: %d kept in %s\n", kept, c.queue)
	}
	if r.Retrying > r.Lost() && !r.Closed() {
		fmt.Fprintln(c.err, "awf-hook: nothing retries it until awf-hook runs again")
	}
}

// misses says whether something is not delivered that the exit code is to tell.
func (s *session) misses(r *engine.Report) bool {
	return s.wait && undelivered(r) > 0 || s.failOnDead && r.Dead > 0
}

// printWhy prints for each webhook why something is not delivered: "oncall: 2 to retry: 503 Service Unavailable".
func (c *command) printWhy(r *engine.Report) {
	if r.Unread != "" {
		fmt.Fprintf(c.err, "awf-hook: the queue cannot be read: %s\n", plain(r.Unread))
	}
	for _, w := range r.Webhooks[:min(len(r.Webhooks), maxWhy)] {
		name := plain(w.Webhook)
		switch {
		case w.Waiting > 0 && w.Closed != "":
			fmt.Fprintf(c.err, "awf-hook: %s: %d to retry: closed (%s) until awf-hook webhooks enable %[1]s\n", name, w.Waiting, plain(w.Closed))
		case w.Waiting > 0 && w.Reason != "":
			fmt.Fprintf(c.err, "awf-hook: %s: %d to retry: %s\n", name, w.Waiting, plain(w.Reason))
		}
		if w.Last == nil {
			continue
		}
		fmt.Fprintf(c.err, "awf-hook: %s: %d dead: %s", name, w.Dead, plain(w.Last.Reason))
		if w.Last.Answer != "" {
			fmt.Fprintf(c.err, ": %s", plain(w.Last.Answer))
		}
		if c.queue != engine.Memory && c.queue != "" {
			fmt.Fprintf(c.err, "; awf-hook deliveries show %s", w.Last.ID)
		}
		fmt.Fprintln(c.err)
	}
	if more := len(r.Webhooks) - maxWhy; more > 0 {
		fmt.Fprintf(c.err, "awf-hook: %d more webhooks: awf-hook webhooks list\n", more)
	}
}

// undelivered is how many events and deliveries did not arrive.
func undelivered(r *engine.Report) int64 { return r.Retrying + r.Dead + r.Refused }

// lost is how many deliveries end with the process.
func (c *command) lost(r *engine.Report) int64 {
	if c.queue == engine.Memory || c.queue == "" {
		return r.Retrying + r.Dead
	}
	return r.Lost()
}

// printBroken returns a function that prints broken lines, up to a bound.
func (c *command) printBroken() func(*event.LineError) {
	said := 0
	return func(err *event.LineError) {
		if said++; said <= maxBadLines {
			c.say(err)
		}
		if said == maxBadLines {
			fmt.Fprintln(c.err, "awf-hook: further bad lines are only counted")
		}
	}
}
