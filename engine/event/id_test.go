package event_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// envelopeWithID returns the envelope of a writer that gives its event an id.
func envelopeWithID(id string) string {
	return fmt.Sprintf(`{"event":"workflow_start","workflow_id":"x","workflow_name":"w","timestamp":"2026-11-24T01:24:00Z",`+
		`"payload":{},"id":%q}`, id)
}

// A writer gives its event the id that a later line of AWF will have. The line is not taken for a known event because of it. The event
// itself is known when it comes again, even if another awf-hook sends it on under the id that it has here.
func TestGivenIDTakesNoLinesPlace(t *testing.T) {
	const line = `{"event":"workflow.started","execution_id":"run","timestamp":"2026-11-24T03:14:59.220Z",` +
		`"user":"root","workflow_name":"w","schema_version":1}`
	chosen := fmt.Sprintf("%x", sha256.Sum256([]byte(line)))
	plugin := fmt.Sprintf(`{"id":%q,"type":"deploy.done","source":"plugin","timestamp":"2026-11-24T01:24:00Z","metadata":{}}`, chosen)
	ids := func(lines ...string) (ids []string) {
		for _, e := range read(t, strings.NewReader(strings.Join(lines, "\n")+"\n")).events {
			ids = append(ids, e.ID)
		}
		return ids
	}
	got := ids(envelopeWithID(chosen), envelopeWithID(chosen), plugin, line, envelopeWithID("chosen by its writer"))
	if len(got) != 5 {
		t.Fatalf("%d events: %q", len(got), got)
	}
	if got[3] != chosen {
		t.Errorf("the line has the id %s, want its SHA-256 %s", got[3], chosen)
	}
	if got[0] != got[1] || got[0] == chosen || got[2] == chosen {
		t.Errorf("ids %q: want equal ones for equal events, and never the line's", got)
	}
	if got[4] != "chosen by its writer" {
		t.Errorf("id %q, want the one that its writer gave", got[4])
	}
	if sent := ids(envelopeWithID(got[3]), envelopeWithID(got[3])); sent[0] != sent[1] {
		t.Errorf("ids %q of an event that came twice from another awf-hook, want one", sent)
	}
}

// The same id from two sources makes two ids, however the writers spell it.
func TestGivenIDsAreTheirSourcesOwn(t *testing.T) {
	plugin := func(source, id string) string {
		return fmt.Sprintf(`{"id":%q,"type":"deploy.done","source":%q,"timestamp":"2026-11-24T01:24:00Z","metadata":{}}`, id, source)
	}
	of := func(line, source string) string {
		rec, err := event.ParseLine([]byte(line), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if source != "" {
			rec.From(source)
		}
		return rec.ID
	}
	ids := map[string]string{}
	for _, id := range []string{"deploy-7", "deploy-7@emit", "deploy-7@plugin", "deploy-7@file", "a@b@c", "@", "%40",
		strings.Repeat("ab", 32)} {
		for from, got := range map[string]string{
			"stdin": of(envelopeWithID(id), ""), "emit": event.OwnID(id, "emit"), "a file": of(envelopeWithID(id), "file"),
			"a client":                               of(envelopeWithID(id), "http:ci"),
			"a client that is called another source": of(envelopeWithID(id), "http:emit"),
			"a client with an @":                     of(envelopeWithID(id), "http:a@emit"),
			"a plugin":                               of(plugin("notify", id), ""), "another plugin": of(plugin("emit", id), ""),
			"a plugin with an @": of(plugin("x@emit", id), ""),
			"a plugin in a file": of(plugin("notify", id), "file"),
		} {
			if before, taken := ids[got]; taken {
				t.Errorf("%q from %s has the id %q, which %s has too", id, from, got, before)
			}
			ids[got] = from + "'s " + id
		}
	}
	if of(envelopeWithID("deploy-7"), "") != "deploy-7" {
		t.Errorf("the id of an event from stdin is %q, want the one that its writer gave", of(envelopeWithID("deploy-7"), ""))
	}
}

// A sealed envelope keeps its id. An envelope with a changed byte does not.
func TestSealedEnvelopesKeepTheirIDs(t *testing.T) {
	key := []byte("of the test")
	sign := func(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(append(key, text...))) }
	var got event.Event
	read := func(line []byte, sealed func([]byte, string) bool) string {
		r := &event.Reader{Event: func(e event.Event) { got = e }, Sealed: sealed}
		if _, err := r.ReadFrom(strings.NewReader(string(line) + "\n")); err != nil {
			t.Fatal(err)
		}
		return got.ID
	}
	valid := func(text []byte, mark string) bool { return mark == sign(text) }
	for _, id := range []string{"deploy-7", "deploy-7@emit", strings.Repeat("ab", 32)} {
		ev := event.Event{ID: id, Type: "workflow_end", WorkflowName: "w", Timestamp: time.Now(),
			Payload: []byte("\n{\r\n \"a\\n\" : [1,\r2]\n}\n"), Webhooks: []string{"a.yaml#one"}, Source: `ci "1"`}
		line := ev.Sealed(sign)
		if read := read(line, valid); read != id || got.Source != ev.Source {
			t.Errorf("read as %q of %q, want %q of %q: %s", read, got.Source, id, ev.Source, line)
		}
		if want := ` {   "a\n" : [1, 2] } `; strings.TrimSpace(string(got.Payload)) != strings.TrimSpace(want) {
			t.Errorf("the payload is read as %q, want %q", got.Payload, want)
		}
		if read(line, nil); got.Source != "" {
			t.Errorf("without a key the event has the source %q of its seal, want none", got.Source)
		}
		if read(ev.Envelope(), valid); got.Source != "" {
			t.Errorf("an envelope without a seal has the source %q, want none: %s", got.Source, ev.Envelope())
		}
		if plain := read(line, nil); plain == id && id != "deploy-7" {
			t.Errorf("without a key the event kept its id %q", id)
		}
		for i, c := range line {
			if c >= 'a' && c < 'z' {
				changed := append([]byte(nil), line...)
				changed[i]++
				got = event.Event{}
				if read(changed, valid) == id && id != "deploy-7" {
					t.Fatalf("an envelope with another byte kept its id: %s", changed)
				}
			}
		}
	}
}
