package transforms

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/transforms/format"
)

// Format makes a receiver's message.
type Format struct {
	Format *format.Format
	First  bool // of the chain: it tells of the event, else of what the step before made

	log *slog.Logger
}

// Apply makes the message. It drops an event that makes no message.
func (f *Format) Apply(_ context.Context, in *Input) (Made, error) {
	body := in.Content.Body
	if f.First {
		body = nil
	}
	made, left, err := f.Format.Make(in.Values, body)
	for _, what := range left {
		f.log.Debug(what, "format", f.Format.Receiver.Name, "event", in.Event.ID)
	}
	switch {
	case err != nil:
		return Made{Left: left}, err
	case made.Body == nil:
		return Made{Left: left}, ErrDrop
	}
	made.Header = append(slices.Clip(in.Content.Header), made.Header...)
	made.URLSuffix = in.Content.URLSuffix + made.URLSuffix
	return Made{Content: made, Left: left}, nil
}

// compileFormat makes the step of a built-in format. Its mistakes have their places in the file.
func compileFormat(s *config.Step, first bool, log *slog.Logger) (*Format, config.Errors) {
	kind, known := format.Lookup(s.Format.Value)
	if !known {
		return nil, config.Errors{s.Format.Fail(1, 0, "format.unknown", format.Unknown(s.Format.Value))}
	}
	var with []format.Option
	if s.With != nil {
		if s.With.Kind != config.TreeMapping {
			return nil, config.Errors{s.With.Fail(s.Path+".with", "value.type", "want a mapping")}
		}
		with = options(s.With)
	}
	f, mistakes := kind.New(with)
	var errs config.Errors
	for _, m := range mistakes {
		errs = append(errs, placed(s, m))
	}
	return &Format{f, first, log}, errs
}

// options are a mapping's entries as a format reads them.
func options(t *config.Tree) []format.Option {
	list := make([]format.Option, len(t.Keys))
	for i, v := range t.Values {
		list[i] = format.Option{Name: t.Keys[i].Value, Value: optionValue(v), Unresolved: v.Text.Unresolved}
	}
	return list
}

func optionValue(t *config.Tree) any {
	switch t.Kind {
	case config.TreeText:
		return t.Text.Value
	case config.TreeMapping:
		return options(t)
	case config.TreeList:
		list := make([]any, len(t.Values))
		for i, v := range t.Values {
			list[i] = optionValue(v)
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
	if m.Line > 0 {
		err := at.Text.Fail(m.Line, m.Col, "format.option", m.Message)
		err.Path = path
		return err
	}
	return at.Fail(path, "format.option", m.Message)
}
