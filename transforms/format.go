package transforms

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms/format"
)

// Format is a step that makes a receiver's message.
type Format struct {
	Format *format.Format
	veiled *format.Format // with other secrets in its options; nil if they hold none
	secret []string       // the options with secrets
	First  bool           // the chain's first step: its message is about the event, else about the previous step's output

	log *slog.Logger
}

// Apply makes the message. It drops an event about which the receiver gets no message.
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

// secrets returns the parts of a message that come from secrets: they differ when the message is made with other secrets.
func (f *Format) secrets(in *Input, message []byte) [][2]int {
	values := expression.NewEnv(in.Event)
	values.SetEventBody()
	var body []byte
	if !f.First {
		isJSON := jsonbytes.IsType(in.Content.ContentType)
		body = secret.VeilParts(in.Content.Body, in.Content.Secret, isJSON)
		values.SetBody(body, isJSON, nil)
	}
	other, err := cmp.Or(f.veiled, f.Format).Content(values, body)
	if err != nil || other.Body == nil { // whether there is a message depends on a secret
		return [][2]int{{0, len(message)}}
	}
	return secret.Differences(message, other.Body)
}

// compileFormat compiles the step of a built-in format. Mistakes have their places in the file.
func compileFormat(s *config.Step, first bool, by *Compiler) (*Format, config.Errors) {
	kind, _ := format.Lookup(s.Format.Value)
	with := make([]format.Option, len(s.Options))
	for i := range s.Options {
		with[i] = s.Options[i].Given(nil)
	}
	f, mistakes := kind.Compile(with, by.Expressions)
	var errs config.Errors
	for _, m := range mistakes {
		errs = append(errs, s.FailOption(m, func(message string) string { return hidden(message, true) }))
	}
	made := &Format{Format: f, First: first, log: by.Log}
	if f != nil {
		made.veil(with, s.Options, by.Expressions)
	}
	return made, errs
}

// veil finds the options with secrets and makes the same format with other secrets in them. An option that takes no other value,
// such as a choice, keeps its own.
func (f *Format) veil(with []format.Option, options []config.Option, by *expression.Compiler) {
	kind := f.Format.Receiver
	others := slices.Clone(with)
	for i := range options {
		if len(options[i].Secrets()) == 0 {
			continue
		}
		f.secret = append(f.secret, with[i].Name)
		others[i] = options[i].Given(secret.Veil)
		if _, mistakes := kind.Compile(others, by); len(mistakes) > 0 {
			others[i] = with[i]
		}
	}
	if len(f.secret) > 0 {
		f.veiled, _ = kind.Compile(others, by)
	}
}

// holdsSecret reports whether an option, or a part of one such as fields.Cost, holds a secret.
func (f *Format) holdsSecret(option string) bool {
	return slices.ContainsFunc(f.secret, func(name string) bool {
		rest, found := strings.CutPrefix(option, name)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}
