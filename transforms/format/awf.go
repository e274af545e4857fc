package format

import (
	"bytes"
	"slices"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

var awf = Receiver{
	Name:    "awf",
	Summary: "AWF's own envelope with the event's id, for another awf-hook, which knows a repeated event by the id",
	URL:     "https://hooks.example.com/v1/events, another awf-hook, or any receiver of your own",
	Keys: []Key{
		{Name: "max_size", Kind: KindNumber, Min: 4096, Max: 1 << 20, Default: "1048576",
			Is: "the largest body in bytes; the payload is cut to fit"},
	},
	Limits: []Limit{
		{"the body", 1 << 20, Bytes, "what awf-hook reads; `max_size` sets another"},
		{"id", 200, Bytes, "ours; a longer one is hashed"},
	},
	Policy: Policy{
		anyAnswer: true,
		Success:   "2xx",
		Retry:     "429 and 503 with Retry-After",
		Gone:      "410",
	},
	isData: true,
	sample: sample{url: "https://hooks.example.com/v1/events"},
	write: func(m *message) {
		id := jsonbytes.AppendString(nil, eventID(m.values.Event(), m.limit("id")))
		end := `,"id":` + string(id) + "}"
		body := m.envelope(m.maxSize("the body") - len(end))
		m.made.Body = slices.Concat(bytes.TrimSuffix(body, []byte("}")), []byte(end))
	},
}
