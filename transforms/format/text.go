package format

import (
	"strings"

	"github.com/awf-project/awf-hook/engine/expression"
)

// text is an option that may hold expressions, as expression.ParseTemplate reads them.
type text struct {
	literal string
	parts   []expression.TemplatePart // nil for a literal
}

// compileText reads an option's text. The mistake, the first if there are more, has its place in it.
func compileText(source string) (*text, *Mistake) {
	parts, _, mistakes := expression.ParseTemplate(source)
	switch {
	case len(mistakes) > 0:
		m := mistakes[0]
		return nil, &Mistake{Message: m.Message, Line: m.Line, Col: m.Col}
	case len(parts) == 0:
		return &text{}, nil
	case len(parts) == 1 && parts[0].Program == nil:
		return &text{literal: parts[0].Text}, nil
	}
	return &text{parts: parts}, nil
}

// isLiteral says whether the text is the same for all events.
func (t *text) isLiteral() bool { return t.parts == nil }

// value is the text for an event; what is missing is "".
func (t *text) value(in *expression.Env) (string, error) {
	switch {
	case t == nil:
		return "", nil
	case t.isLiteral():
		return t.literal, nil
	case len(t.parts) == 1:
		return partValue(&t.parts[0], in)
	}
	var b strings.Builder
	for i := range t.parts {
		s, err := partValue(&t.parts[i], in)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func partValue(p *expression.TemplatePart, in *expression.Env) (string, error) {
	if p.Program == nil {
		return p.Text, nil
	}
	v, err := p.Program.Value(in)
	if err != nil {
		return "", err
	}
	return expression.Text(v)
}
