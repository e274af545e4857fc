package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/trace"
)

// cloudEvent is a CloudEvent 1.0.
type cloudEvent struct {
	of   map[string]string // the attributes that an event can keep, by their names
	data json.RawMessage
}

// attributes are those that an event can keep, and extensions for its trace. The last one is the type of the data in a structured
// CloudEvent.
var attributes = []string{"specversion", "id", "source", "type", "subject", "time", "traceparent", "tracestate", "datacontenttype"}

// badAttribute is a mistake in an attribute or in the data, with its byte in the text, counted from 1.
type badAttribute struct {
	at   int
	text string
}

func (e *badAttribute) Error() string { return e.text }

// placeOf returns the place of a bad attribute, or the one given for other errors.
func placeOf(err error, other int) int {
	if bad := (*badAttribute)(nil); errors.As(err, &bad) {
		return bad.at
	}
	return other
}

// readCloud reads a CloudEvent with its attributes in the text. A repeated attribute is an error, since the client may mean either.
func readCloud(text []byte) (*cloudEvent, error) {
	ce := &cloudEvent{of: map[string]string{}}
	var packed []byte
	seen := map[string]bool{}
	r := jsonbytes.NewReader(text)
	err := r.Members(func(raw []byte) error {
		name := string(raw)
		begin := max(1, r.Offset()-len(raw)-1)
		value, err := r.Raw()
		if err != nil {
			return err
		}
		if !slices.Contains(attributes, name) && name != "data" && name != "data_base64" {
			return nil // an extension, of any kind
		}
		fail := func(why string) error { return &badAttribute{begin, name + ": " + why} }
		if seen[name] {
			return fail("given twice")
		}
		seen[name] = true
		switch kind := jsonbytes.KindOf(value); {
		case name == "data":
			ce.data = value
		case kind == "null": // the same as a missing one
			delete(seen, name)
		case kind != "a string":
			return fail("want a string, got " + kind)
		case name == "data_base64":
			if packed, err = base64.StdEncoding.DecodeString(jsonbytes.String(value)); err != nil {
				return fail("not base64")
			}
		default:
			ce.of[name] = jsonbytes.String(value)
		}
		return nil
	})
	if err == nil && seen["data_base64"] {
		if seen["data"] && jsonbytes.KindOf(ce.data) != "null" {
			return nil, errors.New("want data or data_base64, got both")
		}
		if ce.data, err = dataOf(packed, ce.of["datacontenttype"]); err != nil {
			return nil, errors.New("data_base64: " + err.Error()) // its place is in the decoded data
		}
	}
	return ce, err
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
		p := parsed{line: 1}
		if p.structured(raw, now); p.bad != nil {
			p.bad.shift(body[:r.Offset()-len(raw)])
			p.bad.text = fmt.Sprintf("event %d: %s", len(list)+1, p.bad.text)
		}
		p.line = len(list) + 1
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
	if at := notUTF8(text); at > 0 {
		p.fail(text, at, errNotUTF8)
		return
	}
	if err := jsonbytes.Check(text); err != nil {
		p.fail(text, event.Column(text, err), err.Error())
		return
	}
	ce, err := readCloud(text)
	if err != nil {
		p.fail(text, placeOf(err, 1), err.Error())
		return
	}
	p.cloud(ce, now)
}

// parseBinary parses a CloudEvent with its attributes in headers.
func parseBinary(r *http.Request, body []byte, now time.Time) []parsed {
	p := parsed{line: 1}
	if len(body) > event.MaxLine {
		p.bad = tooLarge(1)
		return []parsed{p}
	}
	ce := &cloudEvent{of: map[string]string{}}
	for _, name := range attributes {
		if name == "datacontenttype" { // it is the header Content-Type
			continue
		}
		var err error
		if ce.of[name], err = headerText(r.Header.Values("Ce-" + name)); err != nil {
			p.fail(nil, 1, "ce-"+name+": "+err.Error())
			return []parsed{p}
		}
	}
	var err error
	if ce.data, err = dataOf(body, r.Header.Get("Content-Type")); err != nil {
		p.fail(body, placeOf(err, event.Column(body, err)), err.Error())
		return []parsed{p}
	}
	p.cloud(ce, now)
	return []parsed{p}
}

// headerText decodes an attribute in a header. A percent sign that encodes nothing is itself.
func headerText(values []string) (string, error) {
	if len(values) > 1 {
		return "", errors.New("given twice")
	}
	if len(values) == 0 {
		return "", nil
	}
	value := values[0]
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = quotedPair().ReplaceAllString(value[1:n-1], "$1")
	}
	if decoded, err := url.PathUnescape(value); err == nil {
		value = decoded
	}
	if !utf8.ValidString(value) {
		return "", errors.New("not UTF-8")
	}
	return value, nil
}

// quotedPair matches an escaped character in a quoted header value.
var quotedPair = lazy.Regexp(`\\(.)`)

// dataOf returns data as JSON: unchanged, as a text, or as base64 if it is not a text in UTF-8.
func dataOf(data []byte, contentType string) (json.RawMessage, error) {
	typ, _, _ := strings.Cut(contentType, ";")
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, nil
	case strings.TrimSpace(typ) == "" || jsonbytes.IsType(contentType):
		return data, checkJSON(data, contentType)
	case !utf8.Valid(data) || !isUTF8(contentType):
		return append(jsonbytes.AppendString([]byte(`{"base64":`), base64.StdEncoding.EncodeToString(data)), '}'), nil
	}
	return jsonbytes.AppendString(nil, string(data)), nil
}

// checkJSON checks that data is JSON in UTF-8.
func checkJSON(data []byte, contentType string) error {
	if at := notASCII(data); at > 0 && !isUTF8(contentType) {
		return &badAttribute{at, errCharset}
	}
	if at := notUTF8(data); at > 0 {
		return &badAttribute{at, errNotUTF8}
	}
	return jsonbytes.Check(data)
}

// cloud turns a CloudEvent into an event. If awf-hook's own format wrote it, cloud restores the original event.
func (p *parsed) cloud(ce *cloudEvent, now time.Time) {
	switch {
	case ce.of["specversion"] != "1.0":
		p.fail(nil, 1, "specversion: want 1.0, got "+strconv.Quote(ce.of["specversion"]))
		return
	case ce.of["id"] == "" || ce.of["source"] == "" || ce.of["type"] == "":
		p.fail(nil, 1, "a CloudEvent needs id, source and type")
		return
	}
	ev := event.Event{ID: cloudID(ce), Type: ce.of["type"], WorkflowName: ce.of["subject"], Timestamp: now.UTC(), Payload: ce.data}
	stamp := ce.of["time"]
	if typ, isOurs := strings.CutPrefix(ce.of["type"], ourType); isOurs && p.unwrap(&ev, typ, ce) {
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
	if own := trace.Parse(ce.of["traceparent"], ce.of["tracestate"]); !own.IsZero() {
		ev.Trace = own
	}
	p.event, p.given = ev, ev.ID
}

// unwrap restores the event in a CloudEvent written by awf-hook: the data is its envelope.
func (p *parsed) unwrap(ev *event.Event, typ string, ce *cloudEvent) bool {
	rec, err := event.ParseLine(ce.data, time.Now())
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
	source := ce.of["source"]
	sum := sha256.Sum256([]byte(strconv.Itoa(len(source)) + ":" + source + ce.of["id"]))
	return "ce_" + hex.EncodeToString(sum[:])
}
