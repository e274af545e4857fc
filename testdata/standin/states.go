package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// state is AWF's file of a run's state.
type state map[string]any

// readStates reads the states of a recording that is a folder, by run.
func readStates(path string) map[string]state {
	states := map[string]state{}
	names, err := filepath.Glob(filepath.Join(path, "states", "*.json"))
	must(err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(err)
		var s state
		must(json.Unmarshal(text, &s))
		states[strings.TrimSuffix(filepath.Base(name), ".json")] = s
	}
	return states
}

// saves reports whether AWF saves the run's state before or after a line: before the run's end, and after each step that no other step
// contains. Until its first step has ended, a run has no state.
func (p *player) saves(l line) (before, after bool) {
	var rec struct {
		Event, Type string
		Payload     struct{ Kind string }
	}
	must(json.Unmarshal(l.text, &rec))
	ended := strings.HasSuffix(rec.Type, ".completed")
	switch rec.Payload.Kind {
	case "parallel", "for_each", "while":
		if ended {
			p.holders[l.run]--
		} else {
			p.holders[l.run]++
		}
	}
	return rec.Event == "workflow.completed", ended && p.holders[l.run] == 0
}

// writeState writes the state of a run as it was at a time: without the steps that ended later. A zero time is the end's.
func (p *player) writeState(run string, at time.Time) {
	whole, kept := p.states[run]
	if !kept {
		return
	}
	time.Sleep(p.late)
	now := state{}
	for key, value := range whole {
		now[key] = value
	}
	if !at.IsZero() {
		now["Status"] = "running"
		steps := map[string]any{}
		for name, step := range whole["States"].(map[string]any) {
			ended, err := time.Parse(time.RFC3339Nano, step.(map[string]any)["CompletedAt"].(string))
			must(err)
			if ended.Before(at) {
				steps[name] = step
			}
		}
		now["States"] = steps
	}
	text, err := json.MarshalIndent(now, "", "  ")
	must(err)
	folder := filepath.Join(p.storage, "states")
	must(os.MkdirAll(folder, 0o750))
	must(os.WriteFile(filepath.Join(folder, run+".json"), text, 0o600))
}

// attempts is how often a step of a run, "RUN NAME", was tried, as its state says.
func (p *player) attempts(step string) int {
	run, name, _ := strings.Cut(step, " ")
	steps, _ := p.states[run]["States"].(map[string]any)
	state, _ := steps[name].(map[string]any)
	attempt, _ := state["Attempt"].(float64)
	return int(attempt)
}
