package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/event"
)

// maxEvents is how many events a request may have. docs/serve.md names it.
const maxEvents = 10_000

var errTooMany = errors.New("more than " + strconv.Itoa(maxEvents) + " events in a request")

// parsed is a line of a request: its event, or why it has none.
type parsed struct {
	line      int // from 1; in a batch, the number of the event
	event     event.Event
	anonymous bool   // it has no id of its own
	given     string // the id from the client
	known     bool   // a second start or end of a run, which is not an event
	bad       *problem
}

// form says how a request carries its events.
type form struct {
	parse  func(body []byte, now time.Time) ([]parsed, error)
	single bool // one event

	bodiless bool // the body may be empty
}

// formOf returns a request's form. A page on another site can send none of these types without a preflight request.
func formOf(r *http.Request) (form, error) {
	switch typ := mediaType(r); {
	case typ == "application/cloudevents+json":
		return form{parse: parseStructured, single: true}, nil
	case typ == "application/cloudevents-batch+json":
		return form{parse: parseBatch}, nil
	case r.Header.Get("Ce-Specversion") != "": // comes before CloudEvents' content type
		return form{single: true, bodiless: true, parse: func(body []byte, now time.Time) ([]parsed, error) {
			return parseBinary(r, body, now), nil
		}}, nil
	case typ == "application/json":
		return form{parse: parseOne, single: true}, nil
	case typ == "application/x-ndjson", typ == "application/ndjson", typ == "application/jsonl", typ == "application/x-jsonlines":
		return form{parse: parseLines}, nil
	}
	return form{}, errors.New("want the Content-Type application/json, application/x-ndjson, application/cloudevents+json or " +
		"application/cloudevents-batch+json, or a binary CloudEvent")
}

// parseOne parses a body that is one event, in any dialect of AWF, on any number of lines.
func parseOne(body []byte, now time.Time) ([]parsed, error) {
	body = bytes.TrimRight(body, " \t\r\n")
	p := parsed{line: 1}
	var join event.Joiner
	join.Event = func(ev event.Event) { p.event = ev }
	add(&join, body, &p, now)
	join.Flush()
	return []parsed{p}, nil
}

// parseLines parses a body of lines. Lines of the same run complete each other.
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

// add decodes a line and passes its record to the joiner.
func add(join *event.Joiner, line []byte, p *parsed, now time.Time) {
	if len(line) > event.MaxLine {
		p.bad = tooLarge(p.line)
		return
	}
	if at := notUTF8(line); at > 0 {
		p.fail(line, at, errNotUTF8)
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

const errNotUTF8 = "not UTF-8"

// notUTF8 returns the place of the first byte, from 1, at which a text stops being UTF-8; 0 if it is UTF-8.
func notUTF8(text []byte) int {
	if utf8.Valid(text) {
		return 0
	}
	at := 0
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at + 1
}

func tooLarge(line int) *problem {
	return &problem{status: http.StatusRequestEntityTooLarge, text: "the event is over 1 MiB", line: line, column: 1, reason: TooLarge}
}

// shift corrects a mistake's place in a text that follows other text.
func (p *problem) shift(before []byte) {
	if p.line == 1 {
		p.column += len(before) - 1 - bytes.LastIndexByte(before, '\n')
	}
	p.line += bytes.Count(before, []byte("\n"))
}

// fail notes a mistake at a byte of the text, counted from 1.
func (p *parsed) fail(text []byte, at int, why string) {
	line, column := p.line, at
	if before := text[:min(max(0, at-1), len(text))]; bytes.IndexByte(before, '\n') >= 0 {
		line += bytes.Count(before, []byte("\n"))
		column = at - 1 - bytes.LastIndexByte(before, '\n')
	}
	p.bad = &problem{status: http.StatusBadRequest, text: why, line: line, column: column, reason: Bad}
}

// maxID is the longest id that is accepted unchanged.
const maxID = 200

// identify prefixes the clients' ids with the clients' names. Events without id get one that follows from the request's
// key, so that a repeated request is recognized.
func (in *intake) identify() {
	for i := range in.parsed {
		if p := &in.parsed[i]; p.given != "" {
			p.event.ID = event.OwnID(p.given, ofClient+in.source)
		}
	}
	if in.key == "" {
		return
	}
	for i := range in.parsed {
		if p := &in.parsed[i]; p.anonymous && p.bad == nil {
			p.identify(in.source, in.key, in.form.single)
		}
	}
}

// ofClient is the prefix of ids from clients. The client's name follows, so that clients cannot use each other's ids.
const ofClient = "http:"

// identify sets the id of an event whose request has a key. It is the key itself if the request is one event and the key
// is a valid id.
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
