package engine_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/signature"
)

// The receiver verifies what the engine signed.
func Example() {
	const secret = "a secret of ours"
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = signature.Verify(r.Header, body, signature.Standard, time.Now(), secret)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		fmt.Printf("%s:\n%s\n", r.Header.Get("X-AWF-Event"), body)
	}))
	defer receiver.Close()

	variables := map[string]string{"RECEIVER": receiver.URL, "SECRET": secret}
	cfg, err := config.Parse("awf-hook.yaml", []byte(`
webhooks:
  - url: ${RECEIVER}/hook
    events: [workflow_end]
    secret: ${SECRET}
`), func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	eng, err := engine.Open(cfg, engine.Options{Version: "1.0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var running sync.WaitGroup
	running.Go(func() { _ = eng.Run(context.Background()) })

	err = eng.Submit(context.Background(), event.Event{
		Type:         "workflow_end",
		WorkflowID:   "7f3",
		WorkflowName: "deploy",
		Timestamp:    time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Payload:      []byte(`{"status":"success"}`),
	})
	if err != nil {
		fmt.Println(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := eng.Drain(ctx); err != nil {
		fmt.Println(err)
	}
	if err := eng.Close(); err != nil {
		fmt.Println(err)
	}
	running.Wait()
	fmt.Println(eng.Report())
	// Output:
	// workflow_end:
	// {"event":"workflow_end","workflow_id":"7f3","workflow_name":"deploy","timestamp":"2026-03-01T12:00:00Z","payload":{"status":"success"}}
	// 1 event, 1 delivery: 1 delivered, 0 to retry, 0 dead
}
