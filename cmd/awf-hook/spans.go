package main

import (
	"context"
	"os"
	"sync"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/otlp"
	"github.com/awf-project/awf-hook/engine/trace"
)

// watchSpans sends spans to the collector in OpenTelemetry's environment variables, until stop, which waits up to two
// seconds for the rest. A command's spans belong to the trace in $TRACEPARENT.
func (s *session) watchSpans(c *command) (stop func()) {
	if !s.isServer {
		s.options.Trace = trace.Parse(os.Getenv("TRACEPARENT"), os.Getenv("TRACESTATE"))
	}
	settings, err := otlp.Read(os.Getenv, version())
	if err != nil {
		c.say(err)
	}
	if settings == nil {
		return func() {}
	}
	exporter := otlp.New(settings, c.logger(), s.metrics.Spans)
	s.options.Observer.Span = exporter.Span
	ctx, cancel := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	sending.Go(func() { exporter.Run(ctx) })
	return func() {
		cancel()
		sending.Wait()
	}
}
