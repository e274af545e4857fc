package format

import (
	"cmp"
	"strconv"
)

var splunk = Receiver{
	Name:    "splunk",
	Summary: "an event for Splunk's HTTP Event Collector, with AWF's envelope as its data",
	URL: "https://splunk.example.com:8088/services/collector/event; " +
		"the token goes into `headers: {Authorization: Splunk ${SPLUNK_TOKEN}}`",
	Keys: []Key{
		{Name: "source", Kind: KindText, Default: "awf-hook", Is: "the event's source"},
		{Name: "sourcetype", Kind: KindText, Default: "awf:event", Is: "the event's source type"},
		{Name: "index", Kind: KindText, Default: "the token's own", Is: "the index to write into",
			want: "small letters, digits, _ and -", match: matches(`^[a-z0-9_][a-z0-9_-]{0,79}$`)},
		{Name: "host", Kind: KindText, Is: "the event's host"},
	},
	Limits: []Limit{
		{"the event", 800_000, Bytes, "HEC: maxEventSize is 5 MB unless inputs.conf says otherwise; Splunk Cloud takes 1 MB"},
		{"source, sourcetype, index, host", 200, Characters, "ours"},
	},
	Policy: Policy{
		address: address{path: lacks(`/raw$`),
			objection: "want the collector's path for events, /services/collector/event: the path for raw data keeps the envelope as text"},
		Success: "200 with `\"code\": 0`",
		Retry:   "503: the server is busy",
		answers: answers{reason: []string{"text"}},
	},
	isData: true,
	sample: sample{url: "https://splunk.example.com:8088/services/collector/event", header: `Authorization: "Splunk ${SPLUNK_TOKEN}"`,
		with: []Option{{Name: "index", Value: "awf"}}},
	write: func(m *message) {
		const frame = 2000 // bytes beside the data
		text := func(option, standard string) string {
			return cut(cmp.Or(m.line(option), standard), m.limit("source, sourcetype, index, host"), utf16Units)
		}
		m.put(object{
			{"time", raw(strconv.FormatFloat(float64(m.at.UnixMilli())/1000, 'f', 3, 64))},
			{"host", text("host", "")},
			{"source", text("source", "awf-hook")},
			{"sourcetype", text("sourcetype", "awf:event")},
			{"index", m.permitted("index")},
			{"event", m.data(m.limit("the event") - frame)},
		})
	},
}
