// Package format has the built-in receiver formats.
//
// A [Format] makes of an event the message that one kind of receiver takes.
// It is never refused for its shape: every text is shrunk to the receiver's limits at grapheme borders, what was cut is said,
// and markup and mentions in the event's data are only text to the receiver.
// What a receiver is like stands in its [Receiver]: options, limits, and how it answers.
package format

import (
	"fmt"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// Receiver is one kind of receiver: what its format can be told, what it takes and how it answers.
type Receiver struct {
	Name    string
	Summary string // what it makes, in one line
	URL     string // what the webhook's URL looks like
	Keys    []Key  // the options, in the order of the documentation
	Limits  []Limit
	Policy  Policy

	isData bool // the message is for programs: none of the options that all others share
	sample sample
	check  func(*Format) []Mistake // what the table cannot say; nil for nothing
	write  func(*Format, *message) (delivery.Content, error)
	order  func(*Format, *event.Event) string // the key of what must arrive in order; nil for none
}

// receivers is the closed set, in the order of the documentation.
func receivers() []*Receiver {
	return []*Receiver{&slack, &pagerDuty, &discord, &teams, &googleChat, &telegram, &ntfy, &cloudEvents}
}

// Names lists the formats in the order of the documentation.
func Names() []string {
	var names []string
	for _, r := range receivers() {
		names = append(names, r.Name)
	}
	return names
}

// Secrets lists the options that are secrets. What is given for one may stand in the body, under the option's name.
func (r *Receiver) Secrets() []string {
	var names []string
	for i := range r.Keys {
		if r.Keys[i].Kind == KindSecret {
			names = append(names, r.Keys[i].Name)
		}
	}
	return names
}

// Lookup returns the receiver of a name.
func Lookup(name string) (*Receiver, bool) {
	all := receivers()
	i := slices.IndexFunc(all, func(r *Receiver) bool { return r.Name == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// Unknown says of a name that no format has what is wrong with it.
func Unknown(name string) string {
	if near := spelling.Nearest(name, Names()); near != "" {
		return fmt.Sprintf("unknown format %q, did you mean %s?", name, near)
	}
	return fmt.Sprintf("unknown format %q, want one of %s", name, strings.Join(Names(), ", "))
}

// Format makes the messages of one webhook. It may be used by several goroutines at once.
type Format struct {
	Receiver *Receiver
	values   map[string]value
}

// New makes a format with its options. All mistakes are found at once.
func (r *Receiver) New(with []Option) (*Format, []Mistake) {
	f := &Format{Receiver: r, values: make(map[string]value, len(with))}
	mistakes := f.read(with)
	if r.check != nil {
		mistakes = append(mistakes, r.check(f)...)
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return f, nil
}

// Content makes the message of an event. The body is the previous step's output, nil if there is none.
// The message tells of the body and not of the event, so that nothing gets around a step that takes something out;
// only an expression that asks for the event's payload sees it. The values must know the body already.
// A Content without a Body means that the receiver is to get nothing.
// An error is that of an expression, at run time.
func (f *Format) Content(values *expression.Env, body []byte) (delivery.Content, error) {
	m, err := f.message(values, body)
	if err != nil {
		return delivery.Content{}, err
	}
	return f.Receiver.write(f, m)
}

// OrderKey is what this receiver's messages of one kind have in common, so that they must not overtake each other:
// PagerDuty's dedup key. It is "" for receivers without an order. It follows from the event and the options alone.
func (f *Format) OrderKey(ev *event.Event) string {
	if f.Receiver.order == nil {
		return ""
	}
	return f.Receiver.order(f, ev)
}
