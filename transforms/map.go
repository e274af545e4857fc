package transforms

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Node is a part of a map's tree.
type Node interface {
	// appendTo appends the part's JSON. It returns false for null.
	appendTo(b *body) (there bool, err error)
}

// body is the body under construction.
type body struct {
	text    []byte
	secrets [][2]int // the parts that come from secrets: from and to, in order
	fed     *delivery.Content
	values  *expression.Env
}

// bodies holds unused ones. A map's content is a copy, since most texts are much shorter than the memory they were made in.
var bodies = sync.Pool{New: func() any { return new(body) }}

// maxRoom is how much memory an unused body keeps, in bytes.
const maxRoom = 16 << 10

func (b *body) release() {
	if *b = (body{text: b.text[:0]}); cap(b.text) <= maxRoom {
		bodies.Put(b)
	}
}

// Literal is JSON without expressions.
type Literal string

func (l Literal) appendTo(b *body) (bool, error) {
	b.text = append(b.text, l...)
	return l != "null", nil
}

// Value is an expression. Its value keeps its type.
type Value struct {
	Path    string // for errors: "text" or "blocks[0].text"; "" for the whole
	Program *expression.Program
}

func (v Value) appendTo(b *body) (there bool, err error) {
	start := len(b.text)
	b.text, err = v.Program.AppendJSON(b.text, b.values)
	isSecret := v.Program.IsSecret(b.values)
	if err != nil {
		return false, at(v.Path, Hidden(err, isSecret))
	}
	if isSecret {
		b.mark(v.Program, start)
	}
	return string(b.text[start:]) != "null", nil
}

// mark records the secrets in the value of a program: those in the bytes that it passed on, else all that it computed.
func (b *body) mark(p *expression.Program, start int) {
	from, to, ok := p.PartOfBody(b.values)
	if !ok || to-from != len(b.text)-start {
		b.secrets = append(b.secrets, leaves(b.text, start)...)
		return
	}
	for _, s := range b.fed.Secret {
		if s[0] < to && s[1] > from {
			b.secrets = append(b.secrets, [2]int{start + max(s[0], from) - from, start + min(s[1], to) - from})
		}
	}
}

func at(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Text is a string that holds expressions. Its other parts are escaped as the inside of a JSON string.
type Text struct {
	Path  string
	Parts []expression.TemplatePart
}

func (t Text) appendTo(b *body) (bool, error) {
	b.text = append(b.text, '"')
	for _, part := range t.Parts {
		if part.Program == nil {
			b.text = append(b.text, part.Text...)
			continue
		}
		isSecret := part.Program.IsSecret(b.values)
		v, err := part.Program.Value(b.values)
		if err != nil {
			return false, at(t.Path, Hidden(err, isSecret))
		}
		text, err := expression.Text(v)
		if err != nil {
			return false, at(t.Path, Hidden(err, isSecret))
		}
		start := len(b.text)
		if b.text = appendInner(b.text, text); isSecret && len(b.text) > start {
			b.secrets = append(b.secrets, [2]int{start, len(b.text)})
		}
		if len(b.text) > maxBody {
			return false, at(t.Path, overMaxBody("text"))
		}
	}
	b.text = append(b.text, '"')
	return true, nil
}

// appendInner appends text as the inside of a JSON string.
func appendInner(dst []byte, text string) []byte {
	start := len(dst)
	dst = jsonbytes.AppendString(dst, text)
	copy(dst[start:], dst[start+1:])
	return dst[:len(dst)-2]
}

// Group is a list or an object of parts, in order.
type Group struct {
	Brackets  string   // "[]" or "{}"
	Keys      []string // of an object, as JSON strings
	Nodes     []Node
	OmitEmpty bool // leaves out nulls
}

func (g Group) appendTo(b *body) (bool, error) {
	b.text = append(b.text, g.Brackets[0])
	first := len(b.text)
	for i, node := range g.Nodes {
		before := len(b.text)
		if before > first {
			b.text = append(b.text, ',')
		}
		if g.Keys != nil {
			b.text = append(append(b.text, g.Keys[i]...), ':')
		}
		there, err := node.appendTo(b)
		if err != nil {
			return false, err
		}
		if !there && g.OmitEmpty {
			b.text = b.text[:before]
		}
	}
	b.text = append(b.text, g.Brackets[1])
	return true, nil
}

// Map is a step that makes a body from a tree with expressions.
type Map struct {
	Root        Node
	With        []byte   // JSON that the expressions can read; nil for none
	Secrets     []string // the members of With that hold secrets; see [expression.Env.SetWith]
	ContentType string   // "" is JSON; for a type that is not JSON the root must be a text
}

// Apply makes the body. It drops an event whose body is empty: null, "", [] or {}.
func (m *Map) Apply(_ context.Context, in *Input) (Made, error) {
	in.Values.SetWith(m.With, m.Secrets)
	b := bodies.Get().(*body)
	defer b.release()
	b.fed, b.values = &in.Content, in.Values
	if _, err := m.Root.appendTo(b); err != nil {
		return Made{}, err
	}
	if isEmptyBody(b.text) {
		return Made{}, ErrDrop
	}
	if !jsonbytes.IsType(m.ContentType) {
		if b.text[0] != '"' {
			return Made{}, fmt.Errorf("want a text for %s", m.ContentType)
		}
		for i, s := range b.secrets {
			b.secrets[i] = [2]int{inText(b.text, s[0]), inText(b.text, s[1])}
		}
		b.text = append(b.text[:0], jsonbytes.String(b.text)...)
	}
	out := Made{Content: in.Content} // keeps headers and the like
	out.Body, out.ContentType, out.Secret = bytes.Clone(b.text), m.ContentType, b.secrets
	return out, nil
}
