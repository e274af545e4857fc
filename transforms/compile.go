package transforms

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
)

// Compile makes the chain of a webhook's steps. Its mistakes have their places in the file; the chain must be closed even so.
// The logger takes what modules log.
// Without modules the files of wasm steps are not looked at, and the chain is of no use.
func Compile(ctx context.Context, steps []config.Step, modules *Modules, log *slog.Logger) (Chain, config.Errors) {
	var chain Chain
	var mistakes config.Errors
	for i := range steps {
		s := &steps[i]
		var step Step
		var errs config.Errors
		switch s.Kind() {
		case "map":
			step, errs = compileMap(s)
		case "format":
			step, errs = compileFormat(s, i == 0)
		case "wasm":
			step, errs = modules.load(ctx, s, log)
		default: // the configuration says what is wrong with it
			continue
		}
		mistakes = append(mistakes, errs...)
		chain = append(chain, Named{s.Kind(), step})
	}
	return chain, mistakes
}

// compiler makes the nodes of one map.
type compiler struct {
	omitEmpty bool
	mistakes  config.Errors
}

func compileMap(s *config.Step) (*Map, config.Errors) {
	c := &compiler{omitEmpty: s.OmitEmpty}
	m := &Map{ContentType: s.ContentType}
	if s.With != nil {
		m.With = s.With.AppendJSON(nil, expression.AppendString)
	}
	if s.Map.Kind == config.TreeText { // one expression, with or without its "="
		source, offset := s.Map.Text.Value, 0
		if strings.HasPrefix(source, "=") && !strings.HasPrefix(source, "==") {
			source, offset = source[1:], 1
		}
		m.Root = Value{Program: c.program(s.Map.Text, source, offset)}
	} else {
		m.Root = c.node(s.Map, "")
	}
	return m, c.mistakes
}

func (c *compiler) node(t *config.Tree, path string) Node {
	switch t.Kind {
	case config.TreeLiteral:
		return Literal(t.Literal)
	case config.TreeList:
		list := List{OmitEmpty: c.omitEmpty}
		for _, v := range t.Values {
			list.Nodes = append(list.Nodes, c.node(v, path+"[]"))
		}
		return list
	case config.TreeMapping:
		object := Object{OmitEmpty: c.omitEmpty}
		for i, v := range t.Values {
			key := t.Keys[i].Value
			object.Keys = append(object.Keys, string(expression.AppendString(nil, key)))
			object.Nodes = append(object.Nodes, c.node(v, strings.TrimPrefix(path+"."+key, ".")))
		}
		return object
	}
	return c.text(t.Text, path)
}

// text reads a string: "=expr" is a value, "==" stands for a plain "=", and "{{ expr }}" in any other is put into the text.
func (c *compiler) text(t config.Text, path string) Node {
	source, isExpression := strings.CutPrefix(t.Value, "=")
	if isExpression && !strings.HasPrefix(source, "=") {
		return Value{path, c.program(t, source, 1)}
	}
	skipped := 0
	if isExpression { // the second "=" is the text's
		skipped = 1
	}
	return c.interpolated(t, t.Value[skipped:], skipped, path)
}

// interpolated reads the parts of a text that begins at the offset in t.
func (c *compiler) interpolated(t config.Text, text string, offset int, path string) Node {
	var parts []Part
	for text != "" {
		before, rest, found := strings.Cut(text, "{{")
		if before != "" {
			parts = append(parts, Part{Text: string(appendInner(nil, before))})
		}
		if !found {
			break
		}
		start := offset + len(before) + 2
		end := closing(rest)
		if end < 0 {
			c.fail(t, start-2, &expression.Error{Line: 1, Message: `{{ is not closed; a plain one is written {{ "{{" }}`})
			break
		}
		parts = append(parts, Part{Program: c.program(t, rest[:end], start)})
		offset, text = start+end+2, rest[end+2:]
	}
	if len(parts) == 0 || len(parts) == 1 && parts[0].Program == nil {
		plain := ""
		if len(parts) == 1 {
			plain = parts[0].Text
		}
		return Literal(`"` + plain + `"`)
	}
	return Text{path, parts}
}

// closing finds the "}}" that ends an expression: not within its strings and braces. It is -1 if there is none.
func closing(source string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(source); i++ {
		switch b := source[i]; {
		case quote != 0:
			if b == '\\' && quote != '`' {
				i++
			} else if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'' || b == '`':
			quote = b
		case b == '{':
			depth++
		case b == '}' && depth > 0:
			depth--
		case strings.HasPrefix(source[i:], "}}"):
			return i
		}
	}
	return -1
}

// program compiles an expression that begins at the offset, in bytes, of a text.
func (c *compiler) program(t config.Text, source string, offset int) *expression.Program {
	program, err := expression.CompileValue(source)
	if at := (*expression.Error)(nil); errors.As(err, &at) {
		c.fail(t, offset, at)
	}
	return program
}

// fail reports a mistake in an expression at its place in the text around it.
func (c *compiler) fail(t config.Text, offset int, err *expression.Error) {
	before := t.Value[:offset]
	line, col := err.Line+strings.Count(before, "\n"), err.Col
	if err.Line == 1 {
		col += len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	}
	c.mistakes = append(c.mistakes, t.Fail(line, col, err.Message))
}

// unquote reads JSON that is a string.
func unquote(text []byte) (string, bool) {
	var s string
	err := json.Unmarshal(text, &s)
	return s, err == nil
}
