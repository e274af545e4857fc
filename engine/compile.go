package engine

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/format"
)

// compiled is a configured webhook with its compiled expressions and transforms.
type compiled struct {
	config.Webhook
	filter   *filters.Filter
	chain    transforms.Chain
	orderBy  *expression.Program // nil if the webhook has no order
	format   *format.Format      // of the last step; nil if that step is not a format
	masker   *secret.Masker      // masks what its transforms can read
	warnings config.Errors       // about its expressions
}

// compiler compiles webhooks.
type compiler struct {
	modules *transforms.Modules // nil skips wasm steps
	log     *slog.Logger
	secrets []secret.Secret // of the configuration, in addition to the webhooks' own
}

// all compiles webhooks in parallel, one per processor, since a module may take a second. The caller closes their
// chains even if there are mistakes.
func (c compiler) all(ctx context.Context, webhooks []config.Webhook) ([]compiled, config.Errors) {
	all, errs := make([]compiled, len(webhooks)), make([]config.Errors, len(webhooks))
	var next atomic.Int64
	// There is one compiler per origin, so that a project's expressions cannot use up the user's own budget.
	var expressions [config.WorkflowFile + 1]expression.Compiler
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(webhooks)) {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(webhooks)); i = next.Add(1) - 1 {
				all[i].Webhook = webhooks[i]
				all[i].Known = slices.Concat(webhooks[i].Known, c.secrets)
				by := transforms.Compiler{Expressions: &expressions[webhooks[i].Origin], Modules: c.modules, Log: c.log}
				errs[i] = all[i].compile(ctx, by)
			}
		})
	}
	working.Wait()
	mistakes := slices.Concat(errs...)
	mistakes.Sort()
	return all, mistakes
}

// settings compiles the webhooks of the settings. Webhooks that are overridden or disabled must compile too. The
// error is [config.Errors].
func (c compiler) settings(cfg *config.Config) ([]compiled, error) {
	webhooks, mistakes := c.all(context.Background(), cfg.Active())
	_, others := compiler{nil, c.log, c.secrets}.all(context.Background(), cfg.Inactive())
	if mistakes = append(mistakes, others...); len(mistakes) > 0 {
		closeChains(webhooks)
		mistakes.Sort()
		return nil, mistakes
	}
	return webhooks, nil
}

func (w *compiled) compile(ctx context.Context, by transforms.Compiler) config.Errors {
	var errs [3]config.Errors
	w.masker = secret.NewMasker(with(&w.Webhook), nil)
	w.filter, errs[0] = compileFilter(&w.Webhook, &by)
	w.orderBy, errs[1] = compileExpression(w.OrderBy, by.Expressions.Value, &by)
	by.Log = slog.New(w.masker.Handler(by.Log.Handler())).With("webhook", w.Name)
	w.chain, errs[2] = by.Compile(ctx, w.Transform)
	w.warnings = by.Warnings
	if n := len(w.chain); n > 0 {
		if f, isFormat := w.chain[n-1].Step.(*transforms.Format); isFormat && f != nil {
			w.format = f.Format
		}
	}
	mistakes := slices.Concat(errs[:]...)
	for _, mistake := range mistakes {
		mistake.Message = w.masker.Text(mistake.Message)
	}
	return mistakes
}

func compileFilter(cfg *config.Webhook, by *transforms.Compiler) (*filters.Filter, config.Errors) {
	var mistakes config.Errors
	var globs []filters.Glob
	for _, text := range cfg.Events {
		glob, err := filters.ParseGlob(text.Value)
		if err != nil {
			mistakes = append(mistakes, text.Fail(1, 0, "event.glob", err.Error()))
		}
		globs = append(globs, glob)
	}
	program, errs := compileExpression(cfg.Filter, by.Expressions.Bool, by)
	return filters.New(globs, program), append(mistakes, errs...)
}

// compileExpression compiles an expression of the configuration. It returns nil if there is none.
func compileExpression(
	text config.Text, compile func(string) (*expression.Program, error), by *transforms.Compiler,
) (*expression.Program, config.Errors) {
	if text.Value == "" {
		return nil, nil
	}
	program, err := compile(text.Value)
	if at, failed := errors.AsType[*expression.Error](err); failed {
		return nil, config.Errors{text.Fail(at.Line, at.Col, at.Code, at.Message)}
	}
	by.Warn(text, program.Warnings())
	return program, nil
}

func closeChains(webhooks []compiled) {
	for i := range webhooks {
		webhooks[i].chain.Close()
	}
}

func newModules(opts *Options) *transforms.Modules {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return transforms.NewModules(opts.ModuleCache, opts.Logger)
}

// moduleClose is how long closing waits for a cancelled compilation.
const moduleClose = 10 * time.Second

func closeModules(m *transforms.Modules) error {
	ctx, cancel := context.WithTimeout(context.Background(), moduleClose)
	defer cancel()
	return m.Close(ctx)
}
