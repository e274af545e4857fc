package event

import (
	"encoding/json"
	"maps"
	"slices"
)

// savedRun is a run in the JSON that [Joiner.Save] returns.
type savedRun struct {
	runFacts
	Steps []openStep `json:"steps,omitempty"`
}

// Save returns the state of all runs as JSON. No event may be waiting; see [Joiner.Waits].
func (j *Joiner) Save() (json.RawMessage, error) {
	saved := []savedRun{}
	for e := j.runs.recent.Back(); e != nil; e = e.Prev() {
		r := e.Value.(*run)
		saved = append(saved, savedRun{r.runFacts, slices.Collect(maps.Values(r.steps))})
	}
	return json.Marshal(saved)
}

// Restore restores the state that [Joiner.Save] returned.
func (j *Joiner) Restore(state json.RawMessage) error {
	var saved []savedRun
	if err := json.Unmarshal(state, &saved); err != nil {
		return err
	}
	for _, s := range saved {
		r := j.runs.get(s.ID)
		r.runFacts = s.runFacts
		for _, step := range s.Steps {
			j.runs.beginStep(r, step)
		}
	}
	return nil
}

// Learn notes what a past record says, and makes no event of it. A run with only past records never becomes an orphan.
func (j *Joiner) Learn(rec *Record) {
	r, _, _ := j.runs.learn(rec, rec.Timestamp)
	if r == nil {
		return
	}
	r.Live, r.resume = false, resumeNo
	if r.Ended {
		j.runs.endRun(r)
	}
}
