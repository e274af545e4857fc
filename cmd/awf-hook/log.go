package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// logger logs to stderr, from the level in --log-level: sentences on a terminal, else key=value, or JSON.
func (c *command) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: c.level}
	switch {
	case c.logFormat == "json":
		return slog.New(slog.NewJSONHandler(c.err, options))
	case c.sentences:
		return slog.New(&sentences{say: c.sentence(), level: c.level, mu: new(sync.Mutex)})
	}
	return slog.New(slog.NewTextHandler(c.err, options))
}

// sentence returns a function that writes a record as a line for people: "awf-hook: warning: TEXT".
func (c *command) sentence() func(slog.Level, string) {
	out := newPrinter(c.err)
	return func(level slog.Level, text string) {
		code, word := dim, strings.ToLower(level.String())
		switch {
		case level >= slog.LevelError:
			code = red
		case level >= slog.LevelWarn:
			code, word = yellow, "warning"
		}
		fmt.Fprintf(out.out, "awf-hook: %s %s\n", out.colour(code, word+":"), text)
	}
}

// sentences passes each record on as a text for people: "MESSAGE: ERROR (KEY VALUE, KEY VALUE)".
type sentences struct {
	say   func(slog.Level, string)
	level slog.Level
	given []slog.Attr // come before the record's own
	group string      // prefix of the keys, with a trailing dot
	mu    *sync.Mutex
}

func (s *sentences) Enabled(_ context.Context, level slog.Level) bool { return level >= s.level }

func (s *sentences) Handle(_ context.Context, r slog.Record) error {
	var cause string
	var more []string
	add := func(a slog.Attr) {
		switch a.Value = a.Value.Resolve(); {
		case a.Key == "err":
			cause = ": " + a.Value.String()
		case !a.Equal(slog.Attr{}):
			more = append(more, a.Key+" "+a.Value.String())
		}
	}
	for _, a := range s.given {
		add(a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = s.group + a.Key
		add(a)
		return true
	})
	text := r.Message + cause
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say(r.Level, plain(text))
	return nil
}

func (s *sentences) WithAttrs(list []slog.Attr) slog.Handler {
	with := *s
	with.given = append([]slog.Attr{}, s.given...)
	for _, a := range list {
		a.Key = s.group + a.Key
		with.given = append(with.given, a)
	}
	return &with
}

func (s *sentences) WithGroup(name string) slog.Handler {
	with := *s
	with.group += name + "."
	return &with
}
