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
	"sync"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/spf13/cobra"
)

// Exit codes of exec for a command that did not run, as in shells.
const (
	exitCannotRun = 126 // it exists but cannot be run
	exitNotFound  = 127
)

// maxTalk is how many bytes of messages exec holds back until the command ends.
const maxTalk = 64 << 10

func (c *command) execCommand() *cobra.Command {
	s := &session{quiet: true, adopts: true, delivers: true}
	var storage string
	cmd := &cobra.Command{
		Use:                   "exec [flags] -- COMMAND [ARG]…",
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.mistake = c.misread; s.mistake != nil && s.file == "" && cmd.Flag("config").Changed {
				s.file = "." // no file was named, so the events are not those of the usual settings
			}
			return c.exec(s, args, storage)
		},
	}
	cmd.Flags().SetInterspersed(false) // flags after the command's name are the command's
	s.configFlags.add(cmd)
	s.addToFlag(cmd)
	s.addFlags(cmd, 5*time.Second, "how long to go on delivering after the command's end")
	s.addMetricsFlag(cmd)
	s.addExitFlags(cmd, "exit with 5 if the command succeeded and something is not delivered by --drain-timeout; "+
		"for containers, whose queue ends with them")
	addStorageFlag(cmd, &storage, "COMMAND's --storage, else AWF's own")
	return cmd
}

func (c *command) exec(s *session, args []string, storage string) error {
	if args[0] == "command" { // users' shell functions call this builtin; some systems have no such program
		args = args[1:]
	}
	if len(args) == 0 || args[0] == "" {
		return errors.New("no command given")
	}
	child, err := engine.Start(engine.Command{
		Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		State: s.search().StateFolder(), Spare: spareFolders(), Storage: storage, Origin: s.origin(),
	})
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return &exitError{exitNotFound, err}
		}
		return &exitError{exitCannotRun, fmt.Errorf("%s: %w", args[0], cause(err))}
	}
	talk := &held{out: c.err}
	c.err = talk
	s.screen, c.screen = c.screen, nil // until the command ends, the terminal belongs to it
	s.ended = child.Exited()
	s.feed = func(ctx context.Context, eng *engine.Engine) error { return eng.Attend(ctx, child, c.printBroken()) }
	s.instead = func() { <-child.Exited() }
	report, deliverErr := s.deliver(c)
	if deliverErr == nil && !isFailure(report) {
		deliverErr = child.Settle()
	}
	if errors.Is(deliverErr, context.Canceled) {
		deliverErr = errors.New("not all events of the command were accepted; the next awf-hook with the same settings delivers them")
	}
	exit, childErr := child.Wait()
	if childErr != nil {
		c.say(childErr)
	}
	for _, note := range child.Notes() {
		c.say(errors.New(note))
	}
	if report != nil {
		if deliverErr != nil {
			c.say(deliverErr)
		}
		s.printReport(c, report)
	}
	talk.release()
	if exit.Signal != 0 {
		dieBy(exit.Signal)
	}
	switch {
	case exit.Code != 0:
		return &exitError{code: exit.Code}
	case s.wait && deliverErr != nil, report != nil && s.misses(report):
		return &exitError{code: exitNotDelivered}
	}
	return nil
}

// held holds back what is written to it until release: until then the terminal belongs to the command.
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
		fmt.Fprintln(h.out, "awf-hook: further messages were dropped")
	}
}

// dieBy ends the process by a signal, so that its parent sees how the command ended. Go's runtime handles signals itself,
// so a shell replaces us and sends itself the signal. dieBy returns if that fails.
func dieBy(sig syscall.Signal) {
	signal.Reset()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // otherwise the shell would ignore it too
	if sig == syscall.SIGKILL {
		_ = syscall.Kill(os.Getpid(), sig)
		select {}
	}
	script := fmt.Sprintf("ulimit -c 0; kill -%d $$; exit %d", int(sig), 128+int(sig))
	_ = syscall.Exec("/bin/sh", []string{"sh", "-c", script}, os.Environ())
}
