package expression

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// TemplatePart is a part of a template: what stands there, or an expression.
type TemplatePart struct {
	Text    string
	Program *Program // nil if it is a text
}

// Template reads a text that may hold expressions: "{{ expr }}" is put into the text around it, and "=expr" is the whole of it, whose value
// keeps its type. A text that begins with "==" begins with "=". All mistakes have their places in the source; no part is an empty text.
func (c *Compiler) Template(source string) (parts []TemplatePart, whole bool, mistakes []*Error) {
	at := 0
	if rest, isExpression := strings.CutPrefix(source, "="); isExpression {
		if at = 1; !strings.HasPrefix(rest, "=") {
			program, mistake := c.within(source, at, len(source))
			return []TemplatePart{{Program: program}}, true, mistake
		}
	}
	for at < len(source) {
		begin := strings.Index(source[at:], "{{")
		if begin < 0 {
			break
		}
		begin += at
		if begin > at {
			parts = append(parts, TemplatePart{Text: source[at:begin]})
		}
		length := closing(source[begin+2:])
		if length < 0 {
			unclosed := &Error{Line: 1, Message: `{{ is not closed; a plain one is written {{ "{{" }}`}
			return parts, false, append(mistakes, unclosed.within(source, begin))
		}
		end := begin + 2 + length
		program, mistake := c.within(source, begin+2, end)
		parts, mistakes = append(parts, TemplatePart{Program: program}), append(mistakes, mistake...)
		at = end + 2
	}
	if at < len(source) {
		parts = append(parts, TemplatePart{Text: source[at:]})
	}
	return parts, false, mistakes
}

// ParseTemplate reads one text as [Compiler.Template] does.
func ParseTemplate(source string) (parts []TemplatePart, whole bool, mistakes []*Error) {
	return new(Compiler).Template(source)
}

// within compiles the expression that stands between two offsets, in bytes, of a text.
func (c *Compiler) within(source string, begin, end int) (*Program, []*Error) {
	program, err := c.Value(source[begin:end])
	if mistake := (*Error)(nil); errors.As(err, &mistake) {
		return nil, []*Error{mistake.within(source, begin)}
	}
	return program, nil
}

// within is the mistake of an expression that begins at the offset of a text, with its place there.
func (e *Error) within(source string, offset int) *Error {
	before := source[:offset]
	moved := &Error{Line: e.Line + strings.Count(before, "\n"), Col: e.Col, Message: e.Message}
	if e.Line == 1 {
		moved.Col += utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	}
	return moved
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
