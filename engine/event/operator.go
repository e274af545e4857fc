package event

import "slices"

// The types of operator events, which are about awf-hook itself. A webhook gets one only if it names the full type.
const (
	HookLaneClosed    = "hook_lane_closed"
	HookLaneFailing   = "hook_lane_failing"
	HookLaneRecovered = "hook_lane_recovered"
	HookDeadLetter    = "hook_dead_letter"
	HookBacklog       = "hook_backlog"
	HookReloadFailed  = "hook_reload_failed"
)

var operatorTypes = []string{HookLaneClosed, HookLaneFailing, HookLaneRecovered, HookDeadLetter, HookBacklog, HookReloadFailed}

// OperatorTypes lists the types of operator events.
func OperatorTypes() []string { return slices.Clone(operatorTypes) }

// IsOperator reports whether typ is the type of an operator event.
func IsOperator(typ string) bool { return slices.Contains(operatorTypes, typ) }
