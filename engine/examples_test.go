package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// failed is an event of the examples.
var failed = event.Event{
	ID: "e1", Type: event.WorkflowError, WorkflowID: "7f3a", WorkflowName: "deploy",
	Timestamp: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Payload: []byte(`{"exit_code":2}`),
}

// configured parses the configuration of an example. Its receiver answers every request with a status.
func configured(text string, status int) (cfg *config.Config, end func()) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	cfg, err := config.Parse("awf-hook.yaml", []byte(strings.ReplaceAll(text, "RECEIVER", receiver.URL)), config.NoEnv)
	if err != nil {
		panic(err)
	}
	return cfg, receiver.Close
}

// delivered runs an engine while feed submits events, and returns its report.
func delivered(cfg *config.Config, opts engine.Options, feed func(ctx context.Context, eng *engine.Engine) error) engine.Report {
	eng, err := engine.Open(cfg, opts)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { _ = eng.Run(ctx) })
	if err := feed(ctx, eng); err != nil {
		fmt.Println(err)
	}
	_ = eng.Drain(ctx) // the report shows what is left
	if err := eng.Close(); err != nil {
		fmt.Println(err)
	}
	running.Wait()
	return eng.Report()
}

// Read takes events out of AWF's output, in any of its dialects, and passes the rest on.
func ExampleEngine_Read() {
	cfg, end := configured("webhooks: [{url: RECEIVER, events: [workflow_end]}]", http.StatusOK)
	defer end()
	output := strings.NewReader(`building …
{"event":"workflow.completed","execution_id":"7f3a","timestamp":"2026-03-01T12:00:00Z",` +
		`"workflow_name":"deploy","status":"success","schema_version":1}
done
`)
	report := delivered(cfg, engine.Options{}, func(ctx context.Context, eng *engine.Engine) error {
		return eng.Read(ctx, engine.Stream{Name: "<stdin>", In: output, Out: os.Stdout})
	})
	fmt.Println(report)
	// Output:
	// building …
	// done
	// 1 event, 1 delivery: 1 delivered, 0 to retry, 0 dead
}

// Commit returns the fate of each event. An event that comes again is known, and not delivered twice.
func ExampleEngine_Commit() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER, events: [workflow_error]}]", http.StatusOK)
	defer end()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	started := failed
	started.ID, started.Type = "e0", event.WorkflowStart
	delivered(cfg, engine.Options{Queue: filepath.Join(folder, "queue.db")}, func(ctx context.Context, eng *engine.Engine) error {
		fates, err := eng.Commit(ctx, []event.Event{started, failed})
		fmt.Println(fates)
		if err == nil {
			fates, err = eng.Commit(ctx, []event.Event{failed})
			fmt.Println(fates)
		}
		return err
	})
	// Output:
	// [unwanted accepted]
	// [known]
}

// Follow submits the events of AWF's own files as they grow, until its context ends.
func ExampleEngine_Follow() {
	cfg, end := configured("webhooks: [{url: RECEIVER, events: [workflow_start]}]", http.StatusOK)
	defer end()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	audit := filepath.Join(folder, "audit.jsonl")
	const line = `{"event":"workflow.started","execution_id":"7f3a","timestamp":"2026-03-01T12:00:00Z",` +
		`"workflow_name":"deploy","schema_version":1}` + "\n"
	if err := os.WriteFile(audit, []byte(line), 0o600); err != nil {
		panic(err)
	}
	arrived := make(chan struct{})
	opts := engine.Options{OnOutcome: func(engine.Outcome) { close(arrived) }}
	report := delivered(cfg, opts, func(ctx context.Context, eng *engine.Engine) error {
		following, stop := context.WithCancel(ctx)
		go func() {
			<-arrived
			stop()
		}()
		return eng.Follow(following, engine.Follow{Paths: []string{audit}, State: folder, FromStart: true})
	})
	fmt.Println(report)
	// Output:
	// 1 event, 1 delivery: 1 delivered, 0 to retry, 0 dead
}

// Start runs a command, and Attend submits the events of its workflows. The command runs as it does alone.
func ExampleStart() {
	cfg, end := configured("webhooks: [{url: RECEIVER, events: [workflow_end]}]", http.StatusOK)
	defer end()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	const script = `echo '{"event":"workflow.completed","execution_id":"7f3a","timestamp":"2026-03-01T12:00:00Z","workflow_name":"deploy",` +
		`"status":"success","schema_version":1}' >"$AWF_AUDIT_LOG"; exit 3`
	var exit engine.Exit
	report := delivered(cfg, engine.Options{}, func(ctx context.Context, eng *engine.Engine) error {
		child, err := engine.Start(engine.Command{Args: []string{"sh", "-c", script}, Stdout: os.Stdout, State: folder})
		if err != nil {
			return err
		}
		if err := eng.Attend(ctx, child, nil); err != nil {
			return err
		}
		<-child.Exited() // returns at once, since Attend waited for it
		if err := child.Settle(); err != nil {
			return err
		}
		exit, err = child.Wait()
		fmt.Println("notes:", len(child.Notes())) // the note says that this run has no transcript
		return err
	})
	fmt.Println("exit code", exit.Code)
	fmt.Println(report)
	// Output:
	// notes: 1
	// exit code 3
	// 1 event, 1 delivery: 1 delivered, 0 to retry, 0 dead
}

// Preview makes the requests of an event without sending them.
func ExampleEngine_Preview() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER, transform: {map: {text: 'exit code {{payload.exit_code}}'}}}]",
		http.StatusOK)
	defer end()
	eng, err := engine.Open(cfg, engine.Options{})
	if err != nil {
		panic(err)
	}
	defer eng.Close()
	for _, p := range eng.Preview(context.Background(), &failed, time.Now()) {
		fmt.Println(p.Webhook, p.Choice, p.Method, string(p.Body))
	}
	// Output: oncall sent POST {"text":"exit code 2"}
}

// Explain shows why: the value of each part of a filter, and which part decided.
func ExampleEngine_Explain() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER, filter: payload.exit_code > 2 and payload.duration > 60}]", http.StatusOK)
	defer end()
	eng, err := engine.Open(cfg, engine.Options{})
	if err != nil {
		panic(err)
	}
	defer eng.Close()
	for _, x := range eng.Explain(context.Background(), &failed, time.Now()) {
		fmt.Println(x.Webhook, x.Choice)
		for _, part := range x.Filter.Parts() {
			if part.Decided {
				fmt.Println(part.Source, "is", part.Value)
			}
		}
	}
	// Output:
	// oncall filtered_out
	// payload.exit_code > 2 is false
}

// Reload replaces the configuration while the engine runs.
func ExampleEngine_Reload() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER, events: [workflow_end]}]", http.StatusOK)
	defer end()
	next, endNext := configured("webhooks: [{name: oncall, url: RECEIVER, events: [workflow_error]}]", http.StatusOK)
	defer endNext()
	report := delivered(cfg, engine.Options{}, func(ctx context.Context, eng *engine.Engine) error {
		if err := eng.Reload(next); err != nil {
			return err
		}
		return eng.Submit(ctx, failed)
	})
	fmt.Println(report)
	// Output: 1 event, 1 delivery: 1 delivered, 0 to retry, 0 dead
}

// OnOutcome receives the outcome of each delivery.
func ExampleOptions() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER}]", http.StatusForbidden)
	defer end()
	opts := engine.Options{OnOutcome: func(o engine.Outcome) {
		fmt.Println(o.Event.WorkflowName, o.Event.Type, o.Outcome, o.Attempt.Status)
	}}
	delivered(cfg, opts, func(ctx context.Context, eng *engine.Engine) error { return eng.Submit(ctx, failed) })
	// Output: deploy workflow_error dead 403
}

// Check finds every mistake in a configuration, including those in expressions.
func ExampleCheck() {
	cfg, err := config.Parse("awf-hook.yaml", []byte("webhooks:\n  - url: https://hooks.example.com/\n    filter: payload.duration > ten\n"),
		config.NoEnv)
	if err != nil {
		panic(err)
	}
	mistakes, _ := engine.Check(cfg, engine.Options{})
	for _, m := range mistakes {
		fmt.Println(m)
	}
	// Output: awf-hook.yaml:3:32: webhooks[0].filter: unknown name ten: want event, workflow_id, workflow_name, timestamp or payload
}

// OpenDeliveries opens the file of a queue, to look at its deliveries and change them.
func ExampleOpenDeliveries() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER}]", http.StatusForbidden)
	defer end()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	queue := filepath.Join(folder, "queue.db")
	delivered(cfg, engine.Options{Queue: queue}, func(ctx context.Context, eng *engine.Engine) error { return eng.Submit(ctx, failed) })

	deliveries, err := engine.OpenDeliveries(queue, "", nil)
	if err != nil {
		panic(err)
	}
	defer deliveries.Close()
	dead := engine.Filter{State: delivery.IsDead}
	items, err := deliveries.List(context.Background(), dead)
	if err != nil {
		panic(err)
	}
	for _, item := range items {
		fmt.Println(item.Delivery.Event, item.Reason)
	}
	replayed, err := deliveries.Replay(context.Background(), dead, engine.Change{})
	fmt.Println(replayed, "replayed", err)
	// Output:
	// workflow_error 403 Forbidden
	// 1 replayed <nil>
}

// Events reads a stream without an engine.
func ExampleEvents() {
	in := strings.NewReader(`{"event":"workflow_end","workflow_id":"7f3a","workflow_name":"deploy",` +
		`"timestamp":"2026-03-01T12:00:00Z","payload":{}}` + "\n")
	err := engine.Events(context.Background(), engine.Stream{Name: "<stdin>", In: in}, func(ev event.Event) {
		fmt.Println(ev.Type, ev.WorkflowName)
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: workflow_end deploy
}

// ProbeAll tries how far it can reach each receiver, without sending a request.
func ExampleProbeAll() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER}]", http.StatusOK)
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, p := range engine.ProbeAll(ctx, cfg, cfg.Webhooks) {
		fmt.Println(p.Webhook, strings.HasPrefix(p.URL, "http://127.0.0.1"))
	}
	// Output: oncall true
}

// Schema helps editors. awf-hook init writes it beside a configuration.
func ExampleSchema() {
	properties := engine.Schema()["properties"].(map[string]any)
	_, has := properties["webhooks"]
	fmt.Println(has)
	// Output: true
}
