package format

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine/expression"
)

// text is an option that may hold expressions; see [expression.Compiler.Template].
type text struct {
	literal string
	parts   []expression.TemplatePart // nil for a literal
}

// compileText compiles an option's text. It returns the first mistake, with its place in the text.
func compileText(source string, by *expression.Compiler) (*text, *Mistake) {
	parts, _, mistakes := by.Template(source)
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

// Templates calls each for each option's text with expressions in it, in the options' order, with the name that errors have for it.
func (f *Format) Templates(each func(option string, parts []expression.TemplatePart)) {
	tell := func(option string, t *text) {
		if t != nil && !t.isLiteral() {
			each(option, t.parts)
		}
	}
	for _, key := range f.Receiver.Keys {
		v := f.values[key.Name]
		tell(key.Name, v.text)
		for i, entry := range v.list {
			tell(key.Name+"["+strconv.Itoa(i)+"]", entry)
		}
		for _, entry := range v.fields {
			tell(key.Name+"."+entry.label, entry.text)
		}
	}
}

// isLiteral reports whether the text has no expression.
func (t *text) isLiteral() bool { return t.parts == nil }

// value returns the text for an event, in which a missing value is "".
func (t *text) value(in *expression.Env) (string, error) {
	return t.joined(in, func(_, value string) string { return value })
}

// url returns the text for an event as a URL. It percent-encodes the value of an expression for its place.
func (t *text) url(in *expression.Env) (string, error) {
	return t.joined(in, func(before, value string) string {
		switch {
		case before == "": // the URL's beginning, or all of it
			return value
		case strings.ContainsRune(before, '?') && !strings.ContainsRune(before, '#'):
			return strings.ReplaceAll(url.QueryEscape(line(value)), "+", "%20")
		}
		return url.PathEscape(line(value))
	})
}

// joined joins the parts. It passes the value of an expression to write, with the text before it.
func (t *text) joined(in *expression.Env, write func(before, value string) string) (string, error) {
	if t == nil || t.isLiteral() {
		return t.fixed(), nil
	}
	joined := ""
	for i := range t.parts {
		p := &t.parts[i]
		if p.Program == nil {
			joined += p.Text
			continue
		}
		v, err := p.Program.Value(in)
		if err != nil {
			return "", err
		}
		s, err := expression.Text(v)
		if err != nil {
			return "", err
		}
		joined += write(joined, s)
	}
	return joined, nil
}

// fixed returns a literal text, "" for no text.
func (t *text) fixed() string {
	if t == nil {
		return ""
	}
	return t.literal
}
