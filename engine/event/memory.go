package event

import (
	"encoding/json"
	"time"
)

// savedRun is a run in the JSON that [Joiner.Save] returns.
type savedRun struct {
	ID         string      `json:"id"`
	Name       string      `json:"name,omitempty"`
	ParentID   string      `json:"parent_id,omitempty"`
	StartedBy  dialect     `json:"started_by,omitempty"`
	Started    time.Time   `json:"started"`
	Seen       time.Time   `json:"seen"`
	StartID    string      `json:"start_id,omitempty"`
	LastID     string      `json:"last_id,omitempty"`
	Ended      bool        `json:"ended,omitempty"`
	Live       bool        `json:"live,omitempty"`
	Nameless   bool        `json:"nameless,omitempty"`
	Transcript bool        `json:"transcript,omitempty"`
	Latest     time.Time   `json:"latest,omitzero"`
	LatestID   string      `json:"latest_id,omitempty"`
	EndType    string      `json:"end_type,omitempty"`
	EndID      string      `json:"end_id,omitempty"`
	Steps      []savedStep `json:"steps,omitempty"`
}

type savedStep struct {
	Path      string    `json:"path"`
	Iteration string    `json:"iteration,omitempty"`
	Name      string    `json:"name,omitempty"`
	Kind      string    `json:"kind,omitempty"`
	At        time.Time `json:"at"`
	ID        string    `json:"id,omitempty"`
	Lossy     bool      `json:"lossy,omitempty"`
}

// Save returns the state of all runs as JSON. No event may be waiting; see [Joiner.Waits].
func (j *Joiner) Save() (json.RawMessage, error) {
	saved := []savedRun{}
	for e := j.runs.recent.Back(); e != nil; e = e.Prev() {
		r := e.Value.(*run)
		s := savedRun{
			ID: r.id, Name: r.name, ParentID: r.parentID, StartedBy: r.startedBy, Started: r.started, Seen: r.seen,
			StartID: r.startID, LastID: r.lastID, Ended: r.ended, Live: r.live, Nameless: r.nameless, Transcript: r.transcript,
			Latest: r.latest, LatestID: r.latestID, EndType: r.endType, EndID: r.endID,
		}
		for _, step := range r.steps {
			s.Steps = append(s.Steps, savedStep{step.key.path, step.key.iteration, step.name, step.kind, step.at, step.id, step.lossy})
		}
		saved = append(saved, s)
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
		r.name, r.parentID, r.startedBy, r.started, r.seen = s.Name, s.ParentID, s.StartedBy, s.Started, s.Seen
		r.startID, r.lastID, r.ended, r.live = s.StartID, s.LastID, s.Ended, s.Live
		r.nameless, r.transcript = s.Nameless, s.Transcript
		r.latest, r.latestID = s.Latest, s.LatestID
		r.endType, r.endID = s.EndType, s.EndID
		for _, step := range s.Steps {
			j.runs.beginStep(r, openStep{stepKey{step.Path, step.Iteration}, step.Name, step.Kind, step.At, step.ID, step.Lossy})
		}
	}
	return nil
}

// Learn takes note of a past record, and makes no event of it. A run with only past records never becomes an orphan.
func (j *Joiner) Learn(rec *Record) {
	r, _, _ := j.runs.learn(rec, rec.Timestamp)
	if r == nil {
		return
	}
	r.live, r.resume = false, resumeNo
	if r.ended {
		j.runs.endRun(r)
	}
}
