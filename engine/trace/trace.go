// Package trace has W3C's trace context, which ties what happens to an event together over processes, and the spans that awf-hook makes.
package trace

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Context is a place in a trace: the trace, and the span that what comes next belongs to. Its zero value is none.
type Context struct {
	ID    [16]byte
	Span  [8]byte
	Flags byte
	State string // the tracestate: what vendors pass on; "" for none
}

const (
	sampled   = 1   // the flag that spans of the trace are recorded
	parentLen = 55  // of version 00
	maxState  = 512 // bytes of a tracestate that are passed on, as W3C asks for
)

// Parse reads the headers traceparent and tracestate. It returns the zero Context where traceparent is not valid, and no State where
// tracestate is not: W3C wants both to be ignored then.
func Parse(parent, state string) Context {
	c := Context{}
	parent = strings.Trim(parent, " \t")
	version := [1]byte{}
	flags := [1]byte{}
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

// decode reads lower-case hexadecimal digits.
func decode(to []byte, text string) bool {
	_, err := hex.Decode(to, []byte(text))
	return err == nil && text == strings.ToLower(text)
}

// cleanState returns a tracestate within its bound, without its last members if it is longer; "" if it is not valid.
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

// New begins a trace, whose spans are recorded.
func New() Context {
	c := Context{Flags: sampled}
	_, _ = rand.Read(c.ID[:]) // never fails
	return c.Next()
}

// Next is a new span in the same trace.
func (c Context) Next() Context {
	_, _ = rand.Read(c.Span[:]) // never fails
	return c
}

// IsZero reports whether there is no trace.
func (c Context) IsZero() bool { return c.ID == [16]byte{} }

// Name is the trace's id in hexadecimal; "" for none.
func (c Context) Name() string {
	if c.IsZero() {
		return ""
	}
	return hex.EncodeToString(c.ID[:])
}

// IsSampled reports whether spans of the trace are recorded: who began it has decided.
func (c Context) IsSampled() bool { return c.Flags&sampled != 0 }

// Parent is the header traceparent; "" for none.
func (c Context) Parent() string {
	if c.IsZero() {
		return ""
	}
	text := append(make([]byte, 0, parentLen), "00-"...)
	text = append(hex.AppendEncode(text, c.ID[:]), '-')
	text = append(hex.AppendEncode(text, c.Span[:]), '-')
	return string(hex.AppendEncode(text, []byte{c.Flags}))
}

// Text is both headers in one text, for a store; "" for none.
func (c Context) Text() string {
	if c.State == "" {
		return c.Parent()
	}
	return c.Parent() + " " + c.State
}

// FromText reads what Text wrote.
func FromText(text string) Context {
	if text == "" {
		return Context{}
	}
	parent, state, _ := strings.Cut(text, " ")
	return Parse(parent, state)
}
