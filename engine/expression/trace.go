package expression

// step is a part of a traced expression.
type step struct {
	text  string
	depth int
	loop  bool // in a closure
}

// Part is a part of an expression with what it came to.
type Part struct {
	Source string
	Depth  int  // of the parts around it
	Value  any  // of the last time
	Times  int  // that it was evaluated; 0 if it was not needed
	Loop   bool // it is evaluated for each element of a list
}

// Missing says whether the part was asked for and not there.
func (p Part) Missing() bool { return p.Times > 0 && p.Value == nil }

// Source is the expression's text.
func (p *Program) Source() string { return p.program.Source().String() }

// Trace is what became of an expression for an event.
type Trace struct {
	Parts []Part // the whole first, those within after it
	Value any
	Err   error // a [*RunError]
}

// TraceBool runs a filter like [CompileBool]'s, and tells what each part of it came to.
func TraceBool(source string, in *Env) (*Trace, error) {
	return traceRun(source, options{env: filterTypes, isBool: true, traced: true}, in)
}

// TraceValue runs an expression like [CompileValue]'s, and tells what each part of it came to.
func TraceValue(source string, in *Env) (*Trace, error) {
	return traceRun(source, options{env: valueTypes, traced: true}, in)
}

func traceRun(source string, o options, in *Env) (*Trace, error) {
	p, err := compile(source, o)
	if err != nil {
		return nil, err
	}
	t := &Trace{Parts: make([]Part, len(p.steps))}
	for i, s := range p.steps {
		t.Parts[i] = Part{Source: s.text, Depth: s.depth, Loop: s.loop}
	}
	in.budget.trace = func(i int, v any) {
		t.Parts[i].Times++
		t.Parts[i].Value = plain(v)
	}
	defer func() { in.budget.trace = nil }()
	if t.Value, t.Err = p.Value(in); t.Err != nil {
		t.Value = nil
	}
	return t, nil
}
