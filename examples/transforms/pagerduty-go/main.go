// An incident in PagerDuty for each workflow that fails, resolved by the workflow's next success. `with` holds the routing_key.
package main

import (
	"encoding/json"
	"errors"

	"github.com/awf-project/awf-hook/transforms/guest"
)

func main() { guest.Main(transform) }

type alert struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Payload    *details `json:"payload,omitempty"`
}

type details struct {
	Summary   string    `json:"summary"`
	Source    string    `json:"source"`
	Severity  string    `json:"severity"`
	Timestamp string    `json:"timestamp"`
	Custom    guest.Raw `json:"custom_details,omitempty"`
}

// maxSummary is PagerDuty's limit, in characters.
const maxSummary = 1024

func transform(event []byte) ([]byte, error) {
	key, ok := guest.Config("routing_key")
	if !ok {
		return nil, errors.New("with: want routing_key")
	}
	var e guest.Event
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	a := alert{RoutingKey: key, Action: "resolve", DedupKey: "awf/" + e.WorkflowName}
	switch e.Type {
	case "workflow_end":
	case "workflow_error":
		a.Action = "trigger"
		a.Payload = &details{cut(e.WorkflowName + " failed: " + e.Payload.Error), "awf", "error", e.Timestamp, e.Payload.Inputs}
	default:
		guest.Log(guest.Debug, "not for PagerDuty: "+e.Type)
		return nil, guest.Drop
	}
	return json.Marshal(a)
}

func cut(s string) string {
	if r := []rune(s); len(r) > maxSummary {
		return string(r[:maxSummary-1]) + "…"
	}
	return s
}
