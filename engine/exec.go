package engine

import (
	"context"
	"os"
	"syscall"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/source"
)

// Command is a program that runs workflows, for example `awf run deploy`.
type Command struct {
	Args                  []string // the program comes first; Start does not change them
	Stdin, Stdout, Stderr *os.File // passed to the program
	Env                   []string // nil is this process's environment; Start changes AWF_AUDIT_LOG alone

	State   string   // the folder where awf-hook keeps its state
	Spare   []string // folders for temporary files; if State cannot be used, Start makes a folder in one of them
	Storage string   // AWF's --storage, if the arguments do not set it
	Origin  string   // names the configuration: [Engine.Adopt] takes only what dead processes of the same origin left
}

// Exit is how a program ended.
type Exit struct {
	Code   int            // 128 + Signal if a signal ended it
	Signal syscall.Signal // the signal that ended it; 0 for none
}

// Child is a started [Command]. It runs, and its audit lines are copied to AWF's own file, even if nobody reads its
// events.
type Child struct{ child *source.Child }

// Exited is closed when the program has ended.
func (c *Child) Exited() <-chan struct{} { return c.child.Exited() }

// Wait waits for the program to end, and up to 2 s longer. The error says why its audit lines are not in AWF's own file,
// or why there are none.
func (c *Child) Wait() (Exit, error) {
	exit, err := c.child.Wait()
	return Exit{exit.Code, exit.Signal}, err
}

// Settle notes, after [Engine.Attend], that every event is stored or delivered, so that no other process reads the events
// again. It does nothing if the audit lines were not copied: then the next process copies them.
func (c *Child) Settle() error { return c.child.Settle() }

// Notes says, after [Engine.Attend], what could not be seen of the program's runs and why, and where its audit lines went
// if Command.State could not be used.
func (c *Child) Notes() []string { return c.child.Notes() }

// Start starts a command. The error says why the command could not start. Start needs no engine, so that the program
// need not wait for one. It sets this process's nice value to 10, so that the program comes first.
func Start(cmd Command) (*Child, error) {
	env := cmd.Env
	if env == nil {
		env = os.Environ()
	}
	child, err := source.Start(source.Command{
		Args: cmd.Args, Env: env, Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr,
		Places: source.NewPlaces(cmd.State, cmd.Spare), Storage: cmd.Storage, Origin: cmd.Origin,
	})
	if err != nil {
		return nil, err
	}
	return &Child{child}, nil
}

// Attend submits the events of a child's workflows until the child has ended and all its events are committed. A run
// without an end gets one with "synthetic": true. If ctx ends early, the uncommitted events stay on disk for
// [Engine.Adopt], and the queue knows the others. Without [Child.Settle] all events stay on disk.
func (e *Engine) Attend(ctx context.Context, child *Child, broken func(*event.LineError)) error {
	return child.child.Read(ctx, e.sink(broken, child.child.Packed()))
}

// Adopt submits the events that dead processes with this Command.Origin left, and removes what is settled. state and
// spare are the fields of Command.
func (e *Engine) Adopt(ctx context.Context, state string, spare []string, origin string) error {
	return source.NewPlaces(state, spare).Adopt(ctx, origin, e.sink(nil, ""))
}

// sink returns a sink that submits events in order and waits for room without a limit. packed is that of submitAll.
func (e *Engine) sink(broken func(*event.LineError), packed string) source.Sink {
	return source.Sink{
		Events: func(ctx context.Context, events []event.Event) error { return e.submitAll(ctx, events, packed) },
		Stored: e.isStored,
		Broken: broken,
		Counts: func(c event.Counts) {
			e.counts.known.Add(int64(c.Known))
			e.counts.badLines.Add(int64(c.Broken))
		},
		Trouble: e.trouble.Say,
	}
}
