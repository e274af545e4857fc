package main

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/awf-project/awf-hook/"

// mayImport says which packages of this module a package may import. Imports go down from the command, never up or sideways.
var mayImport = map[string]string{
	"cmd/awf-hook": `
		cmd/awf-hook/internal/access cmd/awf-hook/internal/api cmd/awf-hook/internal/author cmd/awf-hook/internal/listen
		cmd/awf-hook/internal/otlp cmd/awf-hook/internal/page cmd/awf-hook/internal/schema cmd/awf-hook/internal/server
		cmd/awf-hook/internal/view docs engine engine/config engine/config/trust engine/delivery engine/event
		engine/expression engine/file engine/jsonbytes engine/lazy engine/legible engine/signature engine/spelling
		engine/trace examples filters transforms/format transforms/wasm`,
	"engine": `
		engine/config engine/delivery engine/event engine/expression engine/file engine/internal/lane
		engine/internal/route engine/internal/sender engine/internal/source engine/internal/store
		engine/internal/store/spill engine/jsonbytes engine/legible engine/secret engine/spelling engine/trace filters
		transforms transforms/format`,
	"engine/config": `
		engine/config/trust engine/delivery engine/expression engine/file engine/jsonbytes engine/lazy engine/legible
		engine/secret engine/signature engine/spelling transforms/format`,
	"engine/internal/lane":         "engine/config engine/delivery engine/internal/store",
	"engine/internal/route":        "engine/config",
	"engine/internal/store":        "engine/delivery engine/event engine/trace",
	"engine/internal/store/memory": "engine/delivery engine/event engine/internal/store",
	"engine/internal/store/spill": `
		engine/delivery engine/internal/store engine/internal/store/memory engine/internal/store/postgres
		engine/internal/store/sqlite`,
	"engine/internal/store/sqlite":    "engine/delivery engine/file engine/internal/store",
	"engine/internal/store/postgres":  "engine/delivery engine/internal/store engine/legible",
	"engine/internal/store/storetest": "engine/delivery engine/event engine/internal/store engine/trace",
	"engine/internal/sender":          "engine/delivery engine/secret engine/signature engine/legible",
	"engine/internal/source":          "engine/event engine/file engine/lazy",
	"transforms": `
		engine/config engine/delivery engine/event engine/expression engine/jsonbytes engine/lazy engine/secret
		transforms/format transforms/wasm`,
	"filters": "engine/event engine/expression engine/spelling",
	"transforms/format": `
		engine/delivery engine/event engine/expression engine/jsonbytes engine/lazy engine/legible engine/spelling`,
	"engine/expression":     "engine/event engine/spelling engine/jsonbytes engine/lazy engine/legible",
	"engine/event":          "engine/jsonbytes engine/trace engine/legible",
	"engine/config/trust":   "engine/file",
	"engine/file":           "",
	"docs":                  "",
	"engine/jsonbytes":      "",
	"engine/trace":          "",
	"engine/delivery":       "engine/event engine/trace engine/legible",
	"engine/secret":         "engine/lazy engine/legible",
	"engine/signature":      "",
	"engine/lazy":           "",
	"engine/legible":        "",
	"engine/spelling":       "engine/legible",
	"examples":              "",
	"transforms/wasm":       "transforms/wasm/meter engine/jsonbytes engine/lazy engine/legible",
	"transforms/wasm/meter": "",
	"transforms/guest":      "",

	"cmd/awf-hook/internal/access": "",
	"cmd/awf-hook/internal/schema": "engine/jsonbytes",
	"cmd/awf-hook/internal/listen": "engine/jsonbytes engine/signature",
	"cmd/awf-hook/internal/otlp":   "engine/trace engine/legible",
	"cmd/awf-hook/internal/page": `
		cmd/awf-hook/internal/access cmd/awf-hook/internal/api cmd/awf-hook/internal/view engine engine/config
		engine/delivery engine/event engine/expression engine/legible`,
	"cmd/awf-hook/internal/view": `
		cmd/awf-hook/internal/access cmd/awf-hook/internal/api engine engine/config engine/delivery engine/event
		engine/expression engine/jsonbytes engine/legible`,
	"cmd/awf-hook/internal/api": "cmd/awf-hook/internal/access engine engine/config engine/delivery engine/jsonbytes engine/spelling",
	"cmd/awf-hook/internal/server": `
		cmd/awf-hook/internal/access cmd/awf-hook/internal/api engine engine/config engine/delivery engine/event engine/jsonbytes engine/lazy
		engine/signature engine/trace`,
	"cmd/awf-hook/internal/author": `
		engine/config engine/event engine/expression engine/file engine/lazy examples transforms transforms/guest
		transforms/wasm`,

	"examples/transforms/slack-go":     "transforms/guest",
	"examples/transforms/pagerduty-go": "transforms/guest",
}

// onlyIn says which packages may import a third-party package; usually one.
var onlyIn = map[string]string{
	"github.com/coreos/go-systemd":       "cmd/awf-hook/internal/server",
	"github.com/prometheus":              "cmd/awf-hook/internal/server",
	"github.com/expr-lang/expr":          "engine/expression",
	"github.com/go-json-experiment/json": "engine/jsonbytes",
	"github.com/sethvargo/go-retry":      "engine/internal/lane",
	"github.com/jackc/pgx/v5":            "engine/internal/store/postgres",
	"github.com/spf13/cobra":             "cmd/awf-hook",
	"github.com/spf13/pflag":             "cmd/awf-hook", // cobra's flags
	"github.com/rogpeppe/go-internal":    "cmd/awf-hook cmd/awf-hook/internal/page",
	"github.com/rivo/uniseg":             "cmd/awf-hook engine/config engine/expression transforms/format",
	"github.com/google/go-cmp":           "engine/internal/store/storetest",
	"golang.org/x/sync":                  "cmd/awf-hook/internal/server",
	"golang.org/x/text":                  "engine/internal/sender",
	"golang.org/x/term":                  "cmd/awf-hook",
	"golang.org/x/sys":                   "cmd/awf-hook engine/internal/store/sqlite engine/internal/source transforms/wasm",
	"github.com/tetratelabs/wazero":      "transforms/wasm",
	"gopkg.in/yaml.v3":                   "engine/config",
	"modernc.org/libc":                   "engine/internal/store/sqlite",
	"modernc.org/sqlite":                 "engine/internal/store/sqlite",
}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		allowed, listed := mayImport[pkg]
		if !listed {
			t.Errorf("%s is not in the table", pkg)
		}
		for _, ours := range strings.Fields(allowed) {
			if !slices.Contains(fields[1:], module+ours) {
				t.Errorf("%s does not import %s any more: take it out of the table", pkg, ours)
			}
		}
		for _, path := range fields[1:] {
			if ours, isOurs := strings.CutPrefix(path, module); isOurs {
				if !slices.Contains(strings.Fields(allowed), ours) {
					t.Errorf("%s imports %s", pkg, ours)
				}
				continue
			}
			if !strings.Contains(path, ".") {
				continue // the standard library
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(onlyIn)), func(third string) bool {
				return (path == third || strings.HasPrefix(path, third+"/")) && slices.Contains(strings.Fields(onlyIn[third]), pkg)
			}) {
				t.Errorf("%s imports %s", pkg, path)
			}
		}
	}
}
