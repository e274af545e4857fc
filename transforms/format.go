package transforms

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms/format"
)

// Format makes a receiver's message.
type Format struct {
	Format *format.Format
	veiled *format.Format // with other secrets in its options; nil if they have none
	secret []string       // the options with secrets
	First  bool           // of the chain: it tells of the event, else of what the step before made

	log *slog.Logger
}

// Apply makes the message. It drops an event that makes no message.
func (f *Format) Apply(_ context.Context, in *Input) (Made, error) {
	body := in.Content.Body
	if f.First {
		body = nil
	}
	made, left, err := f.Format.Make(in.Values, body)
	hides := f.veiled != nil || len(in.Content.Secret) > 0
	err = Hidden(err, hides)
	for i := range left {
		left[i] = hidden(left[i], hides)
	}
	for _, what := range left {
		f.log.Debug(what, "format", f.Format.Receiver.Name, "event", in.Event.ID)
	}
	switch {
	case err != nil:
		return Made{Left: left}, err
	case made.Body == nil:
		return Made{Left: left}, ErrDrop
	}
	if hides {
		made.Secret = f.secrets(in, made.Body)
	}
	made.Header = append(slices.Clip(in.Content.Header), made.Header...)
	made.URLSuffix = in.Content.URLSuffix + made.URLSuffix
	return Made{Content: made, Left: left}, nil
}

// secrets finds what of a message is made from secrets: where it differs from the message that other secrets make.
func (f *Format) secrets(in *Input, message []byte) [][2]int {
	values := expression.NewEnv(in.Event)
	values.SetEventBody()
	var body []byte
	if !f.First {
		isJSON := IsJSON(in.Content.ContentType)
		body = secret.VeilParts(in.Content.Body, in.Content.Secret, isJSON)
		values.SetBody(body, isJSON, nil)
	}
	other, err := cmp.Or(f.veiled, f.Format).Content(values, body)
	if err != nil || other.Body == nil { // a secret decides what is sent
		return [][2]int{{0, len(message)}}
	}
	return secret.Differences(message, other.Body)
}

// compileFormat makes the step of a built-in format. Its mistakes have their places in the file.
func compileFormat(s *config.Step, first bool, by *Compiler) (*Format, config.Errors) {
	kind, known := format.Lookup(s.Format.Value)
	if !known {
		return nil, config.Errors{s.Format.Fail(1, 0, "format.unknown", format.Unknown(s.Format.Value))}
	}
	var with []format.Option
	if s.With != nil {
		if s.With.Kind != config.TreeMapping {
			return nil, config.Errors{s.With.Fail(s.Path+".with", "value.type", "want a mapping")}
		}
		with = options(s.With, nil)
	}
	f, mistakes := kind.Compile(with, by.Expressions)
	var errs config.Errors
	for _, m := range mistakes {
		errs = append(errs, placed(s, m))
	}
	made := &Format{Format: f, First: first, log: by.Log}
	made.veil(with, s.With, by.Expressions)
	return made, errs
}

// veil finds the options with secrets, and makes the format with others in them. An option that no other secret fits, such as a choice,
// keeps its own.
func (f *Format) veil(with []format.Option, from *config.Tree, by *expression.Compiler) {
	if f.Format == nil { // it has mistakes
		return
	}
	kind := f.Format.Receiver
	others := slices.Clone(with)
	for i := range with {
		value := from.Values[i]
		isKey := slices.Contains(kind.Secrets(), with[i].Name) && value.Kind == config.TreeText
		if !isKey && len(value.Secrets()) == 0 {
			continue
		}
		f.secret = append(f.secret, with[i].Name)
		if others[i].Value = optionValue(value, secret.Veil); isKey {
			others[i].Value = secret.Veil(value.Text.Value)
		}
		if _, mistakes := kind.Compile(others, by); len(mistakes) > 0 {
			others[i] = with[i]
		}
	}
	if len(f.secret) > 0 {
		f.veiled, _ = kind.Compile(others, by)
	}
}

// holdsSecret reports whether an option's text, or a part of it such as fields.Cost, has a secret in it.
func (f *Format) holdsSecret(option string) bool {
	return slices.ContainsFunc(f.secret, func(name string) bool {
		rest, found := strings.CutPrefix(option, name)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// options are a mapping's entries as a format reads them, with something else in place of each variable's value if other is not nil.
func options(t *config.Tree, other func(value string) string) []format.Option {
	list := make([]format.Option, len(t.Keys))
	for i, v := range t.Values {
		list[i] = format.Option{Name: t.Keys[i].Value, Value: optionValue(v, other), Unresolved: v.Text.Unresolved}
	}
	return list
}

func optionValue(t *config.Tree, other func(value string) string) any {
	switch t.Kind {
	case config.TreeText:
		if other != nil {
			return t.Text.WithOther(other)
		}
		return t.Text.Value
	case config.TreeMapping:
		return options(t, other)
	case config.TreeList:
		list := make([]any, len(t.Values))
		for i, v := range t.Values {
			list[i] = optionValue(v, other)
		}
		return list
	}
	var whole int
	if json.Unmarshal([]byte(t.Literal), &whole) == nil && t.Literal != "null" {
		return whole
	}
	switch t.Literal {
	case "null":
		return nil
	case "true", "false":
		return t.Literal == "true"
	}
	return t.Literal // a number as it is written: 1.10 may be a version
}

// placed gives a mistake its place: that of the option's key if it is unknown, else of its value.
func placed(s *config.Step, m format.Mistake) *config.Error {
	at := s.With
	path := s.Path + ".with"
	if m.Option == "" || at == nil {
		return &config.Error{Pos: s.Pos, Code: "format.option", Path: path, Message: m.Message}
	}
	name, rest, isField := strings.Cut(m.Option, ".")
	name, number, isEntry := strings.Cut(name, "[")
	if i := slices.IndexFunc(at.Keys, func(k config.Text) bool { return k.Value == name || k.Value == m.Option }); i >= 0 {
		at = at.Values[i]
	}
	switch {
	case isField && at.Get(rest) != nil:
		at = at.Get(rest)
	case isEntry:
		var i int
		if json.Unmarshal([]byte(strings.TrimSuffix(number, "]")), &i) == nil && i < len(at.Values) {
			at = at.Values[i]
		}
	}
	path += "." + m.Option
	m.Message = hidden(m.Message, len(at.Secrets()) > 0)
	if m.Line > 0 {
		err := at.Text.Fail(m.Line, m.Col, "format.option", m.Message)
		err.Path = path
		return err
	}
	return at.Fail(path, "format.option", m.Message)
}
