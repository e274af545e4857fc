package transforms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

// Wasm is a step that runs a sandboxed module or script.
type Wasm struct {
	Module      *wasm.Module
	ContentType string // "" is JSON
}

// Apply runs the module on the previous step's output, or on the event. If the module fails, the error is a [*wasm.Error].
func (w *Wasm) Apply(ctx context.Context, in *Input) (Made, error) {
	out, err := w.Module.Transform(ctx, wasm.Event{Body: in.Content.Body, Time: in.Event.Timestamp})
	made := Made{Fuel: out.Fuel, FuelLimit: out.Limit}
	var fault *wasm.Error
	switch {
	case errors.Is(err, wasm.ErrDrop):
		return made, ErrDrop
	case errors.As(err, &fault):
		return made, err
	case err != nil:
		return made, fmt.Errorf("%w: %w", ErrNotRun, err)
	}
	made.Content = in.Content
	if len(in.Content.Secret) > 0 { // the module may have passed them on
		made.Secret = secret.NewMasker(secret.Texts(in.Content.Body, in.Content.Secret), nil).Parts(out.Body)
	}
	made.Body, made.ContentType = out.Body, w.ContentType
	return made, nil
}

// Modules loads the modules of wasm steps into one sandbox. The first module creates the sandbox.
// Its methods may be called by several goroutines at once.
type Modules struct {
	cacheDir string
	log      *slog.Logger

	mu      sync.Mutex
	sandbox *wasm.Sandbox
}

// NewModules returns Modules that keep compiled code in a folder. They keep none if cacheDir is "" or cannot be used.
func NewModules(cacheDir string, log *slog.Logger) *Modules {
	return &Modules{cacheDir: cacheDir, log: log}
}

// Close closes the sandbox. Until ctx ends, it waits for abandoned compilations. Close the chains first.
func (m *Modules) Close(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sandbox == nil {
		return nil
	}
	return m.sandbox.Close(ctx)
}

func (m *Modules) open() (*wasm.Sandbox, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sandbox != nil {
		return m.sandbox, nil
	}
	var err error
	if m.sandbox, err = wasm.New(m.cacheDir); err != nil {
		m.log.Warn("cannot keep compiled modules, so each start compiles them again", "err", err)
		m.sandbox, err = wasm.New("")
	}
	return m.sandbox, err
}

// load makes the step of a module, which logs to log. A mistake has its place in the file.
func (m *Modules) load(ctx context.Context, s *config.Step, log *slog.Logger) (*Wasm, config.Errors) {
	if m == nil {
		return nil, nil
	}
	with, mistake := withOf(s)
	if mistake != nil {
		return nil, config.Errors{mistake}
	}
	l := s.Wasm.Limits
	options := wasm.Options{
		With: with, ContentType: s.ContentType, SHA256: s.Wasm.SHA256, Logger: log,
		Limits: wasm.Limits{
			Fuel: int64(l.Fuel), Memory: l.Memory, Stack: l.Stack, Input: l.Input, Output: l.Output, LogLines: int64(l.LogLines), Module: l.Module,
		},
	}
	if s.Wasm.Reuse {
		options.Isolation = wasm.IsolateInstance
	}
	check := options.Limits.CheckSize
	if s.Wasm.IsScript {
		check = wasm.CheckScriptSize
	}
	file, err := s.Wasm.Read(check)
	var sandbox *wasm.Sandbox
	if err == nil {
		sandbox, err = m.open()
	}
	var module *wasm.Module
	switch {
	case err != nil:
	case s.Wasm.IsScript:
		module, err = sandbox.LoadScript(ctx, s.Wasm.Value, file, options)
	default:
		module, err = sandbox.Load(ctx, s.Wasm.Value, file, options)
	}
	if err != nil {
		return nil, config.Errors{s.Wasm.Fail(1, 0, "wasm.module", err.Error())}
	}
	return &Wasm{module, s.ContentType}, nil
}

// withOf returns the values that a module can read.
func withOf(s *config.Step) (map[string]any, *config.Error) {
	if s.With == nil {
		return nil, nil
	}
	if s.With.Kind != config.TreeMapping {
		return nil, s.With.Fail(s.Path+".with", "value.type", "want a mapping")
	}
	with := make(map[string]any, len(s.With.Keys))
	for i, key := range s.With.Keys {
		value := s.With.Values[i]
		if value.Kind == config.TreeText {
			with[key.Value] = value.Text.Value
			continue
		}
		with[key.Value] = json.RawMessage(value.AppendJSON(nil))
	}
	return with, nil
}
