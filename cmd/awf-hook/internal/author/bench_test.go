package author

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

const examplesDir = "../../../../examples/transforms/"

// ways returns the seven ways to make the same Slack message: pristine, and warm for those with a module.
func ways(tb testing.TB) (pristine, warm []*measured, sizes []int) {
	tb.Helper()
	for _, name := range []string{"Go", "C", "Rust", "AssemblyScript", "js"} {
		dir := examplesDir + "slack-" + strings.ToLower(name)
		file := filepath.Join(dir, Module)
		if name == "js" {
			file = filepath.Join(dir, "transform.js")
		}
		if name == "Go" {
			file = filepath.Join(tb.TempDir(), Module)
			language, err := LanguageOf(dir)
			if err != nil {
				tb.Fatal(err)
			}
			cmd, err := language.Command(dir, file)
			if err != nil {
				tb.Fatal(err)
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				tb.Fatalf("%v: %s", err, out)
			}
		}
		module, err := Read(file)
		if err != nil {
			tb.Fatal(err)
		}
		sizes = append(sizes, len(module))
		for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
			m, done, err := Load(context.Background(), file, "", wasm.Options{Isolation: isolation})
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(done)
			if isolation == wasm.IsolateEvent {
				pristine = append(pristine, ofModule(context.Background(), name, m))
			} else {
				warm = append(warm, ofModule(context.Background(), name, m))
			}
		}
	}
	for _, name := range []string{"map", "format"} {
		m, err := slack(context.Background(), name)
		if err != nil {
			tb.Fatal(err)
		}
		pristine = append(pristine, m)
	}
	return pristine, warm, sizes
}

// benchEvent is the first of the examples' events.
func benchEvent(tb testing.TB) *event.Event {
	tb.Helper()
	payload := json.RawMessage(`{"status":"failure","duration":12.5,"exit_code":2,"error":"step push: exit code 2"}`)
	ev, err := event.New("workflow_error", "run-1", "deploy", payload)
	if err != nil {
		tb.Fatal(err)
	}
	ev.Timestamp = time.Date(2026, 11, 24, 1, 24, 0, 0, time.UTC)
	return &ev
}

// BenchmarkSlackMessage prints the table in docs/transforms.md.
func BenchmarkSlackMessage(b *testing.B) {
	pristine, warm, sizes := ways(b)
	if err := inTurns(append(append([]*measured{}, pristine...), warm...), []*event.Event{benchEvent(b)}); err != nil {
		b.Fatal(err)
	}
	for i, m := range pristine {
		if i < len(warm) {
			fmt.Printf("| %s | %d | %d | %.0f µs | %.0f µs |\n", m.name, sizes[i], m.worst, warm[i].best.Seconds()*1e6, m.best.Seconds()*1e6)
			b.ReportMetric(m.best.Seconds()*1e6, m.name+"-pristine-µs")
			b.ReportMetric(warm[i].best.Seconds()*1e6, m.name+"-warm-µs")
			continue
		}
		fmt.Printf("| %s | | | %.0f µs | |\n", m.name, m.best.Seconds()*1e6)
	}
	b.ReportMetric(0, "ns/op")
}

// The table in docs/transforms.md has the sizes and the fuel of the committed modules.
func TestDocsSayTheFuel(t *testing.T) {
	docs, err := os.ReadFile("../../../../docs/transforms.md")
	if err != nil {
		t.Fatal(err)
	}
	ev := benchEvent(t)
	for name, file := range map[string]string{
		"C": "slack-c/" + Module, "Rust": "slack-rust/" + Module, "AssemblyScript": "slack-assemblyscript/" + Module,
		"JavaScript": "slack-js/transform.js",
	} {
		file = filepath.Join(examplesDir, file)
		m, done, err := Load(t.Context(), file, "", wasm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		way := ofModule(t.Context(), name, m)
		if err := way.run(ev); err != nil {
			t.Error(err)
		}
		done()
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		row := fmt.Sprintf("| %s | %d | %d |", name, info.Size(), way.worst)
		if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(row)).Match(docs) {
			t.Errorf("docs/transforms.md does not say %s", row)
		}
	}
}
