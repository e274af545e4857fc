package expression

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// TemplatePart is a part of a template: literal text or an expression.
type TemplatePart struct {
	Text    string
	Program *Program // nil if it is a text

	Warnings []*Error // of the program, with their places in the source
}

// Template compiles a text that may hold expressions. "{{ expr }}" inserts a value into the text around it. A text "=expr" is one
// expression, whose value keeps its type; then whole is true. "==" at the beginning means a literal "=". Mistakes have their
// place in the source. No part is an empty text.
func (c *Compiler) Template(source string) (parts []TemplatePart, whole bool, mistakes []*Error) {
	at := 0
	if rest, isExpression := strings.CutPrefix(source, "="); isExpression {
		if at = 1; !strings.HasPrefix(rest, "=") {
			part, mistake := c.within(source, at, len(source))
			return []TemplatePart{part}, true, mistake
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
			unclosed := &Error{Line: 1, Message: `{{ is not closed; a plain one is written {{ "{{" }}`, Code: "expr.syntax"}
			return parts, false, append(mistakes, unclosed.within(source, begin))
		}
		end := begin + 2 + length
		part, mistake := c.within(source, begin+2, end)
		parts, mistakes = append(parts, part), append(mistakes, mistake...)
		at = end + 2
	}
	if at < len(source) {
		parts = append(parts, TemplatePart{Text: source[at:]})
	}
	return parts, false, mistakes
}

// within compiles the expression between two byte offsets of a text.
func (c *Compiler) within(source string, begin, end int) (part TemplatePart, mistakes []*Error) {
	program, err := c.Value(source[begin:end])
	if mistake, ok := errors.AsType[*Error](err); ok {
		return part, []*Error{mistake.within(source, begin)}
	}
	part.Program = program
	for _, w := range program.Warnings() {
		part.Warnings = append(part.Warnings, w.within(source, begin))
	}
	return part, nil
}

// within returns the mistake with its place in a text that contains the expression at the offset.
func (e *Error) within(source string, offset int) *Error {
	before := source[:offset]
	moved := &Error{Line: e.Line + strings.Count(before, "\n"), Col: e.Col, Message: e.Message, Code: e.Code}
	if e.Line == 1 {
		moved.Col += utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	}
	return moved
}

// closing returns the index of the "}}" that ends an expression, or -1. It skips those within strings and braces.
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
