// Package trace holds W3C's trace context, which connects what happens to an event across processes, and the spans that
// awf-hook records.
//
// [Parse] reads a context from a request's headers and [New] begins a trace. [Context.Next] makes a new span in a trace, and
// [Context.Parent] writes the header for the next process.
package trace

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Context is a place in a trace: the trace's id and the span that is the parent of the next one. The zero value is no
// place.
type Context struct {
	ID    [16]byte
	Span  [8]byte
	Flags byte
	State string // the tracestate, which vendors pass on; "" for none
}

const (
	sampled   = 1   // the flag that spans of the trace are recorded
	parentLen = 55  // of version 00
	maxState  = 512 // the longest tracestate that is passed on, in bytes, as W3C recommends
)

// Parse parses the headers traceparent and tracestate. As W3C asks, an invalid traceparent gives the zero Context, and an
// invalid tracestate gives no State.
func Parse(parent, state string) Context {
	var c Context
	var version, flags [1]byte
	parent = strings.Trim(parent, " \t")
	switch {
	case len(parent) < parentLen, parent[2] != '-', parent[35] != '-', parent[52] != '-',
		len(parent) > parentLen && (parent[:2] == "00" || parent[parentLen] != '-'):
		return Context{}
	case !decode(version[:], parent[:2]) || version[0] == 0xff, !decode(c.ID[:], parent[3:35]), !decode(c.Span[:], parent[36:52]),
		!decode(flags[:], parent[53:55]):
		return Context{}
	case c.ID == [16]byte{} || c.Span == [8]byte{}:
		return Context{}
	}
	c.Flags, c.State = flags[0], cleanState(state)
	return c
}

// decode decodes lower-case hexadecimal digits.
func decode(to []byte, text string) bool {
	_, err := hex.Decode(to, []byte(text))
	return err == nil && text == strings.ToLower(text)
}

// cleanState cuts the last members of a tracestate that is too long. It returns "" for an invalid one.
func cleanState(state string) string {
	state = strings.Trim(state, " \t,")
	for len(state) > maxState {
		state = strings.TrimRight(state[:max(0, strings.LastIndexByte(state[:maxState+1], ','))], " \t,")
	}
	if strings.ContainsFunc(state, func(r rune) bool { return (r < ' ' && r != '\t') || r > '~' }) {
		return ""
	}
	for member := range strings.SplitSeq(state, ",") {
		if member = strings.Trim(member, " \t"); member != "" && strings.IndexByte(member, '=') < 1 {
			return ""
		}
	}
	return state
}

// New begins a trace whose spans are recorded.
func New() Context {
	c := Context{Flags: sampled}
	_, _ = rand.Read(c.ID[:]) // never fails
	return c.Next()
}

// Next returns a new span in the same trace.
func (c Context) Next() Context {
	_, _ = rand.Read(c.Span[:]) // never fails
	return c
}

// IsZero reports whether there is no trace.
func (c Context) IsZero() bool { return c.ID == [16]byte{} }

// Name returns the trace's id in hexadecimal; "" for none.
func (c Context) Name() string {
	if c.IsZero() {
		return ""
	}
	return hex.EncodeToString(c.ID[:])
}

// IsSampled reports whether spans of the trace are recorded. Whoever began the trace decided that.
func (c Context) IsSampled() bool { return c.Flags&sampled != 0 }

// Parent returns the header traceparent; "" for none.
func (c Context) Parent() string {
	if c.IsZero() {
		return ""
	}
	text := append(make([]byte, 0, parentLen), "00-"...)
	text = append(hex.AppendEncode(text, c.ID[:]), '-')
	text = append(hex.AppendEncode(text, c.Span[:]), '-')
	return string(hex.AppendEncode(text, []byte{c.Flags}))
}

// Text returns both headers in one text, for a store; "" for none.
func (c Context) Text() string {
	if c.State == "" {
		return c.Parent()
	}
	return c.Parent() + " " + c.State
}

// FromText parses the result of Text.
func FromText(text string) Context {
	if text == "" {
		return Context{}
	}
	parent, state, _ := strings.Cut(text, " ")
	return Parse(parent, state)
}
