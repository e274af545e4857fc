package event_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

// An event whose writer chose the id of a line that AWF has yet to write does not take that line's place. It is known again itself, also
// where another awf-hook sends it on under the id that it has here.
func TestGivenIDTakesNoLinesPlace(t *testing.T) {
	const line = `{"event":"workflow.started","execution_id":"run","timestamp":"2026-11-24T03:14:59.220Z","user":"root","workflow_name":"w","schema_version":1}`
	chosen := fmt.Sprintf("%x", sha256.Sum256([]byte(line)))
	given := func(id string) string {
		return fmt.Sprintf(`{"event":"workflow_start","workflow_id":"x","workflow_name":"w","timestamp":"2026-11-24T01:24:00Z","payload":{},"id":%q}`, id)
	}
	plugin := fmt.Sprintf(`{"id":%q,"type":"deploy.done","source":"plugin","timestamp":"2026-11-24T01:24:00Z","metadata":{}}`, chosen)
	ids := func(lines ...string) (ids []string) {
		for _, e := range read(t, strings.NewReader(strings.Join(lines, "\n")+"\n")).events {
			ids = append(ids, e.ID)
		}
		return ids
	}
	got := ids(given(chosen), given(chosen), plugin, line, given("chosen by its writer"))
	if len(got) != 5 {
		t.Fatalf("%d events: %q", len(got), got)
	}
	if got[3] != chosen {
		t.Errorf("the line's id is %s, want its SHA-256", got[3])
	}
	if got[0] != got[1] || got[0] == chosen || got[2] == chosen {
		t.Errorf("ids %q: want equal ones for equal events, and never the line's", got)
	}
	if got[4] != "chosen by its writer" {
		t.Errorf("id %q, want it as it was given", got[4])
	}
	if sent := ids(given(got[3]), given(got[3])); sent[0] != sent[1] {
		t.Errorf("ids %q of an event that came twice from another awf-hook, want one", sent)
	}
}
