package server

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// maxEvents is how many events one request may have. docs/serve.md names it.
const maxEvents = 10_000

var errTooMany = errors.New("more than " + strconv.Itoa(maxEvents) + " events in a request")

// parsed is a line of a request: its event, or why there is none.
type parsed struct {
	line      int // from 1; of a batch the number of the event
	event     event.Event
	anonymous bool   // it has no id of its own
	given     string // the id that the client gave it
	known     bool   // a second start or end of a run, which is no event
	bad       *problem
}

// form is how a request carries its events.
type form struct {
	parse  func(body []byte, now time.Time) ([]parsed, error)
	single bool // one event
}

// formOf says how a request carries its events. A page of another site cannot send any of these types without asking first.
func formOf(r *http.Request) (form, error) {
	switch typ := mediaType(r); {
	case typ == "application/cloudevents+json":
		return form{parseStructured, true}, nil
	case typ == "application/cloudevents-batch+json":
		return form{parseBatch, false}, nil
	case r.Header.Get("Ce-Specversion") != "": // CloudEvents' own type goes before it
		return form{func(body []byte, now time.Time) ([]parsed, error) { return parseBinary(r, body, now), nil }, true}, nil
	case typ == "application/json":
		return form{parseOne, true}, nil
	case typ == "application/x-ndjson", typ == "application/ndjson", typ == "application/jsonl", typ == "application/x-jsonlines":
		return form{parseLines, false}, nil
	}
	return form{}, errors.New("want the Content-Type application/json, application/x-ndjson, application/cloudevents+json or " +
		"application/cloudevents-batch+json, or a binary CloudEvent")
}

// parseOne reads a body that is one event, of any dialect of AWF's, on any number of lines.
func parseOne(body []byte, now time.Time) ([]parsed, error) {
	body = bytes.TrimRight(body, " \t\r\n")
	p := parsed{line: 1}
	var join event.Joiner
	join.Event = func(ev event.Event) { p.event = ev }
	add(&join, body, &p, now)
	join.Flush()
	return []parsed{p}, nil
}

// parseLines reads a body of lines. Lines of one run tell about each other.
func parseLines(body []byte, now time.Time) ([]parsed, error) {
	var list []parsed
	at := map[int]int{} // by line
	number := 0
	var join event.Joiner
	join.Event = func(ev event.Event) { list[at[ev.Line()]].event = ev }
	for line := range bytes.Lines(body) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if len(list) == maxEvents {
			return nil, errTooMany
		}
		at[number] = len(list)
		list = append(list, parsed{line: number})
		add(&join, line, &list[len(list)-1], now)
	}
	join.Flush()
	return list, nil
}

// add decodes a line and gives its record to the joiner.
func add(join *event.Joiner, line []byte, p *parsed, now time.Time) {
	if len(line) > event.MaxLine {
		p.bad = tooLarge(p.line)
		return
	}
	rec, err := event.ParseLine(line, now)
	switch {
	case err != nil:
		p.fail(line, event.Column(line, err), err.Error())
	case rec == nil:
		p.fail(line, 1, "not an event of a known dialect")
	default:
		rec.SetLine(p.line)
		p.event, p.anonymous, p.given = rec.Event, rec.Anonymous(), rec.Given()
		p.known = !join.Add(rec, now)
	}
}

func tooLarge(line int) *problem {
	return &problem{status: http.StatusRequestEntityTooLarge, text: "the event is over 1 MiB", line: line, column: 1, reason: TooLarge}
}

// fail notes a mistake at a byte, from 1, of what was parsed.
func (p *parsed) fail(text []byte, at int, why string) {
	line, column := p.line, at
	if before := text[:min(max(0, at-1), len(text))]; bytes.IndexByte(before, '\n') >= 0 {
		line += bytes.Count(before, []byte("\n"))
		column = at - 1 - bytes.LastIndexByte(before, '\n')
	}
	p.bad = &problem{status: http.StatusBadRequest, text: why, line: line, column: column, reason: Bad}
}

// maxID is the longest id that is taken as it is.
const maxID = 200

// identify makes the ids that the client gave its own. It gives ids to the events that have none, by what the client says of its
// request, so that a request that is sent again is known.
func (in *intake) identify() {
	for i := range in.parsed {
		if p := &in.parsed[i]; p.given != "" {
			p.event.ID = event.OwnID(p.given, ofClient+in.source)
		}
	}
	h := in.request.Header
	key := cmp.Or(h.Get("Idempotency-Key"), h.Get("Webhook-Id"))
	if key == "" {
		return
	}
	for i := range in.parsed {
		if p := &in.parsed[i]; p.anonymous && p.bad == nil {
			p.identify(in.source, key, in.form.single)
		}
	}
}

// ofClient stands before the name of a client in the ids that it gives: each has ids of its own.
const ofClient = "http:"

// identify gives the id to an event whose request has a key: the key itself, where the request is one event and the key can be an id.
func (p *parsed) identify(source, key string, single bool) {
	if single && source == signedSource && isID(key) {
		p.given, p.event.ID = key, event.OwnID(key, ofClient+source)
		return
	}
	sum := sha256.Sum256([]byte(strconv.Itoa(len(source)) + ":" + source + strconv.Itoa(p.line) + ":" + key))
	p.event.ID = hex.EncodeToString(sum[:])
}

func isID(s string) bool {
	return len(s) <= maxID && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '.' })
}
