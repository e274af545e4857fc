package transforms

import (
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Template is a text of a step that holds expressions.
type Template struct {
	Path  string // "text" or "blocks[0].text"; "" for the root
	Parts []expression.TemplatePart

	HoldsSecret bool // outside its expressions
}

// TemplatesOf lists a step's texts that hold expressions, in order. It returns nil for a module.
func TemplatesOf(s Step) []Template {
	switch s := s.(type) {
	case *Map:
		return templates(s.Root, nil)
	case *Format:
		var list []Template
		s.Format.Templates(func(option string, parts []expression.TemplatePart) {
			list = append(list, Template{option, parts, s.holdsSecret(option)})
		})
		return list
	}
	return nil
}

func templates(n Node, list []Template) []Template {
	switch n := n.(type) {
	case Value:
		return append(list, Template{Path: n.Path, Parts: []expression.TemplatePart{{Program: n.Program}}})
	case Text:
		parts := make([]expression.TemplatePart, len(n.Parts))
		for i, part := range n.Parts {
			parts[i] = part
			parts[i].Text = jsonbytes.String([]byte(`"` + part.Text + `"`)) // a part is the inside of a JSON string
		}
		return append(list, Template{Path: n.Path, Parts: parts})
	case Group:
		for _, inner := range n.Nodes {
			list = templates(inner, list)
		}
	}
	return list
}
