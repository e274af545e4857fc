package main

import (
	"context"
	"strings"
	"time"
)

// Escape sequences that switch to a full screen and back.
const (
	takeTerminal = "\x1b[?1049h\x1b[?25l"
	giveTerminal = "\x1b[?25h\x1b[?1049l"
	toCorner     = "\x1b[H"
	clearLine    = "\x1b[K"
	clearRest    = "\x1b[J"
)

// watch shows a picture until a signal, and redraws it at each interval. If stdout is not a terminal, or one that cannot
// redraw, it shows one picture.
func (c *command) watch(ctx context.Context, every time.Duration, picture func(ctx context.Context) (string, error)) error {
	show := newPrinter(c.out)
	if !show.terminal || isDumb() {
		text, err := picture(ctx)
		if err == nil {
			_, err = c.out.Write([]byte(text))
		}
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	defer onSignals(stage{end: stop})()
	if _, err := c.out.Write([]byte(takeTerminal)); err != nil {
		return err
	}
	defer func() { _, _ = c.out.Write([]byte(giveTerminal)) }()
	next := time.NewTicker(every)
	defer next.Stop()
	for {
		text, err := picture(watching)
		switch {
		case watching.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		_, height := terminalSize(c.out)
		if _, err := c.out.Write([]byte(frame(text, height))); err != nil {
			return err
		}
		select {
		case <-next.C:
		case <-watching.Done():
			return nil
		}
	}
}

// frame draws a picture over the last one, with as many lines as the terminal has.
func frame(text string, height int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if height > 1 && len(lines) > height {
		lines = append(lines[:height-1:height-1], "…")
	}
	return toCorner + strings.Join(lines, clearLine+"\n") + clearLine + clearRest
}
