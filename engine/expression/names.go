package expression

import (
	"maps"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
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

// payloadTypes holds the types of payload's keys that AWF documents.
var payloadTypes = types.Map{
	"status": types.String, "duration": types.Float64, "exit_code": types.Int, "error": types.String, "user": types.String,
	"parent_id": types.String, "step": types.String, "kind": types.String, "path": types.String, "iteration": types.Int,
	"child_id": types.String, "inputs": types.TypeOf(map[string]any{}), "result": types.Any,
	"resumed": types.Any, "inputs_truncated": types.Any, "synthetic": types.Any, "step_inferred": types.Any, "contradicts": types.Any,
	"attempt": types.Any, "attempts": types.Any, "tokens": types.Any, "seq": types.Any, types.Extra: types.Any,
}

// filterTypes holds the types against which a filter is checked.
var filterTypes = types.Map{
	"event":         types.String,
	"workflow_id":   types.String,
	"workflow_name": types.String,
	"timestamp":     types.TypeOf(time.Time{}),
	"payload":       payloadTypes,
}

// payloadKeys lists the keys of payloadTypes.
var payloadKeys = slices.DeleteFunc(slices.Sorted(maps.Keys(payloadTypes)), func(key string) bool { return key == types.Extra })

// knownValues lists the values that AWF gives to keys. Events of other sources may have others.
var knownValues = map[string][]string{
	"event":          event.Types(),
	"payload.status": {"success", "failure", "cancelled"},
}

// valueTypes adds body and with.
var valueTypes = func() types.Map {
	all := maps.Clone(filterTypes)
	all[roots[body]], all[roots[with]] = types.Any, types.Any
	return all
}()

// Names lists the names that an expression may use: the parts of an event, and payload's documented keys as "payload.status".
func Names() []string {
	names := slices.Concat(fields, roots)
	for _, key := range payloadKeys {
		names = append(names, "payload."+key)
	}
	return names
}
