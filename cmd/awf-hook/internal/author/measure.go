package author

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/examples"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

// Read reads a module's file, up to what a module may have.
func Read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, most := wasm.Bounds()
	module, err := io.ReadAll(io.LimitReader(f, most.Module+1))
	if err == nil && int64(len(module)) > most.Module {
		err = fmt.Errorf("%s: want at most %d bytes", file, most.Module)
	}
	return module, err
}

// Load reads a module's file and loads it into a sandbox of its own, which done closes with it. Compiled code is kept in
// cacheDir if that can be.
func Load(ctx context.Context, file, cacheDir string, o wasm.Options) (m *wasm.Module, done func(), err error) {
	module, err := Read(file)
	if err != nil {
		return nil, nil, err
	}
	sandbox, err := wasm.New(cacheDir)
	if err != nil {
		sandbox, err = wasm.New("")
	}
	if err == nil {
		m, err = sandbox.Load(ctx, filepath.Base(file), module, o)
	}
	if err != nil {
		return nil, nil, err
	}
	return m, func() {
		m.Close()
		_ = sandbox.Close(ctx) // nothing is being compiled any more
	}, nil
}

// Inspect writes what a module is, for people, and says why it would be refused; nil if it would not.
func Inspect(ctx context.Context, module []byte) (text []byte, refused error) {
	info := wasm.Inspect(module)
	refused = info.Refused
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	line("size", "%d bytes", info.Size)
	line("sha256", "%s", info.Digest)
	if info.Kind != "" {
		line("kind", "%s", info.Kind)
	}
	if info.Functions > 0 {
		line("functions", "%d", info.Functions)
		most := "no end of its own"
		if info.Most > 0 {
			most = fmt.Sprintf("at most %d", info.Most)
		}
		line("memory", "begins with %d bytes, %s", info.Memory, most)
	}
	for _, n := range info.Imports {
		line("import", "%s %s", n.Name, n.Type)
	}
	for _, n := range info.Exports {
		line("export", "%s %s", n.Name, n.Type)
	}
	for _, p := range info.Made {
		line(p.Field, "%s", strings.TrimSpace(p.Name+" "+p.Version))
	}
	if refused == nil {
		var took time.Duration
		if took, refused = compile(ctx, module); refused == nil {
			line("compiled in", "%v", took.Round(100*time.Microsecond))
		}
	}
	if refused != nil {
		line("refused", "%v", refused)
	}
	_ = w.Flush() // into memory
	return b.Bytes(), refused
}

func compile(ctx context.Context, module []byte) (time.Duration, error) {
	sandbox, err := wasm.New("")
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, most := wasm.Bounds()
	m, err := sandbox.Load(ctx, "inspect", module, wasm.Options{Limits: wasm.Limits{Module: most.Module}})
	if err != nil {
		return 0, err
	}
	took := time.Since(start)
	m.Close()
	return took, sandbox.Close(ctx)
}

// Subject is what is measured.
type Subject struct {
	File, Cache string
	Options     wasm.Options
	Events      []*event.Event
}

// measured is a way of making bodies.
type measured struct {
	name         string
	fuel, memory int64 // at most
	run          func(ev *event.Event) error
	best         time.Duration // of an event
}

// Bench measures a module in both isolations, beside a map.
func Bench(ctx context.Context, s Subject) ([]byte, error) {
	var ways []*measured
	for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
		s.Options.Isolation = isolation
		module, done, err := Load(ctx, s.File, s.Cache, s.Options)
		if isolation == wasm.IsolateInstance && errors.Is(err, wasm.ErrModule) {
			continue // a command
		}
		if err != nil {
			return nil, err
		}
		defer done()
		ways = append(ways, ofModule(ctx, "isolation: "+isolation.String(), module))
	}
	reference, err := slack(ctx, "map")
	if err != nil {
		return nil, err
	}
	ways = append(ways, reference)
	if err := inTurns(ways, s.Events); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tfuel\tmemory\tper event\tto map\t\n")
	for _, m := range ways {
		fuel, memory := "-", "-"
		if m.memory > 0 {
			fuel, memory = fmt.Sprint(m.fuel), fmt.Sprintf("%d KiB", m.memory>>10)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%.2fx\t\n", m.name, fuel, memory, m.best.Round(10*time.Nanosecond), m.best.Seconds()/reference.best.Seconds())
	}
	_ = w.Flush() // into memory
	return b.Bytes(), nil
}

func ofModule(ctx context.Context, name string, module *wasm.Module) *measured {
	m := &measured{name: name}
	m.run = func(ev *event.Event) error {
		out, err := module.Transform(ctx, wasm.Input{Event: ev.Body(), Time: ev.Timestamp})
		m.fuel, m.memory = max(m.fuel, out.Fuel), max(m.memory, out.Memory)
		if errors.Is(err, wasm.ErrDrop) {
			return nil
		}
		return err
	}
	return m
}

// slack is the webhook of the name in examples/transforms/same-message.yaml, which makes a Slack message without a module.
func slack(ctx context.Context, webhook string) (*measured, error) {
	const file = "transforms/same-message.yaml"
	text, err := examples.Transforms.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse(file, text, config.NoEnv)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(cfg.Webhooks, func(w config.Webhook) bool { return w.Name == webhook })
	chain, mistakes := transforms.Compile(ctx, cfg.Webhooks[i].Transform, nil, slog.New(slog.DiscardHandler))
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return &measured{name: "a " + webhook, run: func(ev *event.Event) error {
		_, err := chain.Apply(ctx, expression.NewEnv(ev))
		return err
	}}, nil
}

// inTurns runs each way on all events in rounds of some milliseconds, and keeps what an event took in the best: other processes disturb the rest.
func inTurns(ways []*measured, events []*event.Event) error {
	const rounds, length = 60, 10 * time.Millisecond
	for range rounds {
		for _, m := range ways {
			n := 0
			start := time.Now()
			for n == 0 || time.Since(start) < length {
				for _, ev := range events {
					if err := m.run(ev); err != nil {
						return err
					}
					n++
				}
			}
			if took := time.Since(start) / time.Duration(n); m.best == 0 || took < m.best {
				m.best = took
			}
		}
	}
	return nil
}
