package engine

import (
	"context"
	"os"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/source"
)

// Command is a program, `awf run deploy` for example, whose workflows' events are wanted.
type Command struct {
	Args                  []string // the program first; they are not changed
	Stdin, Stdout, Stderr *os.File // are the program's own
	Env                   []string // nil is this process's; AWF_AUDIT_LOG alone is changed

	State   string   // awf-hook's folder for what it keeps
	Spare   []string // folders for temporary files: one for what is kept of the command is made there if State cannot be used
	Storage string   // AWF's --storage, where the arguments do not say it
	// Origin names the configuration: Attend takes up only what dead processes of the same origin left.
	Origin string
}

// Exit is how a program ended.
type Exit = source.Exit

// Child is a started [Command]. It runs and its audit lines are copied to AWF's own file, whether its events are read or not.
type Child struct {
	*source.Child
	places source.Places
	origin string
}

// Start starts a command. The error says why it could not be started.
// It needs no engine, so that the program does not wait until one is open. It sets this process's nice value to 10, so that
// the program comes first.
func Start(cmd Command) (*Child, error) {
	env := cmd.Env
	if env == nil {
		env = os.Environ()
	}
	places := source.NewPlaces(cmd.State, cmd.Spare)
	child, err := source.Start(source.Command{
		Args: cmd.Args, Env: env, Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr,
		Places: places, Storage: cmd.Storage, Origin: cmd.Origin,
	})
	if err != nil {
		return nil, err
	}
	return &Child{child, places, cmd.Origin}, nil
}

// Attend submits the events of a child's workflows until it has ended and all of them are committed, and those that dead
// processes of the same origin left. A run that was left open gets an end with "synthetic": true.
// What is not committed when ctx ends, or all of it without [source.Child.Settle], stays on disk for the next Attend, which
// skips what the queue knows.
func (e *Engine) Attend(ctx context.Context, child *Child, broken func(*event.LineError)) error {
	sink, packed := e.sink(broken), child.Packed()
	sink.Events = func(ctx context.Context, events []event.Event) error { return e.submitOf(ctx, events, packed) }
	return attend(ctx,
		func(ctx context.Context) error { return child.Read(ctx, sink) },
		func(ctx context.Context) error { return child.places.Adopt(ctx, child.origin, e.sink(nil)) })
}

// attend reads and adopts at the same time. It cancels adopt when read fails or ctx ends; the next process adopts the rest.
func attend(ctx context.Context, read, adopt func(context.Context) error) error {
	adopting, cancel := context.WithCancel(ctx)
	defer cancel()
	adopted := make(chan error, 1)
	go func() { adopted <- adopt(adopting) }()
	err := read(ctx)
	if err != nil {
		cancel()
	}
	if adoptErr := <-adopted; err == nil && ctx.Err() == nil {
		err = adoptErr
	}
	return err
}

// Adopt submits the events that dead processes with this Command.Origin left, and removes what is settled. state and spare are
// those of Command.
func (e *Engine) Adopt(ctx context.Context, state string, spare []string, origin string) error {
	return source.NewPlaces(state, spare).Adopt(ctx, origin, e.sink(nil))
}

// sink returns a sink that submits events in order, and waits for room as long as it takes.
func (e *Engine) sink(broken func(*event.LineError)) source.Sink {
	return source.Sink{
		Events: e.submitAll,
		Stored: e.isStored,
		Broken: broken,
		Counts: func(c event.Counts) {
			e.counts.known.Add(int64(c.Known))
			e.counts.badLines.Add(int64(c.Broken))
		},
	}
}
