package engine

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/format"
)

// compiled is a configured webhook with what its expressions and transforms became.
type compiled struct {
	config.Webhook
	filter   *filters.Filter
	chain    transforms.Chain
	orderBy  *expression.Program // nil for no order
	masker   *secret.Masker      // of what its transforms can read
	warnings config.Errors       // of its expressions
	format   *format.Format      // the last step of the chain; nil if that is something else
}

// Check reports the mistakes in the globs, expressions and transforms of all webhooks, which the config package does not look into,
// and what is not wrong but unwise. Of the options the logger and the cache of modules hold.
func Check(cfg *config.Config, opts Options) (mistakes, warnings config.Errors) {
	modules := newModules(&opts)
	all, mistakes := compile(cfg.All(), modules, opts.Logger)
	for i := range all {
		warnings = slices.Concat(warnings, all[i].warnings, all[i].unwise(cfg.Allow), all[i].unlikely())
		all[i].chain.Close()
	}
	_ = closeModules(modules) // a compilation that goes on harms nobody
	return mistakes, warnings
}

// compile compiles webhooks, as many at a time as there are processors: a module may take a second. Their chains must be closed even where there
// are mistakes. Without modules wasm steps are not looked into.
func compile(webhooks []config.Webhook, modules *transforms.Modules, log *slog.Logger) ([]compiled, config.Errors) {
	all, errs := make([]compiled, len(webhooks)), make([]config.Errors, len(webhooks))
	var expressions [config.WorkflowFile + 1]expression.Compiler // by origin: a project's expressions take nothing from the user's own
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(webhooks)) {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(webhooks)); i = next.Add(1) - 1 {
				all[i].Webhook = webhooks[i]
				errs[i] = all[i].compile(transforms.Compiler{Expressions: &expressions[webhooks[i].Origin], Modules: modules, Log: log})
			}
		})
	}
	working.Wait()
	mistakes := slices.Concat(errs...)
	mistakes.Sort()
	return all, mistakes
}

func (c *compiled) compile(by transforms.Compiler) config.Errors {
	var errs [3]config.Errors
	c.masker = newMasker(&c.Webhook)
	c.filter, errs[0] = compileFilter(&c.Webhook, &by)
	c.orderBy, errs[1] = compileOrderBy(&c.Webhook, &by)
	by.Log = slog.New(c.masker.Handler(by.Log.Handler())).With("webhook", c.Name)
	c.chain, errs[2] = by.Compile(context.Background(), c.Transform)
	c.warnings = by.Warnings
	if n := len(c.chain); n > 0 {
		if f, isFormat := c.chain[n-1].Step.(*transforms.Format); isFormat && f != nil {
			c.format = f.Format
		}
	}
	mistakes := slices.Concat(errs[:]...)
	for _, mistake := range mistakes {
		mistake.Message = c.masker.Text(mistake.Message)
	}
	return mistakes
}

// unlikely warns of globs that match no event that AWF is known to give.
func (c *compiled) unlikely() config.Errors {
	var warnings config.Errors
	for _, text := range c.Events {
		glob, err := filters.ParseGlob(text.Value)
		if why := filters.Unlikely(glob); err == nil && why != "" {
			warning := text.Fail(1, 0, why)
			warning.Warning = true
			warnings = append(warnings, warning)
		}
	}
	return warnings
}

// unwise warns of a URL that no attempt can reach, of one that is not its format's receiver's, and of secrets whose time is over.
func (c *compiled) unwise(allow []netip.Prefix) config.Errors {
	if c.URL.Host() == "" || !c.Enabled { // or its variables are not known
		return nil
	}
	var whys []string
	guard := sender.Guard{Trusted: c.Origin == config.UserFile, Allow: allow}
	if err := guard.CheckHost(c.URL.Host()); err != nil {
		whys = append(whys, err.Error())
	}
	switch {
	case c.format != nil:
		why := c.format.Receiver.Policy.CheckURL(c.URL.Reveal())
		whys = append(whys, cmp.Or(format.CheckHost(c.URL.Reveal(), c.format.Receiver.Name), why))
	case len(c.Transform) == 0:
		whys = append(whys, format.CheckHost(c.URL.Reveal(), ""))
	}
	holds := func(s config.SigningSecret) bool { return s.NotAfter.IsZero() || time.Now().Before(s.NotAfter) }
	if len(c.Secrets) > 0 && !slices.ContainsFunc(c.Secrets, holds) {
		whys = append(whys, "the time of all its secrets is over: no request can be signed")
	}
	var warnings config.Errors
	for _, why := range whys {
		if why != "" {
			warning := c.FailURL(why)
			warning.Warning = true
			warnings = append(warnings, warning)
		}
	}
	return warnings
}

func newModules(opts *Options) *transforms.Modules {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return transforms.NewModules(opts.ModuleCache, opts.Logger)
}

// moduleClose is for how long a compilation that was given up is waited for.
const moduleClose = 10 * time.Second

func closeModules(m *transforms.Modules) error {
	ctx, cancel := context.WithTimeout(context.Background(), moduleClose)
	defer cancel()
	return m.Close(ctx)
}
