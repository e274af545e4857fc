package expression

import (
	"time"

	"github.com/expr-lang/expr/types"
)

// known are the keys that AWF's payloads have, by their place in the environment.
const (
	keyStatus = iota
	keyDuration
	keyExitCode
	keyError
	keyUser
	keyParentID
	keyStep
	keyKind
	keyPath
	keyIteration
	keyChildID
	keyInputs
	keyResult
	knownKeys
)

// known names them.
var known = [knownKeys]string{"status", "duration", "exit_code", "error", "user", "parent_id", "step", "kind", "path", "iteration",
	"child_id", "inputs", "result"}

// knownIndex finds a known key, -1 for none.
func knownIndex(name string) int {
	for i, key := range known {
		if key == name {
			return i
		}
	}
	return -1
}

// needs says which parts of an event's JSON a program reads: bit i is known[i].
type needs uint32

// env is the environment of a run. Its fields' names have a dot where a user cannot write them.
type env struct {
	Event        string    `expr:"event"`
	WorkflowID   string    `expr:"workflow_id"`
	WorkflowName string    `expr:"workflow_name"`
	Timestamp    time.Time `expr:"timestamp"`
	Payload      *object   `expr:"payload"`
	Body         *object   `expr:"body"`
	With         *object   `expr:"with"`

	Status    any `expr:"payload.status"` // the known keys: nil where the event does not have them
	Duration  any `expr:"payload.duration"`
	ExitCode  any `expr:"payload.exit_code"`
	Error     any `expr:"payload.error"`
	User      any `expr:"payload.user"`
	ParentID  any `expr:"payload.parent_id"`
	Step      any `expr:"payload.step"`
	Kind      any `expr:"payload.kind"`
	Path      any `expr:"payload.path"`
	Iteration any `expr:"payload.iteration"`
	ChildID   any `expr:"payload.child_id"`
	Inputs    any `expr:"payload.inputs"`
	Result    any `expr:"payload.result"`

	Budget *budget `expr:"budget."`
}

// key is the field of a known key.
func (e *env) key(i int) *any {
	return [...]*any{&e.Status, &e.Duration, &e.ExitCode, &e.Error, &e.User, &e.ParentID, &e.Step, &e.Kind, &e.Path, &e.Iteration,
		&e.ChildID, &e.Inputs, &e.Result}[i]
}

// typeEnv is an environment as a user sees it, for checking types.
type typeEnv types.Map

var filterTypes = typeEnv{
	"event":         types.String,
	"workflow_id":   types.String,
	"workflow_name": types.String,
	"timestamp":     types.TypeOf(time.Time{}),
	"payload": types.Map{
		"status": types.String, "duration": types.Float64, "exit_code": types.Int, "error": types.String, "user": types.String,
		"parent_id": types.String, "step": types.String, "kind": types.String, "path": types.String, "iteration": types.Int,
		"child_id": types.String, "inputs": types.TypeOf(map[string]any{}), "result": types.Any, types.Extra: types.Any,
	},
}

// valueTypes has body and with too.
var valueTypes = typeEnv{
	"event": filterTypes["event"], "workflow_id": filterTypes["workflow_id"], "workflow_name": filterTypes["workflow_name"],
	"timestamp": filterTypes["timestamp"], "payload": filterTypes["payload"], "body": types.Any, "with": types.Any,
}
