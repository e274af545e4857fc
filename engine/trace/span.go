package trace

import "time"

// Kind is what a span is in the way of an event. Its numbers are OpenTelemetry's.
type Kind int

const (
	Internal Kind = 1 // a transform
	Server   Kind = 2 // a request that brings events
	Client   Kind = 3 // an attempt
	Producer Kind = 4 // an event's acceptance
)

// Span is a thing that awf-hook did. It holds no secret.
type Span struct {
	Context
	Parent     [8]byte // zero for none
	Link       Context // what it follows from, perhaps hours ago; zero for nothing
	Name       string
	Kind       Kind
	Began      time.Time
	Ended      time.Time
	Attributes []Attribute
	Failed     string // why it failed; "" if it did not
}

// Attribute is one fact of a span. An empty text says nothing.
type Attribute struct {
	Key   string
	Value any // a string or an int
}
