package view

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Bounds of the playground.
const (
	maxDraft    = 64 << 10 // bytes of a filter, a transform and the like
	maxPlayed   = 1 << 20  // bytes of an event
	tryTime     = 15 * time.Second
	backtested  = 100 // events
	playFile    = "playground.yaml"
	ModuleName  = "module.wasm" // the draft's name for an uploaded module
	placeholder = "00000000000000000000000000000000"
)

// Draft is a webhook that somebody edits. It takes everything else, such as URL and policy, from a webhook of the
// configuration.
type Draft struct {
	Webhook   string `json:"identity"`         // the identity of that webhook
	Events    string `json:"events,omitempty"` // globs, separated by commas
	Filter    string `json:"filter,omitempty"`
	Transform string `json:"transform,omitempty"` // YAML, as in the key transform
	Event     string `json:"event,omitempty"`     // the event to try it on: JSON that awf-hook reads
	Module    []byte `json:"module,omitempty"`    // uploaded; the transform calls it ModuleName
}

// Mistake is a mistake in a draft, with its place in one of the draft's texts.
type Mistake struct {
	In      string `json:"in"` // "event", "events", "filter", "transform"
	Line    int    `json:"line,omitzero"`
	Column  int    `json:"column,omitzero"`
	Message string `json:"message"`
	Warning bool   `json:"warning,omitzero"`
}

// Trial is the result of a draft for its event. Nothing is sent.
type Trial struct {
	Mistakes []Mistake           `json:"mistakes"`
	Result   *engine.Explanation `json:"result,omitempty"` // nil if there are mistakes
	YAML     string              `json:"yaml"`             // the draft's keys, to copy into a configuration
	Format   string              `json:"-"`
}

// Draft returns a draft of a configured webhook: the one with an identity, or the first. Secrets are masked.
func (d *Desk) Draft(identity string) Draft {
	all := d.Configuration().Webhooks
	if identity == "" && len(all) > 0 {
		identity = all[0].Identity
	}
	w := d.configured()[identity]
	if w == nil {
		return Draft{}
	}
	var globs []string
	for _, g := range w.Events {
		globs = append(globs, g.Value)
	}
	return Draft{Webhook: identity, Events: strings.Join(globs, ", "), Filter: w.Filter.Value,
		Transform: string(d.mask([]byte(w.TransformYAML())))}
}

// draftText is a draft as a configuration, with the lines where its texts begin.
type draftText struct {
	yaml              string
	events            int
	filter, transform int // the number of lines before each
	lines             int
}

const draftIndent = "      " // indent of the texts

// text writes a draft. It indents the draft's texts more than all keys, so that they cannot become other keys.
func (f *Draft) text() draftText {
	var t draftText
	var b strings.Builder
	write := func(line string) {
		b.WriteString(line + "\n")
		t.lines++
	}
	write("webhooks:")
	write("  - name: draft")
	write("    url: https://playground.invalid/")
	globs := strings.FieldsFunc(f.Events, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	list, _ := json.Marshal(globs) // texts always encode
	t.events = t.lines + 1
	if len(globs) > 0 {
		write("    events: " + string(list))
	}
	block := func(key, text string) int {
		text = strings.TrimRight(strings.ReplaceAll(text, "\r", ""), " \n")
		if strings.TrimSpace(text) == "" {
			return t.lines
		}
		write("    " + key)
		before := t.lines
		for _, line := range strings.Split(text, "\n") {
			write(draftIndent + line)
		}
		return before
	}
	t.filter = block("filter: |2-", f.Filter)
	t.transform = block("transform:", f.Transform)
	t.yaml = b.String()
	return t
}

// mistake returns a mistake with its place in the draft's texts.
func (t *draftText) mistake(e *config.Error) Mistake {
	m := Mistake{In: "transform", Line: e.Line - t.transform, Column: e.Col - len(draftIndent), Message: e.Message, Warning: e.Warning}
	switch path := strings.TrimPrefix(e.Path, "webhooks[0]."); {
	case strings.HasPrefix(path, "events") || e.Line == t.events:
		m.In, m.Line, m.Column = "events", 0, 0
	case path == "filter":
		m.In, m.Line = "filter", e.Line-t.filter
	case path != "" && !strings.HasPrefix(path, "webhooks"):
		m.Message = path + ": " + m.Message
	}
	if m.Line < 1 || m.Column < 1 {
		m.Line, m.Column = 0, 0
	}
	return m
}

// mistakes returns the mistakes in an error. It returns any other error unchanged.
func (t *draftText) mistakes(err error) (list []Mistake, _ error) {
	var found config.Errors
	if err != nil && !errors.As(err, &found) {
		return nil, err
	}
	for _, e := range found {
		list = append(list, t.mistake(e))
	}
	return list, nil
}

// read reads a draft into a copy of its webhook, which is nil if the draft has mistakes. env has its variables.
func (d *Desk) read(f *Draft, text *draftText, folder string, env config.Env) (*config.Webhook, []Mistake, error) {
	base := d.configured()[f.Webhook]
	if base == nil {
		return nil, nil, api.Unknown(fmt.Errorf("no such webhook: %.200q: choose a webhook by its identity", f.Webhook))
	}
	if n := len(f.Events) + len(f.Filter) + len(f.Transform); n > maxDraft {
		return nil, nil, api.Bad(fmt.Errorf("want at most %d bytes of events, filter and transform, got %d", maxDraft, n))
	}
	if len(f.Module) > 0 {
		if err := os.WriteFile(filepath.Join(folder, ModuleName), f.Module, 0o600); err != nil {
			return nil, nil, err
		}
	}
	cfg, err := config.ParseDraft(filepath.Join(folder, playFile), []byte(text.yaml), env)
	mistakes, err := text.mistakes(err)
	if err != nil || len(mistakes) > 0 || len(cfg.Webhooks) != 1 {
		return nil, mistakes, err
	}
	w := *base
	w.Events, w.Filter, w.Transform = cfg.Webhooks[0].Events, cfg.Webhooks[0].Filter, cfg.Webhooks[0].Transform
	return &w, nil, nil
}

// dry removes from a webhook what makes a request valid: trying something out must not reveal a signature.
func dry(w *config.Webhook) { w.Secrets, w.Signing, w.Custom, w.OrderBy = nil, nil, nil, config.Text{} }

// SendAny makes a webhook send any event, once.
func SendAny(w *config.Webhook) {
	w.Events, w.Filter, w.OrderBy, w.Retry.MaxAttempts = []config.Text{{Value: "*"}}, config.Text{}, config.Text{}, 1
}

// openFor opens an engine that has one webhook and stores nothing.
func (d *Desk) openFor(w config.Webhook, outcome func(engine.Outcome)) (*engine.Engine, error) {
	only := *d.Engine.Config()
	only.Webhooks, only.Workflows = []config.Webhook{w}, nil
	return engine.Open(&only, engine.Options{
		Queue: engine.Memory, ModuleCache: d.ModuleCache, OnOutcome: outcome, Version: d.Version,
	})
}

// turn waits for a slot to try something out, with a folder of its own. done gives both back.
func (d *Desk) turn(ctx context.Context) (folder string, done func(), err error) {
	select {
	case d.tries <- struct{}{}:
	case <-time.After(2 * time.Second):
		return "", func() {}, api.ErrBusy
	case <-ctx.Done():
		return "", func() {}, ctx.Err()
	}
	folder, err = os.MkdirTemp("", "awf-hook-try-")
	return folder, func() {
		_ = os.RemoveAll(folder)
		<-d.tries
	}, err
}

// opened is a draft with an engine that has only its webhook. It has no engine if the draft has mistakes.
type opened struct {
	*engine.Engine
	webhook  *config.Webhook
	text     draftText
	mistakes []Mistake
	done     func() // gives back the slot and the folder
}

// open waits for a slot and opens an engine for a draft. change may change the webhook. The caller closes the result, even
// after an error.
func (d *Desk) open(ctx context.Context, f *Draft, env config.Env, change func(*config.Webhook), outcome func(engine.Outcome),
) (*opened, error) {
	o := &opened{text: f.text(), mistakes: []Mistake{}}
	folder, done, err := d.turn(ctx)
	if o.done = done; err != nil {
		return o, err
	}
	w, mistakes, err := d.read(f, &o.text, folder, env)
	if w != nil {
		change(w)
		o.webhook = w
		o.Engine, err = d.openFor(*w, outcome)
		mistakes, err = o.text.mistakes(err)
	}
	o.mistakes = append(o.mistakes, mistakes...)
	return o, err
}

// close closes the engine, if there is one.
func (o *opened) close() {
	if o.Engine != nil {
		_ = o.Engine.Close()
	}
	o.done()
}

// placeholders replaces all variables, so that nobody can read one by trying something out.
func placeholders(string) (string, bool) { return placeholder, true }

// Try returns the result of a draft for its event. It sends nothing. It reads no variable, and no file except the draft's
// module.
func (d *Desk) Try(ctx context.Context, f Draft) (*Trial, error) {
	ev, bad := readEvent(f.Event)
	o, err := d.open(ctx, &f, placeholders, dry, nil)
	defer o.close()
	t := &Trial{Mistakes: o.mistakes, YAML: f.YAML()}
	if bad != nil {
		t.Mistakes = slices.Insert(t.Mistakes, 0, Mistake{In: "event", Message: bad.Error()})
	}
	if o.webhook != nil {
		t.Format = formatOf(o.webhook)
	}
	if err != nil || o.Engine == nil {
		return t, err
	}
	for _, warning := range o.Warnings() {
		if strings.Contains(warning.File, playFile) {
			t.Mistakes = append(t.Mistakes, o.text.mistake(warning))
		}
	}
	if ev == nil {
		return t, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	for _, x := range o.Explain(ctx, ev, time.Now()) {
		x.Place = ""
		t.Result = &x
	}
	return t, nil
}

// YAML returns the draft's keys, to copy into a configuration.
func (f *Draft) YAML() string {
	_, keys, _ := strings.Cut(f.text().yaml, "playground.invalid/\n")
	return keys
}

// readEvent reads one event, as awf-hook run does.
func readEvent(text string) (*event.Event, error) {
	if len(text) > maxPlayed {
		return nil, fmt.Errorf("want at most %d bytes", maxPlayed)
	}
	var line strings.Builder
	for _, part := range strings.Split(text, "\n") { // JSON may have line breaks only between its parts
		line.WriteString(strings.TrimSpace(part) + " ")
	}
	var found *event.Event
	var broken error
	stream := engine.Stream{Name: "event", In: strings.NewReader(strings.TrimSpace(line.String()) + "\n"),
		Broken: func(err *event.LineError) { broken = err.Reason }}
	err := engine.Events(context.Background(), stream, func(ev event.Event) { found = &ev })
	switch {
	case broken != nil:
		return nil, broken
	case err != nil:
		return nil, err
	case found == nil:
		return nil, errors.New("want an event as JSON, with event, workflow_id, workflow_name, timestamp and payload")
	}
	return found, nil
}

// TestResult is the result of a test: its attempts and its outcome, or the mistakes for which nothing was sent.
type TestResult struct {
	Mistakes []Mistake
	Attempts []delivery.Attempt
	Outcome  string
}

// SendTest sends a draft's event once to the webhook's receiver, with the filter bypassed, "test": true in its payload
// and a new id. It reads the variables that the webhook reads, and is recorded.
func (d *Desk) SendTest(ctx context.Context, f Draft) (*TestResult, error) {
	if err := allowed(ctx); err != nil {
		return nil, err
	}
	ev, err := readEvent(f.Event)
	if err != nil {
		return &TestResult{Mistakes: []Mistake{{In: "event", Message: err.Error()}}}, nil
	}
	base := d.configured()[f.Webhook]
	env := func(name string) (string, bool) {
		if base == nil || !slices.Contains(base.Reads(), name) || d.Env == nil {
			return "", false
		}
		return d.Env(name)
	}
	result := &TestResult{Outcome: "not sent"}
	o, err := d.open(ctx, &f, env, SendAny, func(o engine.Outcome) {
		result.Outcome = strings.TrimSuffix(o.Outcome.String()+": "+o.Reason, ": ")
		if o.Attempt != nil {
			result.Attempts = append(result.Attempts, *o.Attempt)
		}
	})
	defer o.close()
	if result.Mistakes = o.mistakes; err != nil || o.Engine == nil {
		return result, err
	}
	ev.ID, ev.Webhooks = event.NewID(time.Now()), nil
	if payload, err := jsonbytes.WithMember(ev.Payload, "test", []byte("true")); err == nil { // the event of an earlier test has it
		ev.Payload = payload
	}
	eng := o.Engine
	o.Engine = nil // deliverOne closes it
	err = deliverOne(ctx, eng, *ev, o.webhook.Timeout+time.Second)
	return result, errors.Join(err, d.record(ctx, "test", f.Webhook, 1, result.Outcome))
}

// deliverOne delivers an event and closes the engine.
func deliverOne(ctx context.Context, eng *engine.Engine, ev event.Event, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- eng.Run(ctx) }()
	err := eng.Submit(ctx, ev)
	if err == nil {
		_ = eng.Drain(ctx) // the rest is not sent: the outcome says so
	}
	return errors.Join(err, eng.Close(), <-ran)
}
