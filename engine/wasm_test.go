package engine_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/google/go-cmp/cmp"
)

const guests = "../testdata/wasm/guests"

// The engine sends the body that a module makes, and does not send a dropped event. A failure makes a dead letter.
func TestModulesMakeTheContent(t *testing.T) {
	for _, tt := range []struct {
		name, transform string
		body            string // that arrives; "" for none
		report          string
	}{
		{"echo", "{wasm: " + guests + "/echo.wasm}",
			`{"event":"workflow_end","workflow_id":"run-a","workflow_name":"","timestamp":"2000-01-01T00:00:00Z","payload":{"ok":true}}`,
			"1 delivered, 0 to retry, 0 dead"},
		{"in a chain", "[{wasm: " + guests + "/echo.wasm}, {map: {was: =body.event}}, {wasm: " + guests + "/echo.wasm, isolation: instance}]",
			`{"was":"workflow_end"}`, "1 delivered, 0 to retry, 0 dead"},
		{"its configuration", "{wasm: " + guests + "/abi.wasm, with: {do: config, big: 12345678901234567890, list: [1, a], deep: {b: true}}}",
			`{"big":12345678901234567890,"deep":{"b":true},"do":"config","list":[1,"a"]}`, "1 delivered, 0 to retry, 0 dead"},
		{"text", "{wasm: " + guests + "/abi.wasm, with: {do: number, number: not JSON}, content_type: text/plain}", "not JSON",
			"1 delivered, 0 to retry, 0 dead"},
		{"drop", "{wasm: " + guests + "/abi.wasm, with: {do: drop}}", "", "0 delivered, 0 to retry, 0 dead, 1 dropped"},
		{"failure", "{wasm: " + guests + "/abi.wasm, with: {do: fail}}", "", "0 delivered, 0 to retry, 1 dead"},
		{"endless loop", "{wasm: ../testdata/wasm/hostile/loop.wasm}", "", "0 delivered, 0 to retry, 1 dead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
					body, _ := io.ReadAll(r.Body)
					bodies = append(bodies, string(body))
					return answer(http.StatusOK)
				}), oneHook("transform: "+tt.transform))
				run(t, e)
				submit(t, e, newEvent("a"))
				drain(t, e)
				var want []string
				if tt.body != "" {
					want = []string{tt.body}
				}
				if diff := cmp.Diff(want, bodies); diff != "" {
					t.Errorf("bodies (-want +got):\n%s", diff)
				}
				if got := e.Report().String(); got != "1 event, 1 delivery: "+tt.report {
					t.Errorf("report %q, want %q", got, tt.report)
				}
			})
		})
	}
}

// A dead letter names the limit that was exceeded, and the fuel. explain shows the fuel of successes too.
func TestModulesFaultsAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "queue.db")
	cfg, err := config.Parse("awf-hook.yaml",
		[]byte(oneHook("transform: {wasm: ../testdata/wasm/hostile/loop.wasm, limits: {fuel: 200000}}")), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(cfg, engine.Options{Queue: file})
	if err != nil {
		t.Fatal(err)
	}
	run(t, e)
	ev := newEvent("a")
	submit(t, e, ev)
	drain(t, e)
	x := e.Explain(t.Context(), &ev, time.Now())
	if step := x[0].Steps[0]; step.Fuel != 200_000 || !strings.HasPrefix(step.Failure,
		"out of fuel: limit 200000, the step's own; limits: {fuel: N} sets another, up to 2000000000, in ") {
		t.Errorf("explained with fuel %d and the failure %q, want 200000, and the limit in the failure", step.Fuel, step.Failure)
	}
	d, err := engine.OpenDeliveries(file, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	list, err := d.List(t.Context(), engine.Filter{})
	if err != nil || len(list) != 1 || !strings.HasPrefix(list[0].Reason,
		"transform 1, wasm: out of fuel: limit 200000, the step's own; limits: {fuel: N} sets another, up to 2000000000, in ") {
		t.Errorf("listed %+v, %v, want one dead letter that names the limit", list, err)
	}
	if lanes, err := d.Lanes(t.Context()); err != nil || len(lanes) != 1 || lanes[0].FuelPercent != 100 {
		t.Errorf("lanes %+v, %v, want one whose module used 100 %% of its fuel", lanes, err)
	}
}

// A module's log shows no secret of the module's configuration, whatever the module does with it.
func TestModulesLogsAreMasked(t *testing.T) {
	for _, tt := range []struct{ with, secret, want string }{
		{"'${SECRET}'", "s3cr3t-of-the-test", "key " + engine.Masked},
		{"'${SECRET}'", "s3cr3t-of\n\tthe-test\n", "key " + engine.Masked},
		{"{in: '${SECRET}'}", `s3cr3t "of" <the> & \test`, engine.Masked},
		{"{in: '${SECRET}'}", "s3cr3t-of\nthe-test", engine.Masked},
		{"'a ${SECRET}'", "s3cr3t-of", "key " + engine.Masked},
	} {
		if got := logOf(t, tt.with, tt.secret); strings.Count(got, tt.want) != 2 || !strings.Contains(got,
			"webhook=one") || strings.Contains(got, "s3cr3t") || strings.Contains(got, "the-test") {
			t.Errorf("with %s and the secret %q, want it masked as %q, twice: logged %s", tt.with, tt.secret, tt.want, got)
		}
	}
}

// logOf returns the log of a module that logs its configuration, which has the secret, and fails with it.
func logOf(t *testing.T, with, secret string) string {
	t.Helper()
	var log bytes.Buffer
	text := oneHook("transform: [{wasm: " + guests + "/logs.wasm, with: {key: " + with + "}}]")
	cfg, err := config.Parse("awf-hook.yaml", []byte(text), func(string) (string, bool) { return secret, true })
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(cfg, engine.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return answer(http.StatusOK)
		})})
	if err != nil {
		t.Fatal(err)
	}
	run(t, e)
	submit(t, e, newEvent("a"))
	drain(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return log.String()
}

// If awf-hook cannot keep compiled modules, it says so and compiles them each time.
func TestModulesRunWithoutACache(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook("transform: {wasm: "+guests+"/echo.wasm}")), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{folder, filepath.Join(folder, "cache")} {
		e, err := engine.Open(cfg, engine.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), ModuleCache: dir})
		if err != nil {
			t.Fatal(err)
		}
		ev := newEvent("a")
		if p := e.Preview(context.Background(), &ev, time.Now()); p[0].Choice != engine.Sent {
			t.Errorf("with the cache in %s the event is not sent: %s", dir, p[0].Why)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Count(log.String(), "cannot keep compiled modules"); got != 1 {
		t.Errorf("the log says %d times that modules cannot be kept, want once:\n%s", got, log.String())
	}
	if kept, _ := filepath.Glob(filepath.Join(folder, "cache", "*")); len(kept) == 0 {
		t.Error("no module was kept in a folder that awf-hook made")
	}
}
