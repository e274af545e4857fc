package engine_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// Explain runs each step once, as Run does.
func TestExplainRunsEachStepOnce(t *testing.T) {
	var log bytes.Buffer
	cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook("transform: [{wasm: "+guests+"/logs.wasm}]")), config.NoEnv)
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
	ev := newEvent("a")
	submit(t, e, ev)
	drain(t, e)
	want := strings.Count(log.String(), "transform logs")
	log.Reset()
	x := e.Explain(t.Context(), &ev, time.Now())
	if got := strings.Count(log.String(), "transform logs"); got != want || want != 1 {
		t.Errorf("the module logs %d lines in Explain, want %d as in Run:\n%s", got, want, log.String())
	}
	if len(x) != 1 || len(x[0].Steps) != 1 {
		t.Errorf("%+v", x)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// Explain returns each webhook, even if the workflow's definition changes at the same time.
func TestExplainTellsOfEachWebhookOfAChangedDefinition(t *testing.T) {
	t.Chdir(t.TempDir())
	definition := func(n int) string {
		text := "webhooks:\n"
		for i := range n {
			text += fmt.Sprintf("  - {name: own%d, url: 'https://own.test/', filter: event == \"x\"}\n", i)
		}
		return text
	}
	putDefinition(t, "workflows/deploy.yaml", definition(3))
	synctest.Test(t, func(t *testing.T) {
		e := openProject(t, new(calls), new(bytes.Buffer))
		run(t, e)
		ev := eventOf("deploy", "a")
		for n := range 10 {
			putDefinition(t, "workflows/deploy.yaml", definition(1+n%4))
			time.Sleep(3 * time.Second) // meanwhile the folders are read again
			x := e.Explain(t.Context(), &ev, time.Now())
			if len(x) != 2+n%4 {
				t.Fatalf("%d explanations, want %d", len(x), 2+n%4)
			}
			for i := range x {
				if x[i].Webhook == "" || x[i].Place == "" || len(x[i].Events) == 0 || i > 0 && x[i].Filter == nil {
					t.Errorf("the explanation %d is empty: %+v", i, x[i])
				}
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An order_by that fails makes a dead letter, and a preview says so.
func TestPreviewOfAnOrderThatFails(t *testing.T) {
	var outcome engine.Outcome
	cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook(`filter: workflow_id != ""`, "order_by: string(payload.ok + 1)")), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(cfg, engine.Options{OnOutcome: func(o engine.Outcome) { outcome = o }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ev := newEvent("a")
	submit(t, e, ev)
	if dead := e.Report().Dead; dead != 1 {
		t.Fatalf("%d dead letters (%v), want 1", dead, outcome)
	}
	x := e.Explain(t.Context(), &ev, time.Now())
	if x[0].Choice != engine.FilterFailed || !strings.HasPrefix(x[0].Why, "awf-hook.yaml:5:") || x[0].Filter == nil {
		t.Errorf("%s: %q, filter %v, want that order_by fails", x[0].Choice, x[0].Why, x[0].Filter)
	}
}
