package transforms

import (
	"context"
	"fmt"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Node is a part of a map's tree.
type Node interface {
	// appendTo appends the part's JSON. It says false if there is nothing, which is null.
	appendTo(dst []byte, in *expression.Env) (_ []byte, there bool, err error)
}

// Literal is JSON that is what it is.
type Literal string

func (l Literal) appendTo(dst []byte, _ *expression.Env) ([]byte, bool, error) {
	return append(dst, l...), l != "null", nil
}

// Value is an expression, whose value keeps its type.
type Value struct {
	Path    string // for errors: "text" or "blocks[0].text"; "" for the whole
	Program *expression.Program
}

func (v Value) appendTo(dst []byte, in *expression.Env) ([]byte, bool, error) {
	start := len(dst)
	dst, err := v.Program.AppendJSON(dst, in)
	if err != nil {
		return dst, false, at(v.Path, err)
	}
	return dst, string(dst[start:]) != "null", nil
}

func at(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Text is a string with expressions in it, whose parts are as they stand within a JSON string.
type Text struct {
	Path  string
	Parts []expression.TemplatePart
}

func (t Text) appendTo(dst []byte, in *expression.Env) ([]byte, bool, error) {
	dst = append(dst, '"')
	for _, part := range t.Parts {
		if part.Program == nil {
			dst = append(dst, part.Text...)
			continue
		}
		v, err := part.Program.Value(in)
		if err != nil {
			return dst, false, at(t.Path, err)
		}
		text, err := expression.Text(v)
		if err != nil {
			return dst, false, at(t.Path, err)
		}
		dst = appendInner(dst, text)
		if len(dst) > MaxBody {
			return dst, false, at(t.Path, fmt.Errorf("the text is over %d KiB", MaxBody>>10))
		}
	}
	return append(dst, '"'), true, nil
}

// appendInner appends the inside of a JSON string.
func appendInner(dst []byte, text string) []byte {
	start := len(dst)
	dst = jsonbytes.AppendString(dst, text)
	copy(dst[start:], dst[start+1:])
	return dst[:len(dst)-2]
}

// List is a list of parts.
type List struct {
	Nodes     []Node
	OmitEmpty bool // leaves out what is null
}

func (l List) appendTo(dst []byte, in *expression.Env) ([]byte, bool, error) {
	dst = append(dst, '[')
	first := len(dst)
	for _, node := range l.Nodes {
		before := len(dst)
		if before > first {
			dst = append(dst, ',')
		}
		var there bool
		var err error
		if dst, there, err = node.appendTo(dst, in); err != nil {
			return dst, false, err
		}
		if !there && l.OmitEmpty {
			dst = dst[:before]
		}
	}
	return append(dst, ']'), true, nil
}

// Object is a mapping of parts, in this order.
type Object struct {
	Keys      []string // as JSON strings
	Nodes     []Node
	OmitEmpty bool
}

func (o Object) appendTo(dst []byte, in *expression.Env) ([]byte, bool, error) {
	dst = append(dst, '{')
	first := len(dst)
	for i, node := range o.Nodes {
		before := len(dst)
		if before > first {
			dst = append(dst, ',')
		}
		dst = append(append(dst, o.Keys[i]...), ':')
		var there bool
		var err error
		if dst, there, err = node.appendTo(dst, in); err != nil {
			return dst, false, err
		}
		if !there && o.OmitEmpty {
			dst = dst[:before]
		}
	}
	return append(dst, '}'), true, nil
}

// Map makes a body of a tree with expressions in it.
type Map struct {
	Root        Node
	With        []byte // JSON that the expressions can read; nil for none
	ContentType string // other than JSON's, the tree must come to a text, which is the body
}

// Apply makes the body. It drops an event whose body is empty: null, "", [] or {}.
func (m *Map) Apply(_ context.Context, in *Input) (Made, error) {
	const usual = 512 // bytes
	in.Values.SetWith(m.With)
	body, _, err := m.Root.appendTo(make([]byte, 0, usual), in.Values)
	if err != nil {
		return Made{}, err
	}
	switch string(body) {
	case "null", `""`, "[]", "{}":
		return Made{}, ErrDrop
	}
	if !IsJSON(m.ContentType) {
		text, isText := unquote(body)
		if !isText {
			return Made{}, fmt.Errorf("want a text for %s", m.ContentType)
		}
		body = []byte(text)
	}
	out := Made{Content: in.Content} // headers and the like stay
	out.Body, out.ContentType = body, m.ContentType
	return out, nil
}
