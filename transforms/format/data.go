package format

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// requestID returns the request's id: the same on every attempt, another one for the same event in another form.
func requestID(m *message) string {
	h := sha256.New()
	h.Write([]byte(m.values.Event().ID))
	h.Write([]byte{0})
	h.Write(m.made.Body)
	return "awf-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// eventID returns the event's id, or a hash of one that is long or has unusual characters.
func eventID(ev *event.Event, most int) string {
	if ev.ID != "" && line(ev.ID) == ev.ID && len(percentEncode(ev.ID)) <= most {
		return ev.ID
	}
	sum := sha256.Sum256([]byte(ev.ID))
	if ev.ID == "" {
		sum = sha256.Sum256(ev.Body())
	}
	return hex.EncodeToString(sum[:])
}

// maxSize returns the most bytes of a body: the option's, or the receiver's limit.
func (m *message) maxSize(limit string) int {
	return cmp.Or(m.format.values["max_size"].number, m.limit(limit))
}

// data returns the output of the previous step, or the event as AWF's envelope, in at most room bytes.
func (m *message) data(room int) raw {
	whole := bytes.TrimSpace(m.body)
	switch {
	case m.body == nil:
		whole = m.values.Event().Body()
	case !json.Valid(whole):
		m.fault = fmt.Errorf("%s: the previous step's output is not JSON", m.format.Receiver.Name)
		return nil
	}
	if len(whole) <= room && isReadable(whole) {
		return whole
	}
	return m.cutEnvelope(room)
}

// envelope returns the event, or the output of the previous step, as AWF's envelope in at most room bytes.
func (m *message) envelope(room int) raw {
	if m.body == nil {
		return m.data(room)
	}
	return m.cutEnvelope(room)
}

// cutEnvelope returns AWF's envelope of the subject in at most room bytes, with its texts and payload cut.
func (m *message) cutEnvelope(room int) raw {
	const longest = 500 // bytes of a text beside the payload
	text := func(s string) raw { return jsonbytes.AppendString(nil, cut(s, longest, jsonSize)) }
	var envelope jsonbytes.Object
	envelope.Raw("event", text(m.typ))
	envelope.Raw("workflow_id", text(m.id))
	envelope.Raw("workflow_name", text(m.name))
	envelope.Raw("timestamp", text(timestamp(m.at)))
	kept := selection{payload: m.payload, room: room - len(envelope) - len(`,"payload":{}`)}
	envelope.Raw("payload", kept.addTo(jsonbytes.Object("{}")))
	return raw(envelope)
}
