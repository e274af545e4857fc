package format

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// The limits of CloudEvents.
const (
	cloudTotal     = 64 << 10 // bytes: what intermediaries must forward
	cloudMost      = 1 << 20
	cloudAttribute = 500 // bytes, after the percent-encoding
)

var cloudEvents = Receiver{
	Name:    "cloudevents",
	Summary: "a CloudEvent (1.0), structured or binary, with the event as its data",
	URL:     "any receiver of CloudEvents",
	Keys: []Key{
		{Name: "mode", Kind: KindChoice, Choices: []string{"structured", "binary"}, Default: "structured", Is: "all in the body, or the attributes as headers `ce-…`"},
		{Name: "type", Kind: KindText, Default: "`io.github.awf-project.` and the event's type", Is: "the attribute type"},
		{Name: "source", Kind: KindText, Default: "`/awf/` and the workflow's name", Is: "the attribute source, a URI reference; what is none is encoded"},
		{Name: "subject", Kind: KindText, Default: "the run's id, of a step `/` and its path", Is: "the attribute subject"},
		{Name: "max_size", Kind: KindNumber, Min: 4096, Max: cloudMost, Default: "65536", Is: "bytes of the event, to which its data is shrunk"},
	},
	Limits: []Limit{
		{"the event", cloudTotal, Bytes, "what intermediaries must forward; `max_size` sets another"},
		{"an attribute", cloudAttribute, Bytes, "ours, percent-encoded"},
	},
	Policy: Policy{
		Success: "2xx",
		Retry:   "429 with Retry-After",
		Gone:    "410",
	},
	isData: true,
	sample: sample{url: "https://events.example.com/awf"},
	write:  writeCloudEvent,
}

// attribute is one of the event's context attributes.
type attribute struct{ name, value string }

func writeCloudEvent(f *Format, m *message) (delivery.Content, error) {
	attributes, err := f.cloudAttributes(m)
	if err != nil {
		return delivery.Content{}, err
	}
	size := cloudTotal
	if given, isGiven := f.values["max_size"]; isGiven {
		size = given.number
	}
	if f.values["mode"].choice == "binary" {
		header := make([][2]string, 0, len(attributes))
		for _, a := range attributes {
			header = append(header, [2]string{"ce-" + a.name, percentEncode(a.value)})
			size -= len("ce-: \r\n") + len(a.name) + len(percentEncode(a.value))
		}
		data, err := cloudData(m, size)
		return delivery.Content{Body: data, ContentType: "application/json", Header: header}, err
	}
	w := newWriter()
	w.open("", '{')
	for _, a := range attributes {
		w.text(a.name, a.value)
	}
	w.text("datacontenttype", "application/json")
	data, err := cloudData(m, size-len(w.b)-len(`,"data":}`))
	w.raw("data", string(data))
	w.close("}")
	return delivery.Content{Body: w.b, ContentType: "application/cloudevents+json; charset=UTF-8"}, err
}

func (f *Format) cloudAttributes(m *message) ([]attribute, error) {
	subject := m.id
	if step := m.known.path; m.moment.isStep() && step != "" {
		subject += "/" + step
	}
	attributes := []attribute{
		{"specversion", "1.0"},
		{"id", cloudID(m.values.Event())},
		{"source", "/awf/" + url.PathEscape(head(m.name, cloudAttribute/8, utf16Units))},
		{"type", "io.github.awf-project." + m.typ},
		{"subject", subject},
		{"time", m.at.UTC().Format(time.RFC3339Nano)},
	}
	filled := attributes[:0]
	for _, a := range attributes {
		given, err := f.line(a.name, m.values)
		if err != nil {
			return nil, err
		}
		if given != "" {
			a.value = given
		}
		a.value = line(a.value)
		if a.name == "source" && !isURIReference(a.value) {
			a.value = (&url.URL{Path: a.value}).String()
		}
		isCut := len(percentEncode(a.value)) > cloudAttribute
		a.value = head(a.value, cloudAttribute, func(s string) int { return len(percentEncode(s)) })
		if end := strings.LastIndexByte(a.value, '%'); isCut && a.name == "source" && end > len(a.value)-len("%XX") && end > 0 {
			a.value = a.value[:end] // half an escape is no URI
		}
		if a.value != "" {
			filled = append(filled, a)
		}
	}
	return filled, nil
}

// cloudID is the event's id: one that is no attribute's value or too long for one is hashed, since ids must stay apart.
func cloudID(ev *event.Event) string {
	if ev.ID != "" && line(ev.ID) == ev.ID && len(percentEncode(ev.ID)) <= cloudAttribute {
		return ev.ID
	}
	sum := sha256.Sum256([]byte(ev.ID))
	if ev.ID == "" {
		sum = sha256.Sum256(ev.Body())
	}
	return hex.EncodeToString(sum[:])
}

// isURIReference says whether a text has only what RFC 3986 allows in one.
func isURIReference(s string) bool {
	for i := range len(s) {
		if !isWord(s[i]) && strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", s[i]) < 0 {
			return false
		}
	}
	_, err := url.Parse(s)
	return err == nil
}

// percentEncode is the HTTP binding's encoding of an attribute in a header:
// a space, a quote, a percent sign and all that is not printable ASCII become %XX of their UTF-8 bytes.
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	clean := true
	for i := range len(s) {
		clean = clean && s[i] > ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '%'
	}
	if clean {
		return s
	}
	b := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// cloudData is the event as AWF's envelope, or what the previous step made, in at most room bytes.
func cloudData(m *message, room int) ([]byte, error) {
	if m.body != nil {
		switch {
		case !json.Valid(m.body):
			return nil, fmt.Errorf("cloudevents: the previous step's output is no JSON")
		case len(m.body) <= room && isReadable(m.body):
			return m.body, nil
		}
	} else if whole := m.values.Event().Body(); len(whole) <= room && isReadable(whole) {
		return whole, nil
	}
	w := newWriter()
	w.open("", '{')
	for _, member := range []struct{ name, value string }{
		{"event", m.typ}, {"workflow_id", m.id}, {"workflow_name", m.name}, {"timestamp", timestamp(m.at)},
	} {
		w.key(member.name)
		w.b = appendString(w.b, shrink(member.value, cloudAttribute, jsonSize))
	}
	w.open("payload", '{')
	w.payload(m.payload, payloadRules{room: room - len(w.b) - len("}}")})
	w.close("}}")
	return w.b, nil
}
