package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
)

// Exit codes of exec where there is no program that has one, as shells have them.
const (
	exitCannotRun = 126 // it is there and cannot be run
	exitNotFound  = 127
)

// maxTalk is how many bytes of what exec has to say are kept until the program has ended.
const maxTalk = 64 << 10

type execFlags struct {
	config        string
	noProject     bool
	queue         string
	drainTimeout  time.Duration
	waitDelivered bool
	json          bool
}

func (c *command) execCommand() *cobra.Command {
	var flags execFlags
	cmd := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARG]…",
		Short: "Run a command and deliver its workflows' events",
		Long: `exec runs a command, "awf run deploy" for example, and delivers the events of its workflows: starts, ends and steps,
those of sub-workflows and of resumed runs too. The command keeps its terminal, its streams, its arguments and its
signals; its exit code, or the signal that ended it, becomes exec's, whatever becomes of the webhooks.

exec sets AWF_AUDIT_LOG for the command to a file of its own, and appends what AWF writes there to the file that AWF
would have used. What it has to say it says when the command has ended.

A run that has no end when the command has ended is given one, with "synthetic": true: workflow_cancel after SIGINT or
SIGTERM, else workflow_error. What is not delivered --drain-timeout after the command's end is kept; Ctrl-C ends the wait.`,
		Example: `  awf-hook exec -- awf run deploy
  awf() { awf-hook exec -- command awf "$@"; }`,
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		RunE:                  func(_ *cobra.Command, args []string) error { return c.exec(args, flags) },
	}
	cmd.Flags().SetInterspersed(false) // what follows the command's name is the command's
	cmd.Flags().StringVarP(&flags.config, "config", "c", "", "a configuration `FILE` to read instead of the global and the project's settings")
	cmd.Flags().BoolVar(&flags.noProject, "no-project", false, "leave out the project's settings and the workflows' definitions")
	cmd.Flags().StringVar(&flags.queue, "queue", "", "the queue's `FILE`, or memory: for none (default what the configuration says, else the state folder's)")
	cmd.Flags().DurationVar(&flags.drainTimeout, "drain-timeout", 5*time.Second, "how long to go on delivering after the command's end")
	cmd.Flags().BoolVar(&flags.waitDelivered, "wait-delivered", false, "exit with 5 if the command succeeded and something is not delivered by --drain-timeout; for containers, whose queue ends with them")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print the report as a JSON object, on stderr")
	return cmd
}

func (c *command) exec(args []string, flags execFlags) error {
	if args[0] == "command" { // of a shell function: the shell's own word, which is no program everywhere
		args = args[1:]
	}
	if len(args) == 0 {
		return errors.New("no command given")
	}
	search := config.Search{File: flags.config, NoProject: flags.noProject, Env: os.LookupEnv}
	child, err := engine.Start(engine.Command{
		Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		State: search.StateFolder(), Origin: origin(search),
	})
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return &exitError{exitNotFound, err}
		}
		return &exitError{exitCannotRun, err}
	}
	talk := &held{out: c.err}
	c.err = talk
	report, deliverErr := c.deliver(child, search, flags)
	exit, childErr := child.Wait()
	for _, err := range []error{childErr, deliverErr} {
		if err != nil {
			c.say(err)
		}
	}
	if report.Retrying+report.Dead+report.Refused+report.BadLines > 0 || flags.json {
		c.sayReport(report, flags.json)
	}
	talk.release()
	if exit.Signal != 0 {
		dieBy(exit.Signal)
	}
	if undelivered := deliverErr != nil || report.Retrying+report.Dead+report.Refused > 0; exit.Code == 0 && undelivered && flags.waitDelivered {
		return &exitError{code: exitNotDelivered}
	}
	if exit.Code != 0 {
		return &exitError{code: exit.Code}
	}
	return nil
}

// deliver delivers a child's events, until some time after its end at most.
func (c *command) deliver(child *engine.Child, search config.Search, flags execFlags) (engine.Report, error) {
	eng, err := c.open(search, flags.queue)
	if err != nil {
		<-child.Exited()
		return engine.Report{}, fmt.Errorf("no webhooks for this command: %w", err)
	}
	running, stop := context.WithCancel(context.Background())
	defer stop()
	var working sync.WaitGroup
	working.Go(func() { _ = eng.Run(running) })
	draining, stopDraining := context.WithCancel(running)
	working.Go(func() {
		<-child.Exited()
		defer stopDraining()
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		defer signal.Stop(signals)
		select {
		case <-time.After(flags.drainTimeout):
		case <-signals:
		case <-running.Done():
		}
	})
	err = eng.Attend(draining, child, c.sayBroken())
	if errors.Is(err, context.Canceled) {
		err = errors.New("not all events of the command were accepted yet; they are kept for the next awf-hook of the same settings")
	}
	_ = eng.Drain(draining) // what is left is in the report
	stop()
	working.Wait()
	closeErr := eng.Close()
	report := eng.Report()
	if err == nil && c.lost(report)+report.Refused == 0 {
		err = child.Settle()
	}
	return report, errors.Join(err, closeErr)
}

// origin names the settings that are read beside the global ones.
func origin(search config.Search) string {
	if search.File != "" {
		if full, err := filepath.Abs(search.File); err == nil {
			return "file " + full
		}
		return "file " + search.File
	}
	if search.NoProject {
		return "global"
	}
	folder, err := filepath.Abs(".awf")
	if err != nil {
		return "global"
	}
	if _, err := os.Stat(folder); err != nil {
		return "global"
	}
	return "project " + folder
}

// adopt takes up what dead processes left of their commands, beside what else is done. wait waits for that until ctx ends.
func (c *command) adopt(eng *engine.Engine, search config.Search) (wait func(ctx context.Context)) {
	if search.StateFolder() == "" {
		return func(context.Context) {}
	}
	adopting, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- eng.Adopt(adopting, search.StateFolder(), origin(search)) }()
	return func(ctx context.Context) {
		defer context.AfterFunc(ctx, cancel)()
		if err := <-done; err != nil && ctx.Err() == nil {
			c.say(err)
		}
		cancel()
	}
}

// held keeps what is written to it until it is released: the terminal is the command's until then.
type held struct {
	mu       sync.Mutex
	out      io.Writer
	text     bytes.Buffer
	dropped  bool
	released bool
}

func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.released:
		return h.out.Write(p)
	case h.text.Len()+len(p) > maxTalk:
		h.dropped = true
	default:
		h.text.Write(p)
	}
	return len(p), nil
}

func (h *held) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released = true
	_, _ = h.out.Write(h.text.Bytes())
	if h.dropped {
		fmt.Fprintln(h.out, "awf-hook: there was more to say than is kept")
	}
}

// dieBy ends the process by a signal, so that whoever waits for it sees what the command's end was.
// The signal's own action can only be had from the system: a shell in our place sends it to itself. It returns if it cannot.
func dieBy(sig syscall.Signal) {
	signal.Reset()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // was ignored, and would be in the shell too
	if sig == syscall.SIGKILL {
		_ = syscall.Kill(os.Getpid(), sig)
		select {}
	}
	script := fmt.Sprintf("ulimit -c 0; kill -%d $$; exit %d", int(sig), 128+int(sig))
	_ = syscall.Exec("/bin/sh", []string{"sh", "-c", script}, os.Environ())
}
