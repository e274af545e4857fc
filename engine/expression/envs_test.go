package expression_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// A reused environment shows nothing of the event before: no values, no members, and nothing that a failed run left behind.
func TestKeptEnvironmentsAreAsNew(t *testing.T) {
	many := `{"a":1`
	for i := range 100 {
		many += fmt.Sprintf(`,"m%d":%d`, i, i)
	}
	payloads := []string{
		`{"a":"one","b":[1,2,3],"step":"build","duration":"12.5"}`, `{}`, many + `}`, `{"b":[4]}`, ``, `[1]`, `{"a":{"a":2}}`,
		`{"a":1,"a":"last"}`, `"text"`, `{"a":`,
	}
	var programs []*expression.Program
	for _, text := range []string{
		`payload.a`, `payload.b`, `payload`, `workflow_name`, `timestamp`, `payload.m99`, `map(payload.b, # + 1)`, `payload.step`,
		`payload.duration`, `payload.a.a`, `[event, workflow_id]`, `lower(payload.a)`, `body`,
	} {
		p, err := expression.CompileValue(text)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, p)
	}
	var kept expression.Envs
	for i := range 3 * len(payloads) {
		text := payloads[i%len(payloads)]
		e := &event.Event{ID: fmt.Sprint(i), Type: "workflow_end", WorkflowID: fmt.Sprint("run-", i), WorkflowName: strings.Repeat("n", i),
			Timestamp: time.Unix(int64(i), 0)}
		if text != "" {
			e.Payload = []byte(text)
		}
		used, fresh := kept.Of(e), expression.NewEnv(e)
		for n, p := range programs {
			got, gotErr := p.Value(used)
			want, wantErr := p.Value(fresh)
			if fmt.Sprint(got, gotErr) != fmt.Sprint(want, wantErr) {
				t.Errorf("payload %.40s, program %d: %v, %v; want %v, %v as with a new environment", text, n, got, gotErr, want, wantErr)
			}
			if i%2 == 0 {
				used.SetBody([]byte(`{"text":1}`), true, nil)
				fresh.SetBody([]byte(`{"text":1}`), true, nil)
			}
		}
		kept.Keep(used)
	}
}
