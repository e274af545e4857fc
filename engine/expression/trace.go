package expression

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/expr-lang/expr/ast"
)

// Part is a part of an expression with its value.
type Part struct {
	Source string
	Depth  int  // the number of parts around it
	Value  any  // the latest
	Times  int  // how often it was evaluated; 0 if it was not needed
	Loop   bool // it is evaluated for each element of a list
	Secret bool // the value depends on a secret and must not show

	// Decided says that the whole is true or false because of this part, the innermost of conditions that and, or and not join.
	// If the result needed several of them, each is marked.
	Decided bool

	joins string // as of joins
	from  origins
}

// Missing reports whether the part was evaluated and its value is missing.
func (p Part) Missing() bool { return p.Times > 0 && p.Value == nil }

// Trace reports a run of an expression.
type Trace struct {
	Path  string // its place in a step, "text" or "blocks[0].text"; "" for the root and for a filter
	Value any
	Err   error // a [*RunError]
	Took  time.Duration

	secrets secretKeys // of the environment
	source  string
	program *Program
	parts   []Part
	told    bool // the parts have their texts
}

// Watch makes all further runs of programs in the environment call each with a trace, until it is called with nil. Watching changes
// neither the value of a run nor how often its parts are evaluated.
func (env *Env) Watch(each func(*Trace)) { env.watch = each }

// TraceTemplate joins the traces of a template's expressions: the value is the template's text, and the parts follow each other. It
// returns nil if none of the expressions ran.
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
			continue // an earlier one failed
		}
		ran = append(ran, traces[i])
		t.Err, t.Took, t.parts = cmp.Or(t.Err, traces[i].Err), t.Took+traces[i].Took, append(t.parts, traces[i].Parts()...)
		value, _ := Text(traces[i].Value) // as in the template
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

// Source returns the text of the expression or template.
func (t *Trace) Source() string { return t.source }

// Parts returns the whole expression, then the parts within it.
func (t *Trace) Parts() []Part {
	if !t.told {
		for i, p := range t.program.describe() {
			p.Value, p.Times, p.Secret = t.parts[i].Value, t.parts[i].Times, t.secrets.has(p.from)
			t.parts[i] = p
		}
		t.told = true
		if t.program.isBool && t.Err == nil && len(t.parts) > 0 {
			decide(t.parts)
		}
	}
	return t.parts
}

// IsSecret reports whether the value depends on a secret. Then neither the value nor an error's quotation of it may show.
func (t *Trace) IsSecret() bool { return t.program != nil && t.secrets.has(t.program.from) }

// Hide replaces the value and the source by mask and removes the parts. It is for a text that itself holds a secret.
func (t *Trace) Hide(mask string) {
	if t.Value != nil {
		t.Value = mask
	}
	t.source, t.parts, t.told = mask, nil, true
}

// decide marks the parts that decide whether the first part, which contains the others, is true or false.
func decide(parts []Part) {
	whole := &parts[0]
	value := whole.Value == true
	all := whole.joins == "not" || whole.joins == "and" && value || whole.joins == "or" && !value
	found := false
	for i := 1; i < len(parts) && whole.joins != ""; i++ {
		if p := &parts[i]; p.Depth == whole.Depth+1 && p.Times > 0 && (all || (p.Value == true) == value) {
			decide(parts[i:within(parts, i)])
			found = true
		}
	}
	whole.Decided = !found
}

// within returns the end of the parts within the i-th part, which include it.
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
		w.described = append(w.described, Part{Source: n.String(), Depth: w.depth, Loop: w.loops > 0, joins: joins(n)})
	}
	w.depth++
	p := w.compile(n)
	w.depth--
	if w.describe {
		w.described[id].from = w.from
	}
	if p.isConstant { // the parts of a constant do not run
		w.parts = id + 1
		w.described = w.described[:min(id+1, len(w.described))]
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

// isUntraced reports whether a node's value is evident from the source or from the nodes around it.
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

// joins returns the operator of a node that only joins conditions: "and", "or" or "not". It returns "" for any other node.
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

// TraceJSON is the JSON of a [Trace].
type TraceJSON struct {
	Path   string        `json:"path,omitempty"`
	Source string        `json:"source,omitempty"`
	Value  any           `json:"value"`
	Err    string        `json:"error,omitempty"`
	Parts  []PartJSON    `json:"parts"`
	Took   time.Duration `json:"took"`
}

// PartJSON is the JSON of a [Part]. A part without a value was not needed or is missing.
type PartJSON struct {
	Source  string `json:"source,omitempty"`
	Depth   int    `json:"depth"`
	Times   int    `json:"times"`
	Decided bool   `json:"decided,omitzero"`
	Missing bool   `json:"missing,omitzero"`
	Value   any    `json:"value,omitzero"`
}

// MarshalJSON writes a [TraceJSON], with the time in seconds.
func (t *Trace) MarshalJSON() ([]byte, error) {
	whole := TraceJSON{Path: t.Path, Source: t.Source(), Value: valueJSON(t.Value), Took: t.Took}
	if t.Err != nil {
		whole.Err = t.Err.Error()
	}
	for _, p := range t.Parts() {
		part := PartJSON{Source: p.Source, Depth: p.Depth, Times: p.Times, Decided: p.Decided, Missing: p.Missing()}
		if p.Times > 0 && !part.Missing {
			part.Value = valueJSON(p.Value)
		}
		whole.Parts = append(whole.Parts, part)
	}
	return jsonbytes.Print(whole, "", "")
}

// valueJSON returns a value as JSON, null if it has no JSON.
func valueJSON(v any) json.RawMessage {
	text, err := AppendJSON(nil, v)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}
