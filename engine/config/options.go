package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms/format"
	"gopkg.in/yaml.v3"
)

// Option is an option of a step's format as written in the file. Its texts keep their places.
type Option struct {
	key    *format.Key
	at     Text     // the value itself
	texts  []Text   // one for a single value, any number for a list or a mapping
	labels []string // the labels of a mapping's texts
	value  any      // of a number, a bool or a choice
	unread bool     // it has a mistake, or depends on a variable that is not looked up
}

// Given returns the option for the format. If other is not nil, it replaces the values of variables, and a secret as a whole.
func (o *Option) Given(other func(value string) string) format.Option {
	given := format.Option{Name: o.key.Name, Value: o.value, Unresolved: o.unread}
	write := func(t Text) string {
		switch {
		case other == nil:
			return t.Value
		case o.key.Kind == format.KindSecret:
			return other(t.Value)
		}
		return t.withOther(other)
	}
	switch {
	case o.unread:
	case o.key.Kind == format.KindList:
		list := make([]string, len(o.texts))
		for i, t := range o.texts {
			if list[i] = write(t); t.Unresolved {
				list[i] = ""
			}
		}
		given.Value = list
	case o.key.Kind == format.KindFields:
		fields := make([]format.Option, len(o.texts))
		for i, t := range o.texts {
			fields[i] = format.Option{Name: o.labels[i], Value: write(t), Unresolved: t.Unresolved}
		}
		given.Value = fields
	case o.value == nil || other != nil && o.key.Kind == format.KindChoice:
		given.Value = write(o.texts[0])
	}
	return given
}

// shown returns the option's value for people. One with a secret is masked as a whole.
func (o *Option) shown(used []use) Value {
	_, key, _ := strings.Cut(o.at.Path, "].")
	v := Value{Key: key, Place: o.at.pos.short()}
	var texts []string
	for i, t := range o.texts {
		text := t.Value
		if o.labels != nil {
			text = o.labels[i] + ": " + text
		}
		texts = append(texts, text)
	}
	switch v.Text = strings.Join(texts, ", "); {
	case len(o.Secrets()) > 0:
		v.Text = secret.Mask
	case o.key.Kind == format.KindList:
		v.Text = "[" + v.Text + "]"
	case o.key.Kind == format.KindFields:
		v.Text = "{" + v.Text + "}"
	}
	for _, u := range used {
		if u.path == key {
			v.use(u)
		}
	}
	return v
}

// Secrets lists the values of variables in the option, and the whole text of a secret.
func (o *Option) Secrets() (list []string) {
	for _, t := range o.texts {
		if o.key.Kind == format.KindSecret && t.Value != "" {
			list = append(list, t.Value)
		}
		list = append(list, t.secrets()...)
	}
	return list
}

// FailOption returns the error for a mistake in an option, with the place of the option or inside its text. It passes the message
// through hide if the text contains the value of a variable.
func (s *Step) FailOption(m format.Mistake, hide func(message string) string) *Error {
	for i := range s.Options {
		t, found := s.Options[i].part(m.Option)
		if !found {
			continue
		}
		if len(t.secrets()) > 0 {
			m.Message = hide(m.Message)
		}
		if m.Line > 0 {
			return t.Fail(m.Line, m.Col, "format.option", m.Message)
		}
		return &Error{Pos: t.pos, Code: "format.option", Path: t.Path, Message: legible.Line(m.Message)}
	}
	return &Error{Pos: s.Pos, Code: "format.option", Path: s.Path + ".with", Message: legible.Line(m.Message)}
}

// part returns the text with the name that a mistake has for it: "fields", "fields.Cost" or "mentions[1]".
func (o *Option) part(name string) (Text, bool) {
	if name == o.key.Name {
		return o.at, true
	}
	for i, t := range o.texts {
		if o.labels != nil && name == o.key.Name+"."+o.labels[i] || name == fmt.Sprintf("%s[%d]", o.key.Name, i) {
			return t, true
		}
	}
	return Text{}, false
}

// optionKinds maps the kinds of options to the kinds of keys.
var optionKinds = map[format.ValueKind]Kind{
	format.KindText: KindText, format.KindSecret: KindSecret, format.KindList: KindTexts, format.KindFields: KindHeaders,
	format.KindNumber: KindNumber, format.KindBool: KindBool, format.KindChoice: KindText,
}

// optionKeys returns a format's options as keys of a mapping.
func optionKeys(r *format.Receiver) []Key {
	keys := make([]Key, len(r.Keys))
	for i := range r.Keys {
		k := &r.Keys[i]
		keys[i] = Key{
			Path: k.Name, Kind: optionKinds[k.Kind], Min: int64(k.Min), Max: int64(k.Max), Choices: k.Choices, anyCase: true,
			orExpr: k.Kind == format.KindText, Without: k.Default, Is: k.Is,
			read: by(func(d *decoder, n node, s *Step) { s.Options = append(s.Options, d.option(n, k)) }),
		}
	}
	return keys
}

// formatName reads the name of a format.
func (d *decoder) formatName(n node, name string, s *Step) {
	text := d.text(n, name)
	if _, known := format.Lookup(name); !known {
		d.add(text.Fail(1, 0, "format.unknown", format.Unknown(n.Value)))
		return
	}
	s.Format = text
}

// with reads the value of with: the options of a format by the format's table, anything else as written.
func (d *decoder) with(n node, s *Step) {
	r, known := format.Lookup(s.Format.Value)
	if !known {
		d.field(n, &s.With)
		return
	}
	before := len(d.errs)
	n.key = &Key{Kind: KindMapping, noun: "option of " + r.Name, below: optionKeys(r)}
	d.mapping(n, s)
	for _, e := range d.errs[before:] {
		if e.Path != n.path && (strings.HasPrefix(e.Code, "value.") || e.Code == "key.unknown") {
			e.Code = "format.option"
		}
	}
	for i := range r.Keys { // the format must know of an option that could not be read
		k := &r.Keys[i]
		if (n.Kind != yaml.MappingNode || n.has(k.Name)) && !slices.ContainsFunc(s.Options, func(o Option) bool { return o.key == k }) {
			s.Options = append(s.Options, Option{key: k, unread: true})
		}
	}
}

// option reads an option by its kind.
func (d *decoder) option(n node, k *format.Key) Option {
	o := Option{key: k, at: d.text(n, n.Value)}
	before := len(d.errs)
	switch k.Kind {
	case format.KindList:
		for entry := range d.entries(n) {
			o.texts = append(o.texts, d.optionText(entry, "a text"))
		}
		o.unread = len(d.errs) > before && o.texts == nil
	case format.KindFields:
		d.optionFields(n, &o)
		o.unread = len(d.errs) > before && o.texts == nil
	case format.KindSecret:
		o.at = d.optionText(n, "a secret")
	case format.KindNumber:
		o.at = d.optionText(n, "a number")
		o.value = parseOption[int](d, n, o.at)
	case format.KindBool:
		o.at = d.optionText(n, "true or false")
		o.value = parseOption[bool](d, n, o.at)
	case format.KindChoice:
		o.at = d.optionText(n, "a text")
		o.value = parseOption[string](d, n, o.at)
	default:
		o.at = d.optionText(n, "a text")
	}
	if k.Kind != format.KindList && k.Kind != format.KindFields {
		o.texts = []Text{o.at}
		o.unread = o.at.Unresolved || len(d.errs) > before
	}
	return o
}

// parseOption reads an option's text as a T.
func parseOption[T any](d *decoder, n node, text Text) (v T) {
	if !text.Unresolved {
		d.parse(n, text.Value, &v)
	}
	return v
}

// optionText reads a text as written, even if YAML takes it for a number or a bool.
func (d *decoder) optionText(n node, want string) Text {
	if !n.isText() {
		d.fail(n, "value.type", "want %s, got %s", want, describe(n.Node))
		return Text{Path: n.path, pos: d.pos(n.Node), Unresolved: true}
	}
	value, ok := d.scalar(n)
	t := d.text(n, value)
	t.values, t.Unresolved = d.inserted, t.Unresolved || !ok
	return t
}

// optionFields reads a mapping of labels to texts.
func (d *decoder) optionFields(n node, o *Option) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "value.type", "want a mapping, got %s", describe(n.Node))
		return
	}
	if got := len(n.Content) / 2; got > o.key.Max {
		d.fail(n, "value.length", "want at most %d entries, got %d", o.key.Max, got)
		return
	}
	for name, value := range d.members(n) {
		d.checkName(name)
		o.labels = append(o.labels, name.Value)
		o.texts = append(o.texts, d.optionText(value, "a text"))
	}
}
