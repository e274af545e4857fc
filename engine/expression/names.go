package expression

import (
	"maps"
	"slices"
	"time"

	"github.com/expr-lang/expr/types"
)

// Places of an environment's JSON.
const (
	payload = iota
	body
	with
)

var (
	roots  = []string{"payload", "body", "with"}
	fields = []string{"event", "workflow_id", "workflow_name", "timestamp"}
)

// payloadTypes are the keys that AWF gives.
var payloadTypes = types.Map{
	"status": types.String, "duration": types.Float64, "exit_code": types.Int, "error": types.String, "user": types.String,
	"parent_id": types.String, "step": types.String, "kind": types.String, "path": types.String, "iteration": types.Int,
	"child_id": types.String, "inputs": types.TypeOf(map[string]any{}), "result": types.Any,
	"resumed": types.Any, "inputs_truncated": types.Any, "synthetic": types.Any, "step_inferred": types.Any, "contradicts": types.Any,
	"attempt": types.Any, "attempts": types.Any, "tokens": types.Any, "seq": types.Any, types.Extra: types.Any,
}

// filterTypes are the types that a filter is checked against.
var filterTypes = types.Map{
	"event":         types.String,
	"workflow_id":   types.String,
	"workflow_name": types.String,
	"timestamp":     types.TypeOf(time.Time{}),
	"payload":       payloadTypes,
}

// payloadKeys are the names of payloadTypes.
var payloadKeys = slices.DeleteFunc(slices.Sorted(maps.Keys(payloadTypes)), func(key string) bool { return key == types.Extra })

// knownValues are what keys can be where AWF writes them. Events of other sources may have more.
var knownValues = map[string][]string{
	"event": {"workflow_start", "workflow_end", "workflow_error", "workflow_cancel", "step_start", "step_complete", "step_retry",
		"message_user", "message_assistant", "tool_call", "tool_result"},
	"payload.status": {"success", "failure", "cancelled"},
}

// valueTypes has body and with too.
var valueTypes = types.Map{
	"event": filterTypes["event"], "workflow_id": filterTypes["workflow_id"], "workflow_name": filterTypes["workflow_name"],
	"timestamp": filterTypes["timestamp"], "payload": filterTypes["payload"], "body": types.Any, "with": types.Any,
}

// Names lists what an expression may name: the parts of an event, and the keys of payload that AWF gives as "payload.status".
func Names() []string {
	names := slices.Concat(fields, roots)
	for _, key := range payloadKeys {
		names = append(names, "payload."+key)
	}
	return names
}
