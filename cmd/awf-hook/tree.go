package main

import (
	"strings"

	"github.com/rivo/uniseg"
)

// decided marks the part of a tree that decided the outcome.
const decided = "  ◀ decided"

// A branch is a line of a tree, with the lines below it.
type branch struct {
	text   string
	value  string // printed in a column; "" for none
	colour string // of the value, or of a text without value
	marked bool   // it decided the outcome
	below  []*branch
}

// add adds a line below.
func (t *branch) add(text, value, colour string) *branch {
	line := &branch{text: text, value: value, colour: colour}
	t.below = append(t.below, line)
	return line
}

// maxTreeColumn is the right-most start of the column of values. Values of longer texts follow directly.
const maxTreeColumn = 64

// tree writes the lines below a branch, each after the indent.
func (p *printer) tree(b *strings.Builder, root *branch, indent string) {
	column := 0
	root.walk(indent, func(head string, t *branch) {
		if width := uniseg.StringWidth(head + t.text); t.value != "" && width <= maxTreeColumn {
			column = max(column, width)
		}
	})
	root.walk(indent, func(head string, t *branch) {
		text, value, mark := t.text, t.value, ""
		if value != "" {
			text = pad(text, column-uniseg.StringWidth(head)) + "  "
		}
		switch {
		case t.colour == "":
		case value != "":
			value = p.colour(t.colour, value)
		default:
			text = p.colour(t.colour, text)
		}
		if t.marked {
			text, mark = p.colour(bold, text), p.colour(bold, decided)
		}
		b.WriteString(p.colour(dim, head) + text + value + mark + "\n")
	})
}

// walk calls show for each line below, with the tree's drawing in front of it.
func (t *branch) walk(indent string, show func(head string, t *branch)) {
	for i, line := range t.below {
		head, within := "├─ ", "│  "
		if i == len(t.below)-1 {
			head, within = "└─ ", "   "
		}
		show(indent+head, line)
		line.walk(indent+within, show)
	}
}
