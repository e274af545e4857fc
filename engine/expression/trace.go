package expression

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/internal/jsonbytes"
	"github.com/expr-lang/expr/ast"
)

// step is a part of an expression that traces tell of.
type step struct {
	text  string
	depth int
	loop  bool
	from  origins
	joins string // as of joins
}

// Part is a part of an expression with what it came to.
type Part struct {
	Source string
	Depth  int  // of the parts around it
	Value  any  // of the last time
	Times  int  // that it was evaluated; 0 if it was not needed
	Loop   bool // it is evaluated for each element of a list
	Secret bool // it is made from a secret: its value must not show

	// Decided says that the whole is true or false because of this part: of conditions joined by and, or and not, the innermost.
	// Where all of them were needed, each has it.
	Decided bool

	joins string
}

// Missing says whether the part was asked for and not there.
func (p Part) Missing() bool { return p.Times > 0 && p.Value == nil }

// Trace is what became of an expression for an event.
type Trace struct {
	Path  string // where a step has it, "text" or "blocks[0].text"; "" for the whole, and for a filter
	Value any
	Err   error // a [*RunError]
	Took  time.Duration

	secrets secretKeys // of the environment
	source  string
	program *Program
	parts   []Part
	told    bool // the parts have their texts
}

// Watch makes every program that runs in the environment from now on report its run to each; nil ends it.
// A watched run is an ordinary one: its value is the program's, and nothing is evaluated twice.
func (env *Env) Watch(each func(*Trace)) { env.watch = each }

// TraceTemplate finds the traces of a template's expressions, and makes one of them: the text that they come to, and their parts one
// after the other. It returns nil if none of them ran.
func TraceTemplate(path string, template []TemplatePart, traces []*Trace) *Trace {
	var ran []*Trace
	t := &Trace{Path: path, told: true}
	var text, source strings.Builder
	for _, part := range template {
		text.WriteString(part.Text)
		source.WriteString(part.Text)
		if part.Program == nil {
			continue
		}
		source.WriteString("{{" + part.Program.source + "}}")
		i := slices.IndexFunc(traces, func(t *Trace) bool { return t.program == part.Program })
		if i < 0 {
			continue // one before it failed
		}
		ran = append(ran, traces[i])
		t.Err, t.Took, t.parts = cmp.Or(t.Err, traces[i].Err), t.Took+traces[i].Took, append(t.parts, traces[i].Parts()...)
		value, _ := Text(traces[i].Value) // as the template has it
		text.WriteString(value)
	}
	if len(ran) == 0 {
		return nil
	}
	if t.source = source.String(); t.Err == nil {
		t.Value = text.String()
	}
	if len(template) == 1 {
		t.source, t.Value = ran[0].source, ran[0].Value
	}
	return t
}

// Source is the text of the expression or the template that ran.
func (t *Trace) Source() string { return t.source }

// Parts are the whole first, and the parts within after it.
func (t *Trace) Parts() []Part {
	if !t.told {
		for i, s := range t.program.describe() {
			t.parts[i].Source, t.parts[i].Depth, t.parts[i].Loop, t.parts[i].joins = s.text, s.depth, s.loop, s.joins
			t.parts[i].Secret = t.secrets.has(s.from)
		}
		t.told = true
		if t.program.isBool && t.Err == nil && len(t.parts) > 0 {
			decide(t.parts)
		}
	}
	return t.parts
}

// IsSecret reports whether the value is made from a secret. It must not show then, nor what an error quotes of it.
func (t *Trace) IsSecret() bool { return t.program != nil && t.secrets.has(t.program.from) }

// Hide replaces the value by mask, and the source too, and forgets the parts: for a text that holds a secret itself.
func (t *Trace) Hide(mask string) {
	if t.Value != nil {
		t.Value = mask
	}
	t.source, t.parts, t.told = mask, nil, true
}

// decide marks the parts that made the first part, which the others are within, true or false.
func decide(parts []Part) {
	whole := &parts[0]
	value := isTrue(whole.Value)
	all := whole.joins == "not" || whole.joins == "and" && value || whole.joins == "or" && !value
	found := false
	for i := 1; i < len(parts) && whole.joins != ""; i++ {
		if p := &parts[i]; p.Depth == whole.Depth+1 && p.Times > 0 && (all || isTrue(p.Value) == value) {
			decide(parts[i:within(parts, i)])
			found = true
		}
	}
	whole.Decided = !found
}

// within is the end of the parts within a part, itself included.
func within(parts []Part, i int) int {
	end := i + 1
	for end < len(parts) && parts[end].Depth > parts[i].Depth {
		end++
	}
	return end
}

// node compiles a node so that traces report its value.
func (w *writer) node(n ast.Node) part {
	if isUntraced(n) {
		return w.compile(n)
	}
	around := w.from
	w.from = nil
	defer func() { w.from = around.add(w.from...) }()
	id := w.parts
	w.parts++
	if w.describe {
		w.steps = append(w.steps, step{text: n.String(), depth: w.depth, loop: w.loops > 0, joins: joins(n)})
	}
	w.depth++
	p := w.compile(n)
	w.depth--
	if w.describe {
		w.steps[id].from = w.from
	}
	if p.isConstant { // the parts of a constant do not run
		w.parts = id + 1
		w.steps = w.steps[:min(id+1, len(w.steps))]
	}
	inner := p.eval
	p.eval = func(env *Env) any {
		v := inner(env)
		if env.trace != nil {
			env.trace.record(id, v)
		}
		return v
	}
	return p
}

// isUntraced reports whether the source or the nodes around show a node's value.
func isUntraced(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode, *ast.ArrayNode, *ast.PointerNode:
		return true
	case *ast.UnaryNode:
		_, isInt := n.Node.(*ast.IntegerNode)
		_, isFloat := n.Node.(*ast.FloatNode)
		return isInt || isFloat
	}
	return false
}

// joins is the operator of a node that only joins conditions: "and", "or" or "not"; "" for any other node.
func joins(n ast.Node) string {
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return "and"
		case "or", "||":
			return "or"
		}
	case *ast.UnaryNode:
		switch n.Operator {
		case "not", "!":
			return "not"
		}
	}
	return ""
}

func (t *Trace) record(part int, v any) {
	t.parts[part].Times++
	t.parts[part].Value = v
}

// MarshalJSON writes the trace as {"path","source","value","error","parts","took"}, and its parts as {"source","depth","times",
// "decided","missing","value"}. A part that was not needed, or is missing, has no value. The time is in seconds.
func (t *Trace) MarshalJSON() ([]byte, error) {
	parts := []byte{'['}
	for i, p := range t.Parts() {
		if i > 0 {
			parts = append(parts, ',')
		}
		parts = append(parts, p.json()...)
	}
	var o jsonbytes.Object
	o.Text("path", t.Path)
	o.Text("source", t.Source())
	o.Raw("value", valueJSON(t.Value))
	if t.Err != nil {
		o.Text("error", t.Err.Error())
	}
	o.Raw("parts", append(parts, ']'))
	o.Raw("took", strconv.AppendFloat(nil, t.Took.Seconds(), 'f', -1, 64))
	return o, nil
}

func (p *Part) json() []byte {
	var o jsonbytes.Object
	o.Text("source", p.Source)
	o.Int("depth", int64(p.Depth))
	o.Int("times", int64(p.Times))
	if p.Decided {
		o.Raw("decided", []byte("true"))
	}
	switch {
	case p.Missing():
		o.Raw("missing", []byte("true"))
	case p.Times > 0:
		o.Raw("value", valueJSON(p.Value))
	}
	return o
}

// valueJSON is a value as JSON; null if there is none for it.
func valueJSON(v any) []byte {
	text, err := AppendJSON(nil, v)
	if err != nil {
		return []byte("null")
	}
	return text
}
