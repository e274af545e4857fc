package transforms

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Compiler compiles the chains of a file's webhooks.
type Compiler struct {
	Expressions *expression.Compiler // of the file; nil makes a new one
	Modules     *Modules             // nil skips wasm steps, whose chains then cannot run
	Log         *slog.Logger         // takes what modules log

	Warnings config.Errors // of the compiled chains: valid, but probably not meant
}

// Compile compiles a webhook's steps into a chain. Mistakes have their places in the file. The caller must close the chain, even
// if there are mistakes.
func (c *Compiler) Compile(ctx context.Context, steps []config.Step) (Chain, config.Errors) {
	if c.Expressions == nil {
		c.Expressions = new(expression.Compiler)
	}
	var chain Chain
	var mistakes config.Errors
	for i := range steps {
		s := &steps[i]
		var step Step
		var errs config.Errors
		switch s.Kind() {
		case "map":
			m := &mapCompiler{by: c, omitEmpty: s.OmitEmpty}
			step, errs = m.compile(s), m.mistakes
		case "format":
			step, errs = compileFormat(s, i == 0, c)
		case "wasm", "js":
			step, errs = c.Modules.load(ctx, s, c.Log)
		default: // the configuration reports it
			continue
		}
		mistakes = append(mistakes, errs...)
		chain = append(chain, Named{s.Kind(), step})
	}
	return chain, mistakes
}

// Warn records warnings about an expression in a text.
func (c *Compiler) Warn(t config.Text, warnings []*expression.Error) {
	for _, w := range warnings {
		warning := t.Fail(w.Line, w.Col, w.Code, w.Message)
		warning.Warning = true
		c.Warnings = append(c.Warnings, warning)
	}
}

// mapCompiler compiles the nodes of one map.
type mapCompiler struct {
	by        *Compiler
	omitEmpty bool
	mistakes  config.Errors
}

func (c *mapCompiler) compile(s *config.Step) *Map {
	m := &Map{ContentType: s.ContentType}
	if s.With != nil {
		m.With, m.Secrets = s.With.AppendJSON(nil), secretsOf(s.With)
	}
	switch {
	case s.Map.Kind != config.TreeText:
		m.Root = c.node(s.Map, "")
	case strings.HasPrefix(s.Map.Text.Value, "="):
		m.Root = c.text(s.Map.Text, "")
	default: // the whole text is an expression, with or without its "="
		program, err := c.by.Expressions.Value(s.Map.Text.Value)
		if mistake := (*expression.Error)(nil); errors.As(err, &mistake) {
			c.fail(s.Map.Text, mistake)
		} else {
			c.by.Warn(s.Map.Text, program.Warnings())
		}
		m.Root = Value{Program: program}
	}
	return m
}

// secretsOf lists the members of a step's with that hold secrets.
func secretsOf(with *config.Tree) (keys []string) {
	if with.Kind != config.TreeMapping && len(with.Secrets()) > 0 {
		return []string{expression.AllKeys}
	}
	for i, value := range with.Values {
		if with.Kind == config.TreeMapping && len(value.Secrets()) > 0 {
			keys = append(keys, with.Keys[i].Value)
		}
	}
	return keys
}

func (c *mapCompiler) node(t *config.Tree, path string) Node {
	switch t.Kind {
	case config.TreeLiteral:
		return Literal(t.Literal)
	case config.TreeText:
		return c.text(t.Text, path)
	}
	group := Group{Brackets: "[]", OmitEmpty: c.omitEmpty}
	if t.Kind == config.TreeMapping {
		group.Brackets = "{}"
	}
	for i, v := range t.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		if t.Kind == config.TreeMapping {
			key := t.Keys[i].Value
			group.Keys = append(group.Keys, string(jsonbytes.AppendString(nil, key)))
			at = strings.TrimPrefix(path+"."+key, ".")
		}
		group.Nodes = append(group.Nodes, c.node(v, at))
	}
	return group
}

// text compiles a string that may hold expressions.
func (c *mapCompiler) text(t config.Text, path string) Node {
	parts, whole, mistakes := c.by.Expressions.Template(t.Value)
	for _, mistake := range mistakes {
		c.fail(t, mistake)
	}
	for _, part := range parts {
		c.by.Warn(t, part.Warnings)
	}
	switch {
	case whole:
		return Value{path, parts[0].Program}
	case len(parts) == 0:
		return Literal(`""`)
	case len(parts) == 1 && parts[0].Program == nil:
		return Literal(jsonbytes.AppendString(nil, parts[0].Text))
	}
	for i := range parts {
		parts[i].Text = string(appendInner(nil, parts[i].Text))
	}
	return Text{path, parts}
}

// fail reports a mistake in a text.
func (c *mapCompiler) fail(t config.Text, mistake *expression.Error) {
	c.mistakes = append(c.mistakes, t.Fail(mistake.Line, mistake.Col, mistake.Code, mistake.Message))
}
