package trace

import "time"

// Kind is the kind of a span. The numbers are OpenTelemetry's.
type Kind int

const (
	Internal Kind = 1 // a transform
	Server   Kind = 2 // a request that brings events
	Client   Kind = 3 // an attempt
	Producer Kind = 4 // an event's acceptance
)

// Span is an operation of awf-hook. It holds no secret.
type Span struct {
	Context
	Parent     [8]byte // zero for none
	Link       Context // what it follows from, possibly hours ago; zero for nothing
	Name       string
	Kind       Kind
	Began      time.Time
	Ended      time.Time
	Attributes []Attribute
	Failed     string // why it failed; "" if it succeeded
}

// Begin begins a span below the span of c, or in a new trace if c is zero. The span becomes c.
func Begin(c *Context, name string, kind Kind) *Span {
	parent := c.Span
	if c.IsZero() {
		*c = New()
	} else {
		*c = c.Next()
	}
	return &Span{Context: *c, Parent: parent, Name: name, Kind: kind, Began: time.Now()}
}

// Attribute is one fact about a span. An empty text is left out.
type Attribute struct {
	Key   string
	Value any // a string or an int
}
