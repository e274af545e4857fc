package expression

import (
	"fmt"
	"slices"
	"sync"

	"github.com/expr-lang/expr/ast"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Env is the environment in which expressions see one event. It decodes what they ask for once, so that one Env serves every webhook
// of an event. Only one goroutine at a time may use it.
type Env struct {
	event  *event.Event
	roots  [3]object // payload, body, with
	fields [4]any    // the results of field

	secrets secretKeys

	budget budget
	slots  []any        // the variables of the program that runs
	args   []any        // of the functions that are being called
	few    [4]any       // the first args
	trace  *Trace       // of the run; nil if it is not watched
	watch  func(*Trace) // nil if runs are not watched
}

// NewEnv returns the environment of an event, which must not change any more.
func NewEnv(e *event.Event) *Env {
	env := new(Env)
	env.args = env.few[:0]
	env.begin(e)
	return env
}

// begin sets the event of an unused environment.
func (env *Env) begin(e *event.Event) {
	env.event = e
	o := &env.roots[payload]
	if o.name, o.raw = roots[payload], e.Payload; e.Payload == nil {
		o.raw = []byte("{}")
	}
}

// Envs keeps environments for reuse. The zero value is ready to use, and Envs is safe for concurrent use.
type Envs struct{ pool sync.Pool }

// Of returns the environment of an event, which must not change any more.
func (p *Envs) Of(e *event.Event) *Env {
	env, kept := p.pool.Get().(*Env)
	if !kept {
		return NewEnv(e)
	}
	env.begin(e)
	return env
}

// Keep takes back an environment that is no longer used, and removes its event.
func (p *Envs) Keep(env *Env) {
	members := env.roots[payload].members
	if cap(members) > manyMembers {
		members = nil
	}
	clear(members)
	clear(env.args[:cap(env.args)])
	*env = Env{roots: [3]object{payload: {members: members[:0]}}, slots: env.slots, args: env.args}
	p.pool.Put(env)
}

// Event returns the event of the environment.
func (env *Env) Event() *event.Event { return env.event }

// SetEventBody sets body to the event as it is sent without a transform. The bytes are made when an expression asks for them.
func (env *Env) SetEventBody() {
	env.roots[body] = object{name: "body", event: env.event}
	env.secrets[body] = nil
}

// field returns one of the named values, boxed once.
func (env *Env) field(i int) any {
	if env.fields[i] == nil {
		env.fields[i] = [...]func(*event.Event) any{
			func(e *event.Event) any { return e.Type },
			func(e *event.Event) any { return e.WorkflowID },
			func(e *event.Event) any { return e.WorkflowName },
			func(e *event.Event) any { return e.Timestamp.UTC() },
		}[i](env.event)
	}
	return env.fields[i]
}

// object is JSON that is decoded only as far as expressions need it.
type object struct {
	name    string // for errors
	raw     []byte
	event   *event.Event // raw becomes its body when needed; nil if raw is set
	members []member     // in the order of the JSON; valid if indexed
	byKey   map[string]int
	whole   any
	indexed bool
	decoded bool // whole is set
}

type member struct {
	key      []byte
	value    any   // nil before it is decoded
	from, to int32 // the place of its value in the object's JSON
}

// rawOf returns the JSON of a member.
func (o *object) rawOf(m *member) []byte { return o.raw[m.from:m.to:m.to] }

// manyMembers is the number of members above which a map finds one.
const manyMembers = 32

// json returns the JSON, or nil if there is none.
func (o *object) json() []byte {
	if o.raw == nil && o.event != nil {
		o.raw = o.event.Body()
	}
	return o.raw
}

func (o *object) fail(err error) {
	if err != nil {
		panic(fmt.Errorf("%s: %w", o.name, err))
	}
}

// value returns the whole value. It panics with an error if the JSON is invalid.
func (o *object) value() any {
	if raw := o.json(); !o.decoded && raw != nil {
		v, err := jsonbytes.Decode(raw)
		o.fail(err)
		o.whole = v
		if members, ok := v.(map[string]any); ok {
			for _, key := range numericKeys {
				if text, ok := members[key].(string); ok {
					members[key] = o.number(key, text)
				}
			}
		}
	}
	o.decoded = true
	return o.whole
}

// member returns a member, nil if there is none. It panics with an error if the object is not JSON.
func (o *object) member(key string) any {
	if o.decoded || !o.indexed && !isObject(o.json()) {
		whole, _ := o.value().(map[string]any)
		return whole[key]
	}
	m := o.find(key)
	if m == nil {
		return nil
	}
	if m.value == nil {
		m.value = o.number(key, jsonbytes.ValueOf(o.rawOf(m)))
	}
	return m.value
}

// numericKeys are the keys of payload that AWF documents as numbers.
var numericKeys = []string{"duration", "exit_code", "iteration"}

func (o *object) isNumeric(key string) bool {
	return o.name == roots[payload] && slices.Contains(numericKeys, key)
}

// number converts a text to a number if the key is documented as a number, because emit sends texts.
func (o *object) number(key string, v any) any {
	text, isText := v.(string)
	if !isText || !o.isNumeric(key) {
		return v
	}
	n, err := jsonbytes.Decode([]byte(text))
	if _, _, _, isNumber := numberOf(n); err != nil || !isNumber {
		return v
	}
	return n
}

// isObject reports whether JSON begins like an object.
func isObject(raw []byte) bool {
	for _, c := range raw {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c == '{'
		}
	}
	return false
}

// find finds a member of a JSON object; nil if there is none. The last of equal keys counts.
func (o *object) find(key string) *member {
	o.fail(o.index())
	if o.byKey != nil {
		if i, there := o.byKey[key]; there {
			return &o.members[i]
		}
		return nil
	}
	for i := range slices.Backward(o.members) {
		if string(o.members[i].key) == key {
			return &o.members[i]
		}
	}
	return nil
}

// index records where the members are.
func (o *object) index() error {
	if o.indexed {
		return nil
	}
	const usual = 8
	members := slices.Grow(o.members[:0], usual)
	r := jsonbytes.NewReader(o.json())
	err := r.Members(func(key []byte) error {
		raw, err := r.Raw()
		members = append(members, member{key: key, from: int32(r.Offset() - len(raw)), to: int32(r.Offset())})
		return err
	})
	if err != nil {
		return err
	}
	o.members, o.indexed = members, true
	if len(members) > manyMembers {
		o.byKey = make(map[string]int, len(members))
		for i, m := range members {
			o.byKey[string(m.key)] = i
		}
	}
	return nil
}

// at is find that returns nil, too, if the value is not an object or not JSON.
func (o *object) at(key string) *member {
	if !isObject(o.json()) || o.index() != nil {
		return nil
	}
	return o.find(key)
}

// find returns the bytes of the value at a path. It returns nil if there is no value, if the object is not JSON, and if the bytes are not
// the value, as for a number in a string.
func (env *Env) find(path []string) []byte {
	if len(path) == 0 {
		return nil
	}
	o := &env.roots[slices.Index(roots, path[0])]
	raw := o.json()
	for i, key := range path[1:] {
		if i > 0 {
			o = &object{name: o.name, raw: raw}
		}
		m := o.at(key)
		if m == nil {
			return nil
		}
		if raw = o.rawOf(m); raw[0] == '"' && i == 0 && o.isNumeric(key) {
			return nil
		}
	}
	return raw
}

// pathOf returns the path if an expression is just a path into the event's JSON, else nil.
func pathOf(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if slices.Contains(roots, n.Value) {
			return []string{n.Value}
		}
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		path := pathOf(n.Node)
		if name, ok := n.Property.(*ast.StringNode); ok && path != nil {
			return append(path, name.Value)
		}
	}
	return nil
}
