package format_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const recordings = "../../testdata/events"

// recorded returns the first event of each type in the recorded runs, and also a failed step and a cancelled run.
func recorded(t testing.TB) map[string]event.Event {
	t.Helper()
	files, err := filepath.Glob(recordings + "/*.*")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	first := map[string]event.Event{}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "sse-") {
			continue // its events have the time of receipt
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r := &event.Reader{Name: file, Pass: func([]byte) {}, Broken: func(err *event.LineError) { t.Error(err) }, Event: func(e event.Event) {
			name := e.Type
			if bytes.Contains(e.Payload, []byte(`"status":"failure"`)) && name == event.StepComplete {
				name += " failed"
			}
			if _, known := first[name]; !known {
				first[name] = e
			}
		}}
		if _, err := r.ReadFrom(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	cancelled := first[event.WorkflowError] // AWF's line of a run that was interrupted
	cancelled.Type = event.WorkflowCancel
	cancelled.Payload = []byte(`{"status":"cancelled","duration":1.204,"error":"workflow cancelled"}`)
	first[event.WorkflowCancel] = cancelled
	return first
}

// required has the options that each format needs.
var required = map[string][]format.Option{
	"pagerduty":     {option("routing_key", strings.Repeat("k", 32))},
	"telegram":      {option("chat_id", "-1001234567890")},
	"ntfy":          {option("topic", "awf")},
	"matrix":        {option("room", "!awf:example.org")},
	"zulip":         {option("channel", "deployments")},
	"github-status": {option("sha", strings.Repeat("0123456789", 4))},
	"gitlab":        {option("token", "glptt-1"), option("ref", "main")},
}

// with returns the options that a format needs, and more.
func with(name string, more ...format.Option) []format.Option {
	return append(slices.Clip(required[name]), more...)
}

func open(t testing.TB, name string, options ...format.Option) *format.Format {
	t.Helper()
	kind, known := format.Lookup(name)
	if !known {
		t.Fatal(format.Unknown(name))
	}
	f, mistakes := kind.New(options)
	if len(mistakes) > 0 {
		t.Fatalf("%s: %v", name, mistakes)
	}
	return f
}

func content(t testing.TB, f *format.Format, e event.Event) delivery.Content {
	t.Helper()
	c, err := f.Content(expression.NewEnv(&e), nil)
	if err != nil {
		t.Fatalf("%s: %s: %v", f.Receiver.Name, e.Type, err)
	}
	return c
}

// show returns a content in a form for people.
func show(t testing.TB, c delivery.Content) string {
	t.Helper()
	if c.Body == nil {
		return "(nothing)\n"
	}
	var b strings.Builder
	if c.URLSuffix != "" {
		fmt.Fprintf(&b, "URL + %s\n", c.URLSuffix)
	}
	if c.ContentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\n", c.ContentType)
	}
	for _, h := range c.Header {
		fmt.Fprintf(&b, "%s: %s\n", h[0], h[1])
	}
	b.WriteString(pretty(t, c) + "\n")
	return b.String()
}

// pretty returns a body in a form for people: indented JSON, or the fields of a form.
func pretty(t testing.TB, c delivery.Content) string {
	t.Helper()
	if c.ContentType == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(c.Body))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(form)) {
			fmt.Fprintf(&b, "%s = %s\n", name, form.Get(name))
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
	var b bytes.Buffer
	if err := json.Indent(&b, c.Body, "", "  "); err != nil {
		t.Fatalf("%v in %s", err, c.Body)
	}
	return b.String()
}

var moments = []string{event.WorkflowStart, event.WorkflowEnd, event.WorkflowError, event.WorkflowCancel, event.StepStart,
	event.StepComplete, event.StepComplete + " failed"}

// The golden files have the message of each format for each type of recorded event.
func TestGoldenMessages(t *testing.T) {
	events := recorded(t)
	for _, name := range append(format.Names(), "cloudevents-binary", "cloudevents-batch") {
		t.Run(name, func(t *testing.T) {
			_, mode, hasMode := strings.Cut(name, "cloudevents-")
			options := with(name)
			kind := name
			if hasMode {
				kind, options = "cloudevents", []format.Option{option("mode", mode)}
			}
			if kind == "pagerduty" {
				options = append(options, format.Option{Name: "dedup", Value: "step"})
			}
			f := open(t, kind, options...)
			var b strings.Builder
			for _, moment := range moments {
				e, found := events[moment]
				if !found {
					t.Fatalf("no %s was recorded", moment)
				}
				e.ID = "event-1" // an event without an id gets a new one each time
				fmt.Fprintf(&b, "== %s\n%s\n", moment, show(t, content(t, f, e)))
			}
			golden(t, "testdata/golden/"+name+".txt", b.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// ordinary returns an event as AWF makes it.
func ordinary() event.Event {
	return event.Event{
		ID: "01930000-0000-7000-8000-000000000000", Type: event.WorkflowError,
		WorkflowID: "6cf6d88c-6044-4429-b785-d32c4f207071", WorkflowName: "deploy-production",
		Timestamp: time.Date(2026, 11, 24, 2, 19, 36, 168e6, time.UTC),
		Payload: []byte(`{"status":"failure","duration":123.456,"exit_code":42,` +
			`"error":"/bin/bash: line 1: kubectl: command not found\nexit code 127"}`),
	}
}
