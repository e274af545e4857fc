package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
)

// A called run starts with its caller's step: the program writes both starts, and the transcripts a while later. Each
// called run names its caller.
func TestCallsThatRaceTheirTranscripts(t *testing.T) {
	const script = `
say() { printf '%s\n' "$1"; }
for n in 1 2 3 4 5; do
say '{"event":"workflow.started","execution_id":"top'$n'","timestamp":"2026-11-24T01:24:00.100Z","workflow_name":"top"}' >> $AWF_AUDIT_LOG
say '{"event":"workflow.started","execution_id":"kid'$n'","timestamp":"2026-11-24T01:24:00.100Z","workflow_name":"kid"}' >> $AWF_AUDIT_LOG
sleep 0.05
say '{"seq":1,"run_id":"top'$n'","child_run_id":"kid'$n'","type":"step.call_workflow.started","path":"c","iteration":0,` +
		`"timestamp":"2026-11-24T01:24:00.1001Z","payload":{"name":"c"}}' >> $T/top$n.jsonl
done`
	dir := t.TempDir()
	transcripts := filepath.Join(dir, "data", "awf", "transcripts")
	if err := os.MkdirAll(transcripts, 0o700); err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	child, err := Start(Command{
		Args: []string{"/bin/sh", "-c", script}, Env: []string{"XDG_DATA_HOME=" + filepath.Join(dir, "data"), "T=" + transcripts,
			"PATH=/usr/bin:/bin"},
		Stdin: null, Stdout: null, Stderr: null, Places: NewPlaces(dir, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	parents := map[string]string{}
	take := func(_ context.Context, events []event.Event) error {
		for _, e := range events {
			if e.Type == event.WorkflowStart && e.WorkflowName == "kid" {
				parents[e.WorkflowID] = string(e.Payload)
			}
		}
		return nil
	}
	if err := child.Read(t.Context(), Sink{Events: take}); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 5; n++ {
		if got, want := parents[fmt.Sprint("kid", n)], fmt.Sprintf(`{"parent_id":"top%d"}`, n); got != want {
			t.Errorf("kid%d: %s, want %s", n, got, want)
		}
	}
}
