package server

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/trace"
)

const (
	busyWait  = time.Second      // Retry-After if memory is short
	storeWait = 5 * time.Second  // Retry-After if the store does not take events
	drainWait = 10 * time.Second // Retry-After if the server is stopping
)

// commitTimeout is how long the queue may take to store the events of a request.
const commitTimeout = answerTimeout / 2

// result says what happened to an event, in the order of the request.
type result struct {
	Line  int    `json:"line"`
	ID    string `json:"id,omitempty"`
	Fate  string `json:"fate"`
	Error string `json:"error,omitempty"` // of a bad line, with ?partial=1
}

// receipt is the answer to stored events.
type receipt struct {
	Accepted int      `json:"accepted"`
	Known    int      `json:"known"`
	Results  []result `json:"results"`
}

// events accepts events. It answers when they are stored.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodOptions:
		validate(w, r)
		return
	default:
		w.Header().Set("Allow", "POST, OPTIONS")
		problem{status: http.StatusMethodNotAllowed, text: "want POST"}.write(w)
		return
	}
	held := share{of: s.bodies}
	defer held.end()
	in := intake{server: s, gate: s.gate.Load(), request: r, share: &held}
	span := in.beginSpan()
	answered, refused := in.take()
	in.endSpan(span, refused)
	if refused != nil {
		if s.Refused != nil {
			s.Refused(in.source, refused.reason, max(1, len(in.parsed)))
		}
		refused.write(w)
		return
	}
	answer(w, http.StatusAccepted, answered)
}

// validate answers a CloudEvents sender that asks whether it may send. Everybody with a token may.
func validate(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Allow", "POST, OPTIONS")
	if origin := r.Header.Get("WebHook-Request-Origin"); origin != "" {
		h.Set("WebHook-Allowed-Origin", origin)
		h.Set("WebHook-Allowed-Rate", "*")
	}
	w.WriteHeader(http.StatusOK)
}

// intake processes one request.
type intake struct {
	server  *Server
	gate    *gate
	request *http.Request
	share   *share
	sender
	trace   trace.Context // the parent of events that name none
	form    form
	partial bool   // take the good events of a request with bad ones
	key     string // by which a request that is sent again is known; "" for none
	once    bool   // the key is an Idempotency-Key: it must not come with another body
	parsed  []parsed
}

// take processes the request, or says why not.
func (in *intake) take() (*receipt, *problem) {
	s, r := in.server, in.request
	var err error
	in.sender, err = in.gate.sender(r)
	switch {
	case errors.Is(err, errNoSender):
		return nil, &problem{status: http.StatusForbidden, text: err.Error(), reason: Unauthorized}
	case err != nil:
		return nil, &problem{status: http.StatusUnauthorized, text: err.Error(), reason: Unauthorized}
	}
	if s.stopped.Load() {
		return nil, &problem{status: http.StatusServiceUnavailable, text: "the server ends", retryAfter: drainWait, reason: Full}
	}
	if in.form, err = formOf(r); err != nil {
		return nil, &problem{status: http.StatusUnsupportedMediaType, text: err.Error(), reason: Bad}
	}
	if err = in.settings(); err != nil {
		return nil, &problem{status: http.StatusBadRequest, text: err.Error(), reason: Bad}
	}
	rate := in.gate.rates[in.source]
	if wait := rate.wait(time.Now()); wait > 0 {
		return nil, &problem{status: http.StatusTooManyRequests, text: "over the rate of " + in.source, retryAfter: wait, reason: Limited}
	}
	body, refused := in.body()
	if refused != nil {
		return nil, refused
	}
	if refused = in.parse(body); refused != nil {
		return nil, refused
	}
	rate.take(len(in.parsed))
	return in.commit()
}

const idempotencyKey = "Idempotency-Key"

// single are the headers that a request may have once.
var single = []string{"Content-Type", "Content-Encoding", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", idempotencyKey}

// settings reads a request's parameters and headers. A repeated or unknown one is an error, since the client may mean anything by it.
func (in *intake) settings() error {
	query, err := url.ParseQuery(in.request.URL.RawQuery)
	if err != nil {
		return errors.New("the query of the address is malformed")
	}
	for name, values := range query {
		if name != "partial" {
			return fmt.Errorf("there is no parameter %.40q: want partial=1 or none", name)
		}
		if in.partial = values[0] == "1"; len(values) > 1 || !in.partial && values[0] != "0" {
			return errors.New("partial: want 1 or 0, once")
		}
	}
	header := in.request.Header
	for _, name := range single {
		if values := header.Values(name); len(values) > 1 {
			return errors.New(name + ": given twice")
		}
	}
	for _, name := range []string{"Webhook-Id", idempotencyKey} { // the last one takes precedence
		if values := header.Values(name); len(values) == 1 {
			if in.key, in.once = values[0], name == idempotencyKey; in.key == "" {
				return errors.New(name + ": empty")
			}
		}
	}
	return nil
}

// body reads the body, verifies its signature and decompresses it.
func (in *intake) body() ([]byte, *problem) {
	r := in.request
	body, err := in.share.read(r.Body, r.ContentLength)
	if err != nil {
		return nil, unread(err)
	}
	if in.signed {
		if err := in.gate.verify(r, body); err != nil {
			return nil, &problem{status: http.StatusUnauthorized, text: err.Error(), reason: Unauthorized}
		}
	}
	switch coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		packed, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			if body, err = in.share.read(packed, -1); err == nil {
				return body, nil
			}
		}
		if errors.Is(err, errTooLarge) || errors.Is(err, errBusy) {
			return nil, unread(err)
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("no event in the body")
		}
		return nil, &problem{status: http.StatusBadRequest, text: "gzip: " + strings.TrimPrefix(err.Error(), "gzip: "), reason: Bad}
	default:
		return nil, &problem{status: http.StatusUnsupportedMediaType, text: "want gzip or no Content-Encoding", reason: Bad}
	}
}

// unread says why a body was not read.
func unread(err error) *problem {
	switch {
	case errors.Is(err, errTooLarge):
		return &problem{status: http.StatusRequestEntityTooLarge, text: err.Error(), reason: TooLarge}
	case errors.Is(err, errBusy):
		return &problem{status: http.StatusServiceUnavailable, text: err.Error(), retryAfter: busyWait, reason: Full}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{status: http.StatusRequestTimeout, text: "the body did not come in time", reason: Bad}
	}
	return &problem{status: http.StatusBadRequest, text: "the body ended early", reason: Bad}
}

// parse turns the body into events.
func (in *intake) parse(body []byte) *problem {
	var err error
	body = bytes.TrimPrefix(body, []byte("\uFEFF")) // a byte order mark, which some editors write
	if at := notASCII(body); at > 0 && !in.form.bodiless && !isUTF8(in.request.Header.Get("Content-Type")) {
		bad := parsed{line: 1}
		bad.fail(body, at, errCharset)
		return bad.bad
	}
	if len(bytes.TrimSpace(body)) == 0 && !in.form.bodiless {
		return &problem{status: http.StatusBadRequest, text: "no event in the body", line: 1, column: 1, reason: Bad}
	}
	if in.parsed, err = in.form.parse(body, time.Now()); err != nil {
		whole := parsed{line: 1}
		whole.fail(body, event.Column(body, err), err.Error())
		return whole.bad
	}
	good := 0
	for i := range in.parsed {
		p := &in.parsed[i]
		if p.bad == nil && !in.reports && event.IsOperator(p.event.Type) {
			p.bad = &problem{status: http.StatusForbidden, line: p.line, column: 1, reason: Unauthorized,
				text: p.event.Type + " is awf-hook's own type: sending it needs a token whose role is admin, or a signature"}
		}
		switch {
		case p.bad == nil:
			good++
		case !in.partial:
			return p.bad
		}
	}
	if good == 0 && len(in.parsed) > 0 {
		return in.parsed[0].bad
	}
	in.identify()
	in.mark()
	return nil
}

// commit stores the valid events and says what happened to all.
func (in *intake) commit() (*receipt, *problem) {
	var events []event.Event
	for i := range in.parsed {
		if p := &in.parsed[i]; p.bad == nil && !p.known {
			events = append(events, p.event)
		}
	}
	if in.once {
		defer in.server.keys.lock(in.source, in.key)()
		if refused := in.compare(); refused != nil {
			return nil, refused
		}
	}
	var fates []engine.Fate
	if len(events) > 0 {
		// A client that has gone, or said with its request that nothing follows, does not end what it began.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(in.request.Context()), commitTimeout)
		defer cancel()
		var err error
		if fates, err = in.server.Commit(ctx, events); err != nil {
			return nil, in.unstored(err)
		}
	}
	made := &receipt{Results: make([]result, 0, len(in.parsed))}
	for i := range in.parsed {
		p := &in.parsed[i]
		switch {
		case p.bad != nil:
			made.Results = append(made.Results, result{Line: p.line, Fate: "refused", Error: p.bad.placed()})
			if in.server.Refused != nil {
				in.server.Refused(in.source, p.bad.reason, 1)
			}
			continue
		case p.known:
			made.add(p, engine.EventKnown)
		default:
			made.add(p, fates[0])
			fates = fates[1:]
		}
		if in.server.Took != nil {
			in.server.Took(in.source, &p.event, engine.Fate(made.Results[i].Fate))
		}
	}
	return made, nil
}

func (r *receipt) add(p *parsed, fate engine.Fate) {
	if fate == engine.EventKnown {
		r.Known++
	} else {
		r.Accepted++
	}
	r.Results = append(r.Results, result{Line: p.line, ID: cmp.Or(p.given, p.event.ID), Fate: string(fate)})
}

// unstored says why events were not stored. The sender loses nothing if it sends them again.
func (in *intake) unstored(err error) *problem {
	text := "the queue does not accept events"
	switch {
	case errors.Is(err, engine.ErrFull):
		text = "the queue is full"
	case errors.Is(err, engine.ErrClosed):
		text = "the server ends"
	case errors.Is(err, engine.ErrUnstored):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		text = "the queue did not accept the events in time"
	}
	if in.server.Log != nil {
		in.server.Log.Debug("events were not accepted", "source", in.source, "events", len(in.parsed), "err", err)
	}
	return &problem{status: http.StatusServiceUnavailable, text: text, retryAfter: storeWait, reason: Full}
}

// mediaType returns a Content-Type without its parameters; "" if it is invalid.
func mediaType(r *http.Request) string {
	typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return typ
}

const errCharset = "the Content-Type names another charset: want UTF-8"

// isUTF8 reports whether a Content-Type names no charset, UTF-8, or ASCII, which is a part of UTF-8.
func isUTF8(contentType string) bool {
	_, parameters, err := mime.ParseMediaType(contentType)
	switch strings.ToLower(parameters["charset"]) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return true
	}
	return err != nil
}

// notASCII returns the place of the first byte, from 1, that charsets may read differently; 0 if there is none. A NUL is half a character
// of UTF-16.
func notASCII(text []byte) int {
	return 1 + bytes.IndexFunc(text, func(r rune) bool { return r == 0 || r >= utf8.RuneSelf })
}
