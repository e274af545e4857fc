package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/trace"
)

// Bounds of the exporter. docs/serve.md names them.
const (
	maxSpans   = 2048 // waiting to be sent; further ones are dropped
	maxBatch   = 512  // per request
	period     = time.Second
	lastWait   = 2 * time.Second // for the rest at the end
	maxTries   = 3
	retryDelay = time.Second
)

// Exporter sends spans. Use [New] to make one.
type Exporter struct {
	settings *Settings
	log      *slog.Logger
	counted  func(outcome string, spans int)
	spans    chan *trace.Span
	dropped  atomic.Int64 // since the last log message
	failed   bool         // a failure was logged
}

// New makes an exporter. It calls counted with the number of spans that were "sent" or "dropped". It starts nothing.
func New(s *Settings, log *slog.Logger, counted func(outcome string, spans int)) *Exporter {
	return &Exporter{settings: s, log: log, counted: counted, spans: make(chan *trace.Span, maxSpans)}
}

// Span queues a span for sending. It never waits.
func (e *Exporter) Span(s *trace.Span) {
	select {
	case e.spans <- s:
	default:
		e.drop(1)
	}
}

func (e *Exporter) drop(spans int) {
	e.dropped.Add(int64(spans))
	e.counted("dropped", spans)
}

// Run sends spans until ctx ends, and then the rest for up to two seconds, as it does with a request that is under way.
func (e *Exporter) Run(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWait, cancel) })()
	tick := time.NewTicker(period)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			e.sendAll(sending, maxTries)
		case <-ctx.Done():
		}
	}
	e.sendAll(sending, 1)
	if left := len(e.spans); left > 0 {
		e.drop(left)
	}
	e.sayDropped()
}

// sendAll sends all waiting spans. It tries each batch up to tries times.
func (e *Exporter) sendAll(ctx context.Context, tries int) {
	for len(e.spans) > 0 && ctx.Err() == nil {
		batch := make([]*trace.Span, 0, maxBatch)
		for len(batch) < maxBatch && len(e.spans) > 0 {
			batch = append(batch, <-e.spans)
		}
		e.send(ctx, batch, tries)
	}
	if len(e.spans) == 0 {
		e.sayDropped()
	}
}

// sayDropped logs how many spans were dropped since the last message.
func (e *Exporter) sayDropped() {
	if n := e.dropped.Swap(0); n > 0 {
		e.log.Warn("spans were dropped: the collector cannot take so many", "collector", e.settings.masked, "spans", n)
	}
}

// send sends a batch, and tries again if that may help.
func (e *Exporter) send(ctx context.Context, batch []*trace.Span, tries int) {
	body, err := e.settings.encode(batch)
	for try := 1; err == nil; try++ {
		var rejected int
		var again bool
		if rejected, again, err = e.post(ctx, body); err == nil {
			rejected = min(rejected, len(batch))
			e.counted("sent", len(batch)-rejected)
			if rejected > 0 {
				e.drop(rejected)
			}
			e.failed = false
			return
		}
		if !again || try == tries {
			break
		}
		select {
		case <-time.After(retryDelay):
			err = nil
		case <-ctx.Done():
		}
	}
	e.counted("dropped", len(batch))
	if !e.failed {
		e.failed = true
		e.log.Warn("spans cannot be sent and are dropped", "collector", e.settings.masked, "err", err)
	}
}

// post sends a request. It returns how many spans the collector rejected, and after a failure whether trying again may
// help. The error shows only the host of the endpoint.
func (e *Exporter) post(ctx context.Context, body []byte) (rejected int, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.settings.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.settings.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, false, errors.New("the endpoint is not a URL")
	}
	req.Header = e.settings.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "awf-hook/"+e.settings.version)
	res, err := http.DefaultTransport.RoundTrip(req) // a client would follow redirects with the headers
	if err != nil {
		return 0, true, err
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	switch res.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return rejectedBy(answer), false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return 0, again, errors.New(res.Status)
}

// rejectedBy returns how many spans the collector rejected, according to its answer.
func rejectedBy(answer []byte) int {
	var said struct {
		PartialSuccess struct {
			RejectedSpans json.RawMessage `json:"rejectedSpans"` // a text in the JSON mapping
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.Trim(string(said.PartialSuccess.RejectedSpans), `"`))
	return max(0, n)
}
