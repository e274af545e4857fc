package engine_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
)

// AWF's events name a pack's workflow without its pack, but the command that ran it names the pack. So the pack's definition gets the
// events, and a local definition with the same name does not.
func TestEventsOfAPack(t *testing.T) {
	var log bytes.Buffer
	got := &calls{}
	e := openProject(t, got, &log)
	putDefinition(t, "workflows/deploy.yaml", "name: deploy\nwebhooks: [{name: local, url: 'https://local.test/'}]")
	putDefinition(t, "workflow-packs/ops/workflows/deploy.yaml", "name: deploy\nwebhooks: [{name: pack, url: 'https://pack.test/'}]")
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan error, 1)
	go func() { running <- e.Run(ctx) }()
	for _, tt := range []struct{ run, want string }{{"deploy", "all.test local.test"}, {"ops/deploy", "all.test pack.test"},
		{"gone/deploy", "all.test"}} {
		const write = `{
echo '{"event":"workflow.started","execution_id":"'$2'","timestamp":"2026-11-24T01:24:00Z","workflow_name":"deploy"}'
echo '{"event":"workflow.completed","execution_id":"'$2'","timestamp":"2026-11-24T01:24:01Z",` +
			`"workflow_name":"deploy","status":"success"}'
} >>"$AWF_AUDIT_LOG"`
		child, err := engine.Start(engine.Command{Args: []string{"sh", "-c", write, "awf", "run", tt.run}, State: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Attend(ctx, child, nil); err != nil {
			t.Fatal(err)
		}
		if err := e.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		hosts := map[string]bool{}
		for host := range strings.FieldsSeq(got.took()) {
			hosts[host] = true
		}
		for _, host := range []string{"all.test", "local.test", "pack.test"} {
			if want := strings.Contains(tt.want, host); hosts[host] != want {
				t.Errorf("awf run %s: %s got events: %v, want %v; log %s", tt.run, host, hosts[host], want, log.String())
			}
		}
	}
	cancel()
	<-running
}
