package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/trace"
)

// cloudEvent holds the attributes of a CloudEvent 1.0 that an event has a place for.
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject"`
	Time        string          `json:"time"`
	Data        json.RawMessage `json:"data"`
	Base64      *string         `json:"data_base64"`
	ContentType string          `json:"datacontenttype"`
	TraceParent string          `json:"traceparent"` // an extension, as is the next one
	TraceState  string          `json:"tracestate"`
}

// ourType is the prefix of the types that awf-hook's own format writes.
const ourType = "io.github.awf-project."

// parseStructured parses a CloudEvent with its attributes in the body.
func parseStructured(body []byte, now time.Time) ([]parsed, error) {
	p := parsed{line: 1}
	p.structured(body, now)
	return []parsed{p}, nil
}

// parseBatch parses a list of CloudEvents.
func parseBatch(body []byte, now time.Time) ([]parsed, error) {
	var list []parsed
	r := jsonbytes.NewReader(body)
	err := r.Elements(func() error {
		if len(list) == maxEvents {
			return errTooMany
		}
		raw, err := r.Raw()
		if err != nil {
			return err
		}
		p := parsed{line: len(list) + 1}
		p.structured(raw, now)
		list = append(list, p)
		return nil
	})
	if err == nil {
		err = r.End()
	}
	return list, err
}

func (p *parsed) structured(text []byte, now time.Time) {
	if len(text) > event.MaxLine {
		p.bad = tooLarge(p.line)
		return
	}
	if err := jsonbytes.Check(text); err != nil {
		p.fail(text, event.Column(text, err), err.Error())
		return
	}
	var ce cloudEvent
	if err := json.Unmarshal(text, &ce); err != nil {
		p.fail(text, 1, "not a CloudEvent: "+strings.TrimPrefix(err.Error(), "json: "))
		return
	}
	if ce.Base64 != nil {
		data, err := base64.StdEncoding.DecodeString(*ce.Base64)
		if err != nil {
			p.fail(text, 1, "data_base64: not base64")
			return
		}
		if ce.Data, err = dataOf(data, ce.ContentType); err != nil {
			p.fail(text, 1, "data_base64: "+err.Error())
			return
		}
	}
	p.cloud(&ce, now)
}

// parseBinary parses a CloudEvent with its attributes in headers.
func parseBinary(r *http.Request, body []byte, now time.Time) []parsed {
	p := parsed{line: 1}
	if len(body) > event.MaxLine {
		p.bad = tooLarge(1)
		return []parsed{p}
	}
	header := func(name string) string {
		value := r.Header.Get("Ce-" + name)
		if decoded, err := url.PathUnescape(value); err == nil {
			return decoded
		}
		return value
	}
	ce := cloudEvent{
		SpecVersion: header("Specversion"), ID: header("Id"), Source: header("Source"), Type: header("Type"),
		Subject: header("Subject"), Time: header("Time"),
		TraceParent: header("Traceparent"), TraceState: header("Tracestate"),
	}
	var err error
	if ce.Data, err = dataOf(body, r.Header.Get("Content-Type")); err != nil {
		p.fail(body, event.Column(body, err), err.Error())
		return []parsed{p}
	}
	p.cloud(&ce, now)
	return []parsed{p}
}

// dataOf returns data as JSON: unchanged, or as a text.
func dataOf(data []byte, contentType string) (json.RawMessage, error) {
	typ, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	typ = strings.TrimSpace(typ)
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, nil
	case typ == "" || typ == "application/json" || strings.HasSuffix(typ, "+json"):
		return data, jsonbytes.Check(data)
	}
	return jsonbytes.AppendString(nil, string(bytes.ToValidUTF8(data, []byte("\uFFFD")))), nil
}

// cloud turns a CloudEvent into an event. If awf-hook's own format wrote it, cloud restores the original event.
func (p *parsed) cloud(ce *cloudEvent, now time.Time) {
	switch {
	case ce.SpecVersion != "1.0":
		p.fail(nil, 1, "specversion: want 1.0, got "+strconv.Quote(ce.SpecVersion))
		return
	case ce.ID == "" || ce.Source == "" || ce.Type == "":
		p.fail(nil, 1, "a CloudEvent needs id, source and type")
		return
	}
	ev := event.Event{ID: cloudID(ce), Type: ce.Type, WorkflowName: ce.Subject, Timestamp: now.UTC(), Payload: ce.Data}
	stamp := ce.Time
	if typ, isOurs := strings.CutPrefix(ce.Type, ourType); isOurs && p.unwrap(&ev, typ, ce) {
		stamp = ""
	}
	if d := bytes.TrimSpace(ev.Payload); len(d) > 0 && d[0] != '{' { // a payload must be an object
		ev.Payload = append(append([]byte(`{"value":`), d...), '}')
	}
	if stamp != "" {
		restored, err := event.Restore(ev, stamp)
		if err != nil {
			p.fail(nil, 1, "time: want an RFC 3339 time")
			return
		}
		ev = *restored
	}
	if own := trace.Parse(ce.TraceParent, ce.TraceState); !own.IsZero() {
		ev.Trace = own
	}
	p.event, p.given = ev, ev.ID
}

// unwrap restores the event in a CloudEvent written by awf-hook: the data is its envelope.
func (p *parsed) unwrap(ev *event.Event, typ string, ce *cloudEvent) bool {
	rec, err := event.ParseLine(ce.Data, time.Now())
	if err != nil || rec == nil || rec.Type != typ {
		return false
	}
	id := ev.ID
	*ev = rec.Event
	var join event.Joiner
	join.Event = func(whole event.Event) { *ev = whole }
	join.Add(rec, time.Now())
	join.Flush()
	ev.ID = id
	return true
}

// cloudID returns the id of a CloudEvent. Source and id together are unique.
func cloudID(ce *cloudEvent) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(ce.Source)) + ":" + ce.Source + ce.ID))
	return "ce_" + hex.EncodeToString(sum[:])
}
