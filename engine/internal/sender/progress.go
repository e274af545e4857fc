package sender

import (
	"context"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// phase is how far an attempt has come.
type phase int32

const (
	phaseQueue phase = iota // waits for one of the webhook's connections
	phaseName               // looks up the addresses of its host
	phaseConnect
	phaseTLS
	phaseSend
	phaseAnswer
)

// late says what did not happen in time, by phase.
var late = [...]string{
	phaseQueue: "no free connection", phaseName: "the host's name was not resolved", phaseConnect: "no connection",
	phaseTLS: "no TLS handshake", phaseSend: "the request was not taken", phaseAnswer: "no answer",
}

// progress follows an attempt. The transport's goroutines write it.
type progress struct {
	began time.Time
	phase atomic.Int32
	kept  atomic.Bool                   // the connection had served another request
	quiet atomic.Bool                   // the connection was at hand, and none is being made for the attempt
	last  atomic.Int64                  // when the phase began, in nanoseconds after began
	spent [phaseAnswer + 1]atomic.Int64 // nanoseconds in each phase
	split delivery.Phases               // of all phases, once there is an answer or there will be none
}

// restart begins the next attempt.
func (p *progress) restart(at time.Time) {
	p.began, p.split = at, delivery.Phases{}
	p.phase.Store(int32(phaseQueue))
	p.kept.Store(false)
	p.quiet.Store(false)
	p.last.Store(0)
	for i := range p.spent {
		p.spent[i].Store(0)
	}
}

func (p *progress) at() phase { return phase(p.phase.Load()) }

// reach ends the current phase and begins the next.
func (p *progress) reach(n phase) {
	now := int64(time.Since(p.began))
	before := p.last.Swap(now)
	p.spent[p.phase.Swap(int32(n))].Add(now - before)
}

// got notes that the attempt has a connection. It may get a second one, if the receiver had closed the first.
func (p *progress) got(conn httptrace.GotConnInfo) {
	p.kept.Store(conn.Reused)
	p.quiet.Store(conn.WasIdle && p.at() == phaseQueue)
	p.reach(phaseSend)
}

// phases ends the last phase and returns the time of each.
func (p *progress) phases() delivery.Phases {
	p.reach(p.at())
	took := func(n phase) time.Duration { return time.Duration(p.spent[n].Load()) }
	return delivery.Phases{Name: took(phaseName), Connect: took(phaseConnect), TLS: took(phaseTLS), FirstByte: took(phaseAnswer)}
}

func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { p.reach(phaseName) },
		ConnectStart:      func(string, string) { p.reach(phaseConnect) },
		TLSHandshakeStart: func() { p.reach(phaseTLS) },
		GotConn:           p.got,
		WroteRequest:      func(httptrace.WroteRequestInfo) { p.reach(phaseAnswer) },
	})
}

// watch follows an attempt and ends it after the webhook's timeout. The webhook's next attempt uses it again: a timer and a
// trace for each attempt would take a seventh of a delivery's processor time.
type watch struct {
	*progress
	parent  context.Context
	own     context.Context // ends with parent, or after the timeout
	ctx     context.Context // of the attempt: own, with the progress's trace
	request *request        // with ctx
	cancel  context.CancelFunc
	timer   *time.Timer
	proto   int // the answer's major version of HTTP; 0 for no answer
}

// watches holds those that no attempt uses: no more than there were attempts at once.
type watches struct {
	mu   sync.Mutex
	idle []*watch
}

// begin begins an attempt.
func (w *watches) begin(parent context.Context, at time.Time, timeout time.Duration) *watch {
	a := w.take(parent)
	if a == nil {
		own, cancel := context.WithCancel(parent)
		a = &watch{parent: parent, own: own, cancel: cancel, timer: time.AfterFunc(timeout, cancel)}
	} else {
		a.timer.Reset(timeout)
	}
	if a.proto = 0; a.progress == nil {
		a.progress = &progress{}
		a.ctx = a.trace(a.own)
		a.request = newRequest(a.ctx)
	}
	a.restart(at)
	return a
}

// take returns nil if none is idle.
func (w *watches) take(parent context.Context) *watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.idle) > 0 {
		last := len(w.idle) - 1
		a := w.idle[last]
		w.idle = w.idle[:last]
		if a.parent == parent && a.own.Err() == nil {
			return a
		}
		a.cancel()
	}
	return nil
}

// end ends an attempt. Its watch is kept if there was an answer, and its progress and request too if the transport's goroutines are done
// with them: a connection that is still being made, or a request that is still being written, would report to the next attempt. Over HTTP/2
// that is not known.
func (w *watches) end(a *watch) {
	if stopped := a.timer.Stop(); !stopped || a.proto == 0 {
		a.cancel()
		return
	}
	if a.proto != 1 || !a.quiet.Load() || a.at() != phaseAnswer {
		a.progress, a.ctx, a.request = nil, nil, nil
	} else {
		a.request.release()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = append(w.idle, a)
}

// drop drops the idle ones.
func (w *watches) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.idle {
		a.cancel()
	}
	w.idle = nil
}
