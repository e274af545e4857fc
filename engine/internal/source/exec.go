package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"golang.org/x/sys/unix"
)

// copyWait is how long Wait waits, after the command's end, for the last audit lines to reach AWF's own file.
const copyWait = 2 * time.Second

// commandNice is the nice value of an awf-hook that runs a command.
const commandNice = 10

// Command is a program that runs workflows. It gets its streams and arguments unchanged; of its environment only
// AWF_AUDIT_LOG is set.
type Command struct {
	Args                  []string // the program first
	Env                   []string // "key=value"
	Stdin, Stdout, Stderr *os.File
	Places                Places // of private audit files
	Storage               string // AWF's --storage; "" takes it from the arguments
	Origin                string // names the configuration that the events are for; Adopt leaves alone the events of other origins
}

// Exit is how a program ended.
type Exit struct {
	Code        int            // 128 + Signal if a signal ended it
	Signal      syscall.Signal // the signal that ended it; 0 for none
	Interrupted syscall.Signal // the first SIGINT or SIGTERM that came while it ran; 0 for none
}

// Child is a started command.
type Child struct {
	process *exec.Cmd
	trail   *trail        // nil if there is none; trouble says why
	trouble error         // names the places that could not be used
	copied  chan struct{} // closed when copying ends
	copyErr error         // valid after that
	exited  chan struct{} // closed when the program ended
	exit    Exit          // valid after that
	read    int64         // bytes of the trail whose events are committed
	notes   []string      // valid when Read has returned
}

// Start starts a command. The error says why the program could not start. If its events cannot be read, the program runs
// all the same: see [Child.Wait].
func Start(cmd Command) (*Child, error) {
	if len(cmd.Args) == 0 {
		return nil, errors.New("no program given")
	}
	c := &Child{copied: make(chan struct{}), exited: make(chan struct{})}
	env := envOf(cmd.Env)
	c.process = exec.Command(cmd.Args[0], cmd.Args[1:]...)
	c.process.Stdin, c.process.Stdout, c.process.Stderr = cmd.Stdin, cmd.Stdout, cmd.Stderr
	c.process.Env = cmd.Env
	if c.process.Err != nil {
		return nil, c.process.Err
	}
	info := trailInfo{
		Target: absolute(AuditFile(env)), Transcripts: absolute(Transcripts(env)),
		Storage: absolute(cmp.Or(cmd.Storage, Storage(cmd.Args, env))), Origin: cmd.Origin, Started: time.Now().UTC(),
	}
	if c.trail, c.trouble = cmd.Places.newTrail(info); c.trail != nil {
		c.process.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "AWF_AUDIT_LOG="+c.trail.path)
	}
	signals := make(chan os.Signal, 16)
	var ignored []os.Signal
	for _, sig := range forwarded() {
		if signal.Ignored(sig) {
			ignored = append(ignored, sig) // so that the program ignores it too
		} else {
			signal.Notify(signals, sig)
		}
	}
	if err := c.startProcess(); err != nil {
		signal.Stop(signals)
		if c.trail != nil {
			c.trail.remove()
		}
		return nil, err
	}
	if c.trail != nil {
		_ = c.trail.setPID(c.process.Process.Pid)
		go c.copyUntilExit() // Wait waits for it, unless it hangs
	}
	for _, sig := range ignored {
		signal.Notify(signals, sig)
	}
	lowerPriority()
	go c.attend(signals) // closes exited
	return c, nil
}

// lowerPriority sets the nice value of each thread of this process, and so of the threads they start, to commandNice. The
// command, which is already running, keeps its own. Failure is ignored: it costs only the priority.
func lowerPriority() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, commandNice) // outside Linux: it sets that of the whole process
		return
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, commandNice)
		}
	}
}

// envOf looks up variables in a list of "key=value"; the last entry for a key wins.
func envOf(list []string) Env {
	return func(name string) (value string, set bool) {
		for _, entry := range list {
			if len(entry) > len(name) && entry[len(name)] == '=' && entry[:len(name)] == name {
				value, set = entry[len(name)+1:], true
			}
		}
		return value, set
	}
}

func absolute(path string) string {
	if path == "" {
		return ""
	}
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// copyUntilExit copies the audit lines to AWF's own file as they come.
func (c *Child) copyUntilExit() {
	p := pace{share: restShare}
	for {
		p.begin()
		something, _ := c.trail.copyLines(false)
		select {
		case <-time.After(p.next(something)):
		case <-c.exited:
			_, c.copyErr = c.trail.copyLines(true)
			close(c.copied)
			return
		}
	}
}

// Exited is closed when the program ended.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Wait waits for the program to end, and up to 2 s longer. The error says why its audit lines are not in AWF's own file,
// or why there are none.
func (c *Child) Wait() (Exit, error) {
	<-c.exited
	if c.trail == nil {
		return c.exit, fmt.Errorf("its events cannot be read: %s", oneLine(c.trouble))
	}
	select {
	case <-c.copied:
		if c.copyErr != nil {
			return c.exit, fmt.Errorf("its audit lines are kept in %s: %w", c.trail.path, c.copyErr)
		}
		return c.exit, nil
	case <-time.After(copyWait):
		return c.exit, fmt.Errorf("its audit lines are kept in %s: %s does not take them", c.trail.path, c.trail.Target)
	}
}

// Read passes the events of the program's workflows to sink until the program has ended and all of them are committed, or
// ctx ends. A run that the program left open gets an end. Uncommitted events stay for the next process.
func (c *Child) Read(ctx context.Context, sink Sink) error {
	if c.trail == nil {
		return nil
	}
	return c.trail.read(ctx, sink, c)
}

// Packed returns the pack's workflow that the program was told to run, as "PACK/NAME"; "" if there is none.
func (c *Child) Packed() string { return packed(c.process.Args[1:]) }

// Notes says, after Read, what could not be seen of the program's runs and why, and where its audit lines went if not to
// the first place.
func (c *Child) Notes() (notes []string) {
	if c.trail != nil && c.trouble != nil {
		notes = append(notes, fmt.Sprintf("its audit lines went through %s, since the state folder cannot be used: %s",
			filepath.Dir(c.trail.path), oneLine(c.trouble)))
	}
	return append(notes, c.notes...)
}

// oneLine returns the text of joined errors in one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// Settle notes, after Read, that everything read is stored or delivered, so that no other process reads it again. It does
// nothing if the audit lines were not copied: then the next process copies them.
func (c *Child) Settle() error {
	if c.trail == nil {
		return nil
	}
	defer unreserve(c.trail.file)
	select {
	case <-c.copied:
	case <-time.After(copyWait):
		return nil
	}
	if c.copyErr != nil {
		return nil
	}
	return c.trail.finish(c.read)
}

// ending returns the end for runs that the program left open.
func (e Exit) ending() event.Ending {
	switch by := cmp.Or(e.Interrupted, e.Signal); {
	case by == syscall.SIGINT || by == syscall.SIGTERM:
		return event.Ending{Cancelled: true, Error: "interrupted by " + unix.SignalName(by)}
	case e.Signal != 0:
		return event.Ending{Error: fmt.Sprintf("killed by signal %d", int(e.Signal)), ExitCode: e.Code}
	case e.Code == 0: // AWF exits with 0 when it is interrupted
		return event.Ending{Cancelled: true, Error: "the program ended with exit code 0 before the run"}
	}
	return event.Ending{Error: fmt.Sprintf("the program ended with exit code %d before the run", e.Code), ExitCode: e.Code}
}
