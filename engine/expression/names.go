package expression

import (
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
	"child_id": types.String, "inputs": types.TypeOf(map[string]any{}), "result": types.Any, types.Extra: types.Any,
}

// filterTypes are the types that a filter is checked against.
var filterTypes = types.Map{
	"event":         types.String,
	"workflow_id":   types.String,
	"workflow_name": types.String,
	"timestamp":     types.TypeOf(time.Time{}),
	"payload":       payloadTypes,
}

// valueTypes has body and with too.
var valueTypes = types.Map{
	"event": filterTypes["event"], "workflow_id": filterTypes["workflow_id"], "workflow_name": filterTypes["workflow_name"],
	"timestamp": filterTypes["timestamp"], "payload": filterTypes["payload"], "body": types.Any, "with": types.Any,
}
