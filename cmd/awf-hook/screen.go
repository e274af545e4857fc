package main

import (
	"os"
	"sync"
	"time"
)

const (
	showAfter = 500 * time.Millisecond // shorter work shows no progress
	showEvery = 500 * time.Millisecond // how often progress is updated
)

// A screen is a terminal with a progress line at its end. What is written to its panes replaces the line, and the line
// appears below it again.
type screen struct {
	out    *os.File
	mu     sync.Mutex
	line   string // "" for none
	inside bool   // the last write ended within a line, which progress must not overwrite
}

// pane is stdout or stderr on a screen.
type pane struct {
	file *os.File
	on   *screen
}

func (p *pane) Write(text []byte) (int, error) {
	p.on.mu.Lock()
	defer p.on.mu.Unlock()
	line := p.on.line
	p.on.draw("")
	n, err := p.file.Write(text)
	if n > 0 {
		p.on.inside = text[n-1] != '\n'
	}
	p.on.draw(line)
	return n, err
}

// draw replaces the progress line. The caller holds mu.
func (s *screen) draw(line string) {
	if s.inside || line == s.line {
		return
	}
	s.line = line
	if width := terminalWidth(s.out); width > 0 {
		line = cut(line, width-1) // a full line would wrap
	}
	_, _ = s.out.WriteString("\r\x1b[K" + line) // a terminal that is gone shows nothing
}

// useScreen makes stderr, and stdout on the same terminal, panes of a screen. If stderr is not a terminal, or one that
// cannot redraw a line, nothing shows progress.
func (c *command) useScreen() {
	out, isFile := c.err.(*os.File)
	if !isFile || !isTerminal(out) || isDumb() {
		return
	}
	c.screen = &screen{out: out}
	c.err = &pane{out, c.screen}
	if stdout, isFile := c.out.(*os.File); isFile && isTerminal(stdout) {
		c.out = &pane{stdout, c.screen}
	}
}

// showing shows a progress line until end is called, unless that is soon. One goroutine calls text repeatedly.
func (s *screen) showing(text func() string) (end func()) {
	if s == nil {
		return func() {}
	}
	ended := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() {
		wait := time.NewTimer(showAfter)
		defer wait.Stop()
		for {
			select {
			case <-wait.C:
				line := plain(text())
				s.mu.Lock()
				s.draw(line)
				s.mu.Unlock()
				wait.Reset(showEvery)
			case <-ended:
				s.mu.Lock()
				s.draw("")
				s.mu.Unlock()
				return
			}
		}
	})
	return func() {
		close(ended)
		showing.Wait()
	}
}

// working shows the work under way.
func (s *screen) working(on string) (end func()) {
	return s.showing(func() string { return on + " …" })
}

// newLine says that the terminal has begun a new line by itself: where a person pressed Enter.
func (s *screen) newLine() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.inside = false
	s.mu.Unlock()
}
