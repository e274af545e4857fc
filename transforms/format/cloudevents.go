package format

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

var cloudEvents = Receiver{
	Name:    "cloudevents",
	Summary: "a CloudEvent (1.0), structured or binary, with the event as its data",
	URL:     "any receiver of CloudEvents",
	Keys: []Key{
		{Name: "mode", Kind: KindChoice, Choices: []string{"structured", "binary", "batch"}, Default: "structured",
			Is: "everything in the body, the attributes in headers `ce-…`, or a batch of one for receivers that take only batches"},
		{Name: "type", Kind: KindText, Default: "`io.github.awf-project.` and the event's type", Is: "the attribute type"},
		{Name: "source", Kind: KindText, Default: "`/awf/` and the workflow's name",
			Is: "the attribute source, a URI reference; anything else is encoded"},
		{Name: "subject", Kind: KindText, Default: "the run's id; for a step also `/` and its path", Is: "the attribute subject"},
		{Name: "max_size", Kind: KindNumber, Min: 4096, Max: 1 << 20, Default: "65536",
			Is: "the largest event in bytes; its data is cut to fit"},
	},
	Limits: []Limit{
		{"the event", 64 << 10, Bytes, "what intermediaries must forward; `max_size` sets another"},
		{"an attribute", 500, Bytes, "ours, percent-encoded"},
	},
	Policy: Policy{
		anyAnswer: true,
		Success:   "2xx",
		Retry:     "429 with Retry-After",
		Gone:      "410",
	},
	isData: true,
	sample: sample{url: "https://events.example.com/awf"},
	write:  writeCloudEvent,
}

// attribute is one of the event's context attributes.
type attribute struct{ name, value string }

func writeCloudEvent(m *message) {
	size := m.maxSize("the event")
	attributes := m.cloudAttributes()
	if m.format.values["mode"].choice == "binary" {
		m.made.ContentType = "application/json"
		for _, a := range attributes {
			header := [2]string{"ce-" + a.name, percentEncode(a.value)}
			m.made.Header = append(m.made.Header, header)
			size -= len(header[0]) + len(header[1]) + len(": \r\n")
		}
		m.put(m.data(size))
		return
	}
	isBatch := m.format.values["mode"].choice == "batch"
	if isBatch {
		size -= len("[]")
	}
	var body jsonbytes.Object
	for _, a := range attributes {
		body.Text(a.name, a.value)
	}
	body.Text("datacontenttype", "application/json")
	body.Raw("data", m.data(size-len(body)-len(`,"data":`)))
	m.made.ContentType, m.made.Body = "application/cloudevents+json; charset=UTF-8", body
	if isBatch {
		m.made.ContentType = "application/cloudevents-batch+json; charset=UTF-8"
		m.put(list{raw(body)})
	}
}

func (m *message) cloudAttributes() []attribute {
	most := m.limit("an attribute")
	subject := m.id
	if step := m.known.path; m.moment.isStep() && step != "" {
		subject += "/" + step
	}
	attributes := []attribute{
		{"specversion", "1.0"},
		{"id", eventID(m.values.Event(), most)},
		{"source", "/awf/" + url.PathEscape(head(m.name, most/8, utf16Units))},
		{"type", "io.github.awf-project." + m.typ},
		{"subject", subject},
		{"time", m.at.UTC().Format(time.RFC3339Nano)},
	}
	filled := attributes[:0]
	for _, a := range attributes {
		given := m.line(a.name)
		if a.name == "source" {
			given = m.reference("source")
		}
		a.value = line(cmp.Or(given, a.value))
		if a.name == "source" && !isURIReference(a.value) {
			a.value = (&url.URL{Path: a.value}).String()
		}
		if len(percentEncode(a.value)) > most {
			a.value = head(a.value, most, func(s string) int { return len(percentEncode(s)) })
			if end := strings.LastIndexByte(a.value, '%'); a.name == "source" && end > len(a.value)-len("%XX") && end > 0 {
				a.value = a.value[:end] // half an escape is no URI
			}
		}
		if a.value != "" {
			filled = append(filled, a)
		}
	}
	return filled
}

// isURIReference reports whether a text has only what RFC 3986 allows in one.
func isURIReference(s string) bool {
	for i := range len(s) {
		if !isWord(s[i]) && strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", s[i]) < 0 {
			return false
		}
	}
	_, err := url.Parse(s)
	return err == nil
}

// percentEncode encodes an attribute for a header, by the HTTP binding:
// spaces, quotes, percent signs and all but printable ASCII become %XX of their UTF-8 bytes.
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
