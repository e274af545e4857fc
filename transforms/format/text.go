package format

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/expression"
)

// text is an option that may hold expressions: "=expr" is one, "{{ expr }}" is put into the text around it,
// and a text that begins with "==" begins with "=".
type text struct {
	literal string
	parts   []part // nil for a literal
}

// part is a part of a text: what stands there, or an expression.
type part struct {
	literal string
	program *expression.Program // nil if it is a literal
}

// compileText reads an option's text. The mistake has its place in it.
func compileText(source string) (*text, *Mistake) {
	rest, isExpression := strings.CutPrefix(source, "=")
	if isExpression && !strings.HasPrefix(rest, "=") {
		p, mistake := compilePart(source, 1, len(source))
		return &text{parts: []part{p}}, mistake
	}
	at := 0
	if isExpression {
		at = 1
	}
	var parts []part
	for at < len(source) {
		begin := strings.Index(source[at:], "{{")
		if begin < 0 {
			break
		}
		begin += at
		end := closing(source[begin+2:])
		if end < 0 {
			return nil, mistakeAt(source, begin, &expression.Error{Line: 1, Message: `{{ is not closed; a plain one is written {{ "{{" }}`})
		}
		end += begin + 2
		p, mistake := compilePart(source, begin+2, end)
		if mistake != nil {
			return nil, mistake
		}
		parts = append(parts, part{literal: source[at:begin]}, p)
		at = end + 2
	}
	if parts == nil {
		return &text{literal: source[at:]}, nil
	}
	return &text{parts: append(parts, part{literal: source[at:]})}, nil
}

func compilePart(source string, begin, end int) (part, *Mistake) {
	program, err := expression.CompileValue(source[begin:end])
	if at := (*expression.Error)(nil); errors.As(err, &at) {
		return part{}, mistakeAt(source, begin, at)
	}
	return part{program: program}, nil
}

// mistakeAt is a mistake of an expression that begins at the offset, in bytes, of a text.
func mistakeAt(source string, offset int, err *expression.Error) *Mistake {
	before := source[:offset]
	m := &Mistake{Message: err.Message, Line: err.Line + strings.Count(before, "\n"), Col: err.Col}
	if err.Line == 1 {
		m.Col += utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	}
	return m
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

// isLiteral says whether the text is the same for all events.
func (t *text) isLiteral() bool { return t.parts == nil }

// value is the text for an event; what is missing is "".
func (t *text) value(in *expression.Input) (string, error) {
	switch {
	case t == nil:
		return "", nil
	case t.isLiteral():
		return t.literal, nil
	case len(t.parts) == 1:
		return t.parts[0].value(in)
	}
	var b strings.Builder
	for _, p := range t.parts {
		s, err := p.value(in)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (p *part) value(in *expression.Input) (string, error) {
	if p.program == nil {
		return p.literal, nil
	}
	v, err := p.program.Value(in)
	if err != nil {
		return "", err
	}
	return expression.Text(v)
}
