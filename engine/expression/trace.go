package expression

import "time"

// step is a part of an expression that traces tell of.
type step struct {
	text  string
	depth int
	loop  bool
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

// Trace is what became of an expression for an event.
type Trace struct {
	Value any
	Err   error // a [*RunError]
	Took  time.Duration

	program *Program
	parts   []Part
	told    bool // the parts have their texts
}

// Watch makes every program that runs in the environment from now on report its run to each; nil ends it.
// A watched run is an ordinary one: its value is the program's, and nothing is evaluated twice.
func (env *Env) Watch(each func(*Trace)) { env.watch = each }

// Source is the text of the expression that ran.
func (t *Trace) Source() string { return t.program.source }

// Parts are the whole first, and the parts within after it.
func (t *Trace) Parts() []Part {
	if !t.told {
		for i, s := range t.program.describe() {
			t.parts[i].Source, t.parts[i].Depth, t.parts[i].Loop = s.text, s.depth, s.loop
		}
		t.told = true
	}
	return t.parts
}

func (t *Trace) record(part int, v any) {
	t.parts[part].Times++
	t.parts[part].Value = v
}
