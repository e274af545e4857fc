package source

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// forwarded lists the signals to pass on to the program. Job control and window size signals reach it from the terminal.
func forwarded() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
}

// startProcess starts the program with the SIGPIPE disposition that it would have without us: a new program inherits an
// ignored signal as ignored, but not one that is notified. Reset does not undo Ignore here.
func (c *Child) startProcess() error {
	if signal.Ignored(syscall.SIGPIPE) {
		broken := make(chan os.Signal, 1)
		signal.Notify(broken, syscall.SIGPIPE)
		defer signal.Ignore(syscall.SIGPIPE)
	}
	return c.process.Start()
}

// attend forwards signals until the program ends.
func (c *Child) attend(signals chan os.Signal) {
	ended := make(chan struct{})
	go func() {
		_ = c.process.Wait() // the state has the result
		close(ended)
	}()
	var interrupted syscall.Signal
	note := func(sig os.Signal) {
		if c.ignores(sig) {
			return
		}
		if interrupted == 0 && (sig == syscall.SIGINT || sig == syscall.SIGTERM) {
			interrupted = sig.(syscall.Signal)
		}
	}
	for running := true; running; {
		select {
		case sig := <-signals:
			note(sig)
			if !fromTerminal(sig) {
				_ = c.process.Process.Signal(sig)
			}
		case <-ended:
			running = false
		}
	}
	signal.Stop(signals)
	for len(signals) > 0 {
		note(<-signals)
	}
	c.exit = Exit{Code: c.process.ProcessState.ExitCode(), Interrupted: interrupted}
	if status, ok := c.process.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		c.exit.Signal = status.Signal()
		c.exit.Code = 128 + int(c.exit.Signal)
	}
	close(c.exited)
}

// ignores reports whether the program ignores a signal, which then does not count. It returns false if the system does
// not tell.
func (c *Child) ignores(sig os.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.Process.Pid))
	if err != nil {
		return false
	}
	_, mask, _ := strings.Cut(string(status), "\nSigIgn:\t")
	mask, _, _ = strings.Cut(mask, "\n")
	bits, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && bits>>(sig.(syscall.Signal)-1)&1 == 1
}

// fromTerminal reports whether the signal came from the terminal. The terminal sends it to all of its foreground processes,
// the program included, which must not get it twice.
func fromTerminal(sig os.Signal) bool {
	if sig != syscall.SIGINT && sig != syscall.SIGQUIT {
		return false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == syscall.Getpgrp()
}
