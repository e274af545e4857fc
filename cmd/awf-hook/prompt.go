package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/spelling"
	"golang.org/x/term"
)

// prompt evaluates the lines that a person types.
type prompt struct {
	*command
	flags  evalFlags
	parts  bool
	all    []*event.Event
	events []*event.Event // those for which lines are evaluated
	words  []string       // completed by Tab, sorted
}

// evalPrompt reads expressions from stdin until its end. On a terminal it edits lines, completes names and keeps a
// history.
func (c *command) evalPrompt(flags evalFlags) error {
	events, err := c.evalEvents(nil, flags.event)
	if err != nil {
		return err
	}
	own := *c
	p := prompt{command: &own, flags: flags, all: sampleEvents(), events: events, words: completions()}
	in, isFile := c.in.(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		lines, any := bufio.NewScanner(c.in), false
		for lines.Scan() && p.line(lines.Text()) {
			any = true
		}
		if err := lines.Err(); err != nil {
			return failure(fmt.Errorf("stdin: %w", err))
		}
		if !any && lines.Text() == "" {
			return errors.New("want an EXPR, or one on each line of stdin")
		}
		return nil
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return failure(err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), before) }()
	screen := struct {
		io.Reader
		io.Writer
	}{in, c.out}
	editor := term.NewTerminal(screen, "> ")
	if width, height, err := term.GetSize(int(in.Fd())); err == nil {
		_ = editor.SetSize(width, height) // a size of 0 is refused
	}
	editor.AutoCompleteCallback = p.complete
	own.out, own.err = editor, editor
	fmt.Fprintln(editor, "An expression, or :filter, :map, :explain, :events, :functions, :quit. Tab completes.")
	for {
		line, err := editor.ReadLine()
		if errors.Is(err, io.EOF) || err == nil && !p.line(line) {
			return nil
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return failure(err)
		}
	}
}

// line runs a line. It returns false if the line ends the prompt.
func (p *prompt) line(line string) bool {
	line = strings.TrimSpace(line)
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch {
	case line == "":
	case word == ":quit":
		return false
	case word == ":filter", word == ":map":
		p.flags.filter = word == ":filter"
		if rest != "" {
			err = p.evaluate(rest)
		}
	case word == ":explain":
		if rest == "" {
			p.parts = !p.parts
			break
		}
		before := p.parts
		p.parts = true
		err = p.evaluate(rest)
		p.parts = before
	case word == ":events":
		err = p.choose(rest)
	case word == ":functions":
		cmd := p.functionsCommand()
		err = cmd.RunE(cmd, strings.Fields(rest))
	case strings.HasPrefix(word, ":"):
		err = spelling.Unknown("command of the prompt", word, commandsOfPrompt)
	default:
		err = p.evaluate(line)
	}
	if err != nil {
		fmt.Fprintln(p.out, err)
	}
	return true
}

var commandsOfPrompt = []string{":events", ":explain", ":filter", ":functions", ":map", ":quit"}

func (p *prompt) evaluate(source string) error {
	program, err := compileFor(source, p.flags.filter)
	if err == nil {
		p.evalAll(program, p.events, p.flags, p.parts)
	}
	return err
}

// choose keeps the events of a type; "" keeps all and lists them.
func (p *prompt) choose(typ string) error {
	if typ == "" {
		p.events = p.all
		p.listEvents()
		return nil
	}
	some := slices.DeleteFunc(slices.Clone(p.all), func(ev *event.Event) bool { return ev.Type != typ })
	if len(some) == 0 {
		return spelling.Unknown("type of event", typ, eventTypes())
	}
	p.events = some
	return nil
}

// completions lists the names that Tab completes.
func completions() []string {
	words := append(functionNames(), commandsOfPrompt...)
	words = append(words, expression.Names()...)
	words = append(words, eventTypes()...)
	slices.Sort(words)
	return slices.Compact(words)
}

// complete completes the name before the cursor, as far as it is unambiguous.
func (p *prompt) complete(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	begin := pos
	for begin > 0 && strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:", rune(line[begin-1])) {
		begin--
	}
	typed, common, n := line[begin:pos], "", 0
	for _, word := range p.words {
		if !strings.HasPrefix(word, typed) || typed == "" {
			continue
		}
		if n++; n == 1 {
			common = word
			continue
		}
		for !strings.HasPrefix(word, common) {
			common = common[:len(common)-1]
		}
	}
	if n == 0 {
		return line, pos, true
	}
	return line[:begin] + common + line[pos:], begin + len(common), true
}
