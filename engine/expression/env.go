package expression

import (
	"fmt"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/expr-lang/expr/vm"
)

// Env is the environment in which expressions see one event. It decodes what they ask for once, so one Env serves every webhook of an event.
// It is for one goroutine at a time.
type Env struct {
	event  *event.Event
	boxed  any // the environment, once the machine needed it
	have   needs
	vm     vm.VM
	budget budget

	payload, body, with object
	known               [knownKeys]any // the values of known keys, as far as have says
	args                []any          // of the functions that are being called
}

// NewEnv returns the environment of an event, which must not change any more.
func NewEnv(e *event.Event) *Env {
	in := &Env{event: e}
	in.payload.name, in.payload.raw = "payload", e.Payload
	if e.Payload == nil {
		in.payload.raw = []byte("{}")
	}
	return in
}

// Event is what the input was made of.
func (in *Env) Event() *event.Event { return in.event }

// SetBody sets body, which is JSON, or a text if isJSON is false.
func (in *Env) SetBody(body []byte, isJSON bool) {
	in.body = object{name: "body", raw: body}
	if !isJSON {
		in.body = object{decoded: true, whole: string(body)}
	}
}

// SetEventBody sets body to the event as it is sent without a transform. That is made only if an expression asks for it.
func (in *Env) SetEventBody() { in.body = object{name: "body", event: in.event} }

// SetWith sets with, which is JSON; nil for nothing.
func (in *Env) SetWith(with []byte) { in.with = object{name: "with", raw: with} }

// root is what a name stands for whose members are decoded when they are asked for; nil for other names.
func (in *Env) root(name string) *object {
	switch name {
	case "payload":
		return &in.payload
	case "body":
		return &in.body
	case "with":
		return &in.with
	}
	return nil
}

// prepare decodes what a program needs. The error is a [*RunError].
func (in *Env) prepare(needs needs) error {
	missing := needs &^ in.have
	if missing == 0 {
		return nil
	}
	if in.have != 0 { // a map has many expressions: they must not read the payload once for each
		needs = 1<<knownKeys - 1
		missing = needs &^ in.have
	}
	if err := in.decodeKnown(missing); err != nil {
		return &RunError{Message: "payload: " + err.Error()}
	}
	in.have |= needs
	in.boxed = nil
	return nil
}

// environment is the environment as a value.
func (in *Env) environment() any {
	if in.boxed == nil {
		e := in.event
		env := env{Event: e.Type, WorkflowID: e.WorkflowID, WorkflowName: e.WorkflowName, Timestamp: e.Timestamp.UTC(),
			Payload: &in.payload, Body: &in.body, With: &in.with, Budget: &in.budget}
		for i, v := range in.known {
			*env.key(i) = v
		}
		in.boxed = env
	}
	return in.boxed
}

// decodeKnown sets the fields of known keys.
func (in *Env) decodeKnown(keys needs) error {
	s := scanner{text: in.payload.raw}
	return s.object(func(key []byte) error {
		i := knownIndex(string(key))
		if i < 0 || keys&(1<<i) == 0 {
			return s.skip(0)
		}
		v, err := s.value(0)
		in.known[i] = v
		return err
	})
}

// object is JSON that is decoded when it is asked for.
type object struct {
	name    string // for errors
	raw     []byte
	event   *event.Event // whose body raw is, unless it is nil
	members []member     // those that were asked for
	whole   any
	decoded bool
}

type member struct {
	key   string
	value any
}

// json is the JSON; nil if there is none.
func (o *object) json() []byte {
	if o.raw == nil && o.event != nil {
		o.raw = o.event.Body()
	}
	return o.raw
}

// value is all of it. It panics with an error if it is no JSON.
func (o *object) value() any {
	if raw := o.json(); !o.decoded && raw != nil {
		s := scanner{text: raw}
		v, err := s.document()
		if err != nil {
			panic(fmt.Errorf("%s: %w", o.name, err))
		}
		o.whole = v
	}
	o.decoded = true
	return o.whole
}

// member is one member; nil if there is none, or if it is no object.
func (o *object) member(key string) any {
	if o.decoded {
		return memberOf(o.whole, key)
	}
	for i := range o.members {
		if o.members[i].key == key {
			return o.members[i].value
		}
	}
	s := scanner{text: o.json()}
	if !s.at('{') {
		return memberOf(o.value(), key)
	}
	var found any
	err := s.object(func(k []byte) (err error) {
		if string(k) != key {
			return s.skip(0)
		}
		found, err = s.value(0)
		return err
	})
	if err != nil {
		panic(fmt.Errorf("%s: %w", o.name, err))
	}
	o.members = append(o.members, member{key, found})
	return found
}
