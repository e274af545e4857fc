// Package format has the built-in receiver formats.
//
// [Lookup] finds a [Receiver] by its name, [Receiver.New] makes a [Format] with a webhook's options, and [Format.Make] turns
// an event into the message that the receiver takes.
//
// A receiver never refuses a message for its shape: every text is cut to the receiver's limits at grapheme boundaries, and tells how
// much was cut. Markup and mentions in an event's data are plain text to the receiver.
//
// A receiver is mostly data: its options, limits, policy and answers are tables, one file for each. To add one, write its [Receiver]
// and list it in receivers.
package format

import (
	"fmt"
	"slices"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// Receiver describes a kind of receiver: the options of its format, the limits of its messages and the meaning of its answers.
type Receiver struct {
	Name    string
	Summary string // what the format makes, in one line
	URL     string // the form of the webhook's URL
	Keys    []Key  // the options, in the order of the documentation
	Limits  []Limit
	Policy  Policy

	isData bool // the message is for programs and has none of the options that other formats share
	sample sample
	write  func(*message)        // puts the body; without one the receiver gets nothing
	order  func(*message) string // the key of messages that must arrive in order; nil for none
}

// receivers is the closed set, in the order of the documentation.
func receivers() []*Receiver {
	return []*Receiver{
		&slack, &pagerDuty, &discord, &teams, &googleChat, &telegram, &ntfy, &cloudEvents,
		&mattermost, &rocketChat, &zulip, &matrix, &opsgenie, &incidentIO, &onCall, &datadog, &splunk,
		&githubDispatch, &githubStatus, &gitlab, &awf,
	}
}

// Names lists the formats in the order of the documentation.
func Names() []string {
	var names []string
	for _, r := range receivers() {
		names = append(names, r.Name)
	}
	return names
}

// key returns the option with a name, which must exist.
func (r *Receiver) key(name string) *Key {
	for i := range r.Keys {
		if r.Keys[i].Name == name {
			return &r.Keys[i]
		}
	}
	panic("format: " + r.Name + " has no option " + name)
}

// Secrets lists the options that are secrets. The body may hold their values, under the options' names.
func (r *Receiver) Secrets() []string {
	var names []string
	for i := range r.Keys {
		if r.Keys[i].Kind == KindSecret {
			names = append(names, r.Keys[i].Name)
		}
	}
	return names
}

// Lookup returns the receiver with a name.
func Lookup(name string) (*Receiver, bool) {
	all := receivers()
	i := slices.IndexFunc(all, func(r *Receiver) bool { return r.Name == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// Unknown returns an error's text for a name that no format has.
func Unknown(name string) string {
	return fmt.Sprintf("unknown format %q", name) + spelling.Hint(name, Names())
}

// Format makes the messages of one webhook. It may be used by several goroutines at once.
type Format struct {
	Receiver *Receiver
	values   map[string]value
}

// New makes a format with its options. It finds all mistakes at once.
func (r *Receiver) New(with []Option) (*Format, []Mistake) {
	return r.Compile(with, new(expression.Compiler))
}

// Compile is New with the compiler of a file, which compiles equal texts once and bounds all texts together.
func (r *Receiver) Compile(with []Option, by *expression.Compiler) (*Format, []Mistake) {
	f := &Format{Receiver: r, values: make(map[string]value, len(with))}
	if mistakes := f.read(with, by); len(mistakes) > 0 {
		return nil, mistakes
	}
	return f, nil
}

// Content is like [Format.Make] but does not say what was left out.
func (f *Format) Content(values *expression.Env, body []byte) (delivery.Content, error) {
	c, _, err := f.Make(values, body)
	return c, err
}

// Make makes the message of an event, and lists what it left out and why. The body is the previous step's output, nil if there is none.
// With a body the message is about the body and not the event, so that no data gets around a step that removes it;
// only an expression that reads the event's payload sees it. The values must have the body set.
// If the Content has no Body the receiver gets nothing.
// The error names the option whose expression failed or gave something that the option does not allow.
func (f *Format) Make(values *expression.Env, body []byte) (c delivery.Content, left []string, err error) {
	m := f.message(values, body)
	f.Receiver.write(m)
	if m.fault != nil || len(m.made.Body) == 0 {
		return delivery.Content{}, m.left, m.fault
	}
	return m.made, m.left, nil
}

// OrderKey returns a key, such as PagerDuty's dedup key. Messages with the same key must not overtake each other.
// It returns "" for receivers without an order. The key follows from the event and the options alone.
func (f *Format) OrderKey(ev *event.Event) string {
	if f.Receiver.order == nil {
		return ""
	}
	m := &message{subject: subjectOf(ev, nil), format: f, values: expression.NewEnv(ev)}
	m.moment = m.subject.moment()
	return f.Receiver.order(m)
}
