package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

// maxBadLines is how many broken lines are printed in an hour; further ones are counted.
const maxBadLines = 100

// session delivers events: it opens an engine, feeds it, drains it and reports. All commands that deliver use it.
type session struct {
	configFlags
	queue        string
	spill        string // value of --spill
	delivers     bool   // also deliver from the spill file while a database is away
	drainTimeout time.Duration
	wait         bool // exit with 5 if something is not delivered
	failOnDead   bool // exit with 5 if something is dead
	strict       bool // exit with 4 after bad lines
	json         bool
	quiet        bool // print the report only if something is not delivered
	tellsKnown   bool // say that an event was known, also if quiet
	needsQueue   bool // fail if the queue's file cannot be used

	metricsFile string
	metrics     *server.Metrics // nil without metrics

	outcome func(engine.Outcome) // receives each outcome; nil for none

	mistake  error                                               // why no engine may be opened; nil if one may
	config   *config.Config                                      // nil uses the one that the flags name
	begin    func(ctx context.Context)                           // runs before the engine is opened; may be nil
	feed     func(ctx context.Context, eng *engine.Engine) error // submits the events, and stops when ctx ends
	adopts   bool                                                // also deliver the events that dead processes left of their commands
	grace    time.Duration                                       // how long feed goes on after the first signal
	ended    <-chan struct{}                                     // the drain timeout counts from its close; nil counts from feed's end
	instead  func()                                              // runs if no engine can be opened, after the reason is printed
	leaving  func()                                              // called at the first signal
	hurries  atomic.Bool                                         // there was a signal
	screen   *screen                                             // shows the drain's progress; nil uses the command's
	isServer bool                                                // its environment says nothing about its events
	options  engine.Options                                      // added to what every session has
}

// addFlags adds the flags that sessions share.
func (s *session) addFlags(cmd *cobra.Command, drain time.Duration, drainUsage string) {
	flags := cmd.Flags()
	flags.StringVar(&s.queue, "queue", "",
		"the queue's `FILE` or PostgreSQL URL, or memory: for none (default: the configuration's, else the state folder's)")
	s.addSpillFlag(cmd)
	flags.DurationVar(&s.drainTimeout, "drain-timeout", drain, drainUsage)
	flags.BoolVar(&s.json, "json", false, "print the report as a JSON object on stderr")
}

func (s *session) addSpillFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.spill, "spill", "",
		"at the end, append to this `FILE` the events that the queue cannot keep, for run to read (default: a new file, which the report names)")
}

// addExitFlags adds the flags that report undelivered events as exit codes.
func (s *session) addExitFlags(cmd *cobra.Command, waitUsage string) {
	cmd.Flags().BoolVar(&s.wait, "wait-delivered", false, waitUsage)
	cmd.Flags().BoolVar(&s.failOnDead, "fail-on-dead", false, "exit with 5 if a receiver refused something for good (a dead letter)")
}

func (s *session) addMetricsFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.metricsFile, "metrics-file", "",
		"at the end, write the metrics to this `FILE.prom`, for the node exporter's textfile collector")
}

// watchMetrics begins to collect the metrics for --metrics-file.
func (s *session) watchMetrics() {
	if s.metricsFile != "" {
		s.metrics = server.NewMetrics(version())
		s.options.Observer = s.metrics.Observer("awf")
	}
}

// writeMetrics writes --metrics-file.
func (s *session) writeMetrics(c *command, eng *engine.Engine) {
	if s.metricsFile == "" {
		return
	}
	s.metrics.Loaded(metered(eng), nil, nil)
	queue := server.NewQueue(eng, "", c.logger())
	queue.Keeps = func() bool { return true }
	s.metrics.Watch(queue)
	if err := s.metrics.WriteFile(s.metricsFile); err != nil {
		c.say(fmt.Errorf("--metrics-file: %w", err))
	}
}

// metered lists the active webhooks, each with the kinds of its transform's steps.
func metered(eng *engine.Engine) (list []server.Webhook) {
	steps := map[string][]string{}
	webhooks := eng.Config().Webhooks
	for i := range webhooks {
		for k := range webhooks[i].Transform {
			steps[webhooks[i].Name] = append(steps[webhooks[i].Name], webhooks[i].Transform[k].Kind())
		}
	}
	for _, name := range eng.Webhooks() {
		list = append(list, server.Webhook{Name: name, Steps: steps[name]})
	}
	return list
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
	case isFailure(report):
		return &exitError{code: exitFailure}
	case s.needsQueue && report.Queue == "":
		return failure(errInMemory)
	case s.needsQueue && report.Trouble != "":
		return failure(fmt.Errorf("%s: %s", report.Queue, report.Trouble))
	case s.misses(report):
		return &exitError{code: exitNotDelivered}
	case s.strict && report.BadLines > 0:
		return &exitError{code: exitBadLines}
	}
	return nil
}

// deliver opens the engine, feeds it, drains it and closes it. If no engine could be opened the report is nil; otherwise
// the error is feed's.
func (s *session) deliver(c *command) (*engine.Report, error) {
	useHeapFloor()
	running, stop := context.WithCancel(context.Background())
	defer stop()
	hurried, hurry := context.WithCancel(context.Background())
	defer hurry()
	s.options.Hurry = hurried
	end := func() { stop(); hurry() }
	feeding, stopFeeding := context.WithCancel(running)
	defer stopFeeding()
	if s.ended == nil {
		defer onSignals(stage{say: s.waits(c, feeding), after: s.grace, end: stopFeeding}, stage{end: end})()
	}
	if s.begin != nil {
		s.begin(feeding)
	}
	s.watchMetrics()
	stopSpans := s.watchSpans(c)
	defer stopSpans()
	eng, err := s.open(c)
	if err != nil {
		if s.instead == nil {
			return nil, err
		}
		c.say(err) // at once, since what follows may take as long as the workflow
		s.instead()
		return nil, &exitError{code: exitConfig}
	}
	var working sync.WaitGroup
	working.Go(func() { _ = eng.Run(running) })
	if s.ended != nil {
		working.Go(func() { s.stopAfter(running, stop, end) })
	}
	adopted := s.adopt(c, eng)
	feedErr := s.feed(feeding, eng)
	stopFeeding()
	draining, cancel := context.WithTimeout(running, s.drainTimeout)
	defer cancel()
	drained := cmp.Or(s.screen, c.screen).showing(s.progress(draining, eng))
	adopted(draining)
	_ = eng.Drain(draining) // the report says what is left
	drained()
	stop()
	working.Wait()
	stopSpans()
	s.writeMetrics(c, eng)
	if err := eng.Close(); err != nil {
		c.say(err) // the deliveries that it counts are still in the queue
	}
	report := eng.Report()
	return &report, feedErr
}

// progress returns a function that says how far a drain is.
func (s *session) progress(draining context.Context, eng *engine.Engine) func() string {
	return func() string {
		deadline, _ := draining.Deadline()
		lanes, err := eng.Queue().Lanes(draining)
		if err != nil {
			return "delivering what is left"
		}
		own, waiting, next := eng.Webhooks(), 0, time.Time{}
		for i := range lanes {
			if l := &lanes[i]; slices.Contains(own, eng.Name(l.Webhook)) {
				waiting += l.Waiting
				if !l.Due.IsZero() && l.Due.Before(deadline) && (next.IsZero() || l.Due.Before(next)) {
					next = l.Due
				}
			}
		}
		text := fmt.Sprintf("delivering what is left: %d", waiting)
		if wait := time.Until(next); wait > time.Second {
			text += fmt.Sprintf(", next in %v", wait.Round(time.Second))
		}
		text += fmt.Sprintf(", for %v at most", max(time.Until(deadline), 0).Round(time.Second))
		if s.ended != nil {
			text += "; Ctrl-C keeps the rest"
		}
		return text
	}
}

// waits returns a function that says, at the first signal, what the session still waits for.
func (s *session) waits(c *command, feeding context.Context) func() {
	return func() {
		s.hurries.Store(true)
		if s.leaving != nil {
			s.leaving()
			c.sayf("accepting events for another %v, then delivering what is left, for %v at most; a second signal stops at once",
				s.grace, s.drainTimeout)
			return
		}
		what := "delivering what is left"
		if s.grace > 0 && feeding.Err() == nil {
			what = "reading on until the input ends"
		}
		c.sayf("%s, for %v at most; a second signal stops at once", what, s.drainTimeout)
	}
}

// open opens the engine of the session's configuration.
func (s *session) open(c *command) (*engine.Engine, error) {
	cfg, queue := s.config, s.queue
	if s.mistake != nil {
		return nil, s.mistake
	}
	if cfg == nil {
		var err error
		if cfg, err = c.load(s.search()); err != nil {
			return nil, err
		}
		queue = queueFile(s.search(), cfg, s.queue)
	}
	o := s.options
	o.Queue, o.Spill, o.Seal, o.OnOutcome = queue, s.spillPlaces(queue), s.seal(), s.outcome
	if !config.IsDatabase(queue) { // a database may have to migrate
		o.Patience = max(s.drainTimeout, 1)
	}
	if folder := s.search().StateFolder(); folder != "" {
		o.SpillFolder, o.HoldSpilled = filepath.Join(folder, "spill"), !s.delivers
	}
	return c.openEngine(cfg, o)
}

// spillPlaces returns the places for deliveries that the queue does not take at the end, the best first: the file in --spill, the state
// folder, the folder for temporary files. With a queue in memory, deliveries are kept only if there is --spill.
func (s *session) spillPlaces(queue string) (places []string) {
	if s.spill != "" {
		places = append(places, s.spill)
	}
	if folder := s.search().StateFolder(); folder != "" && queue != engine.Memory {
		places = append(places, folder+"/")
	}
	if len(places) > 0 || queue != engine.Memory {
		places = append(places, os.TempDir()+"/")
	}
	return places
}

// seal returns the seal of spill files.
func (s *session) seal() *engine.Seal {
	paths := []string{filepath.Join(os.TempDir(), fmt.Sprintf("awf-hook-%d.key", os.Geteuid()))}
	if folder := s.search().StateFolder(); folder != "" {
		paths = append([]string{filepath.Join(folder, "spill.key")}, paths...)
	}
	return engine.NewSeal(paths...)
}

// spareFolders lists folders for a command's audit lines if the state folder cannot be used. The last one is memory.
func spareFolders() []string { return []string{os.TempDir(), "/dev/shm"} }

// stopAfter stops the session when the drain timeout has passed since s.ended, or at the first signal after that.
func (s *session) stopAfter(running context.Context, stop, end func()) {
	select {
	case <-s.ended:
	case <-running.Done():
		return
	}
	defer onSignals(stage{end: end})()
	select {
	case <-time.After(s.drainTimeout):
		stop()
	case <-running.Done():
	}
}

// adopt begins to accept the events that dead processes of this configuration left. wait waits until it has, or ctx ends.
func (s *session) adopt(c *command, eng *engine.Engine) (wait func(ctx context.Context)) {
	if !s.adopts {
		return func(context.Context) {}
	}
	adopted := beside(func(ctx context.Context) error {
		return eng.Adopt(ctx, s.search().StateFolder(), spareFolders(), s.origin())
	})
	return func(ctx context.Context) {
		if err := adopted(ctx); err != nil && ctx.Err() == nil {
			c.say(err)
		}
	}
}

// beside calls f beside what follows. wait waits for its return, and cancels it when ctx ends.
func beside(f func(ctx context.Context) error) (wait func(ctx context.Context) error) {
	running, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(running) }()
	return func(ctx context.Context) error {
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return <-done
	}
}

// now returns a closed channel, for a command whose drain timeout counts from its start.
func now() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// printBroken returns a function that prints broken lines, up to a limit in each hour.
func (c *command) printBroken() func(*event.LineError) {
	said, since := 0, time.Now()
	return func(err *event.LineError) {
		if time.Since(since) >= time.Hour {
			said, since = 0, time.Now()
		}
		if said++; said <= maxBadLines {
			c.say(err)
		}
		if said == maxBadLines {
			c.sayf("further bad lines are counted for the rest of the hour, but not printed")
		}
	}
}
