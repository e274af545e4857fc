package page

import (
	"fmt"
	"net/http"
	"time"
)

const (
	maxStreams  = 32
	streamBeat  = 500 * time.Millisecond // the least time between signals
	streamAlive = 15 * time.Second       // the most time between lines
	streamWrite = 10 * time.Second       // for writing a line
	streamAge   = time.Hour              // after this the browser connects again
)

// events tells a browser when something happened, but not what: the browser then loads its view again.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		text := fmt.Sprintf("%d pages are open already: this one updates every few seconds instead", maxStreams)
		http.Error(w, text, http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	send := func(text string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(streamWrite))
		_, err := w.Write([]byte(text))
		return err == nil && out.Flush() == nil
	}
	said := p.desk.Signal(r.Context())
	if !send(fmt.Sprintf("retry: 3000\nid: %d\nevent: open\ndata: %d\n\n", said, said)) {
		return
	}
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	end := time.After(streamAge)
	for spoke := time.Now(); ; {
		select {
		case <-beat.C:
		case <-end:
			return
		case <-r.Context().Done():
			return
		}
		now := p.desk.Signal(r.Context())
		switch {
		case now != said:
			if !send(fmt.Sprintf("id: %d\nevent: changed\ndata: %d\n\n", now, now)) {
				return
			}
			said, spoke = now, time.Now()
		case time.Since(spoke) > streamAlive:
			if !send(": still here\n\n") {
				return
			}
			spoke = time.Now()
		}
	}
}
