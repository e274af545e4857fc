package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// line returns an event as AWF writes it, with size bytes of payload.
func line(n, size int) string {
	return fmt.Sprintf(`{"event":"workflow_end","workflow_id":"run-%d","workflow_name":"w",`+
		`"timestamp":"2026-03-01T12:00:00Z","payload":{"x":"%s"}}`+"\n", n, strings.Repeat("x", size))
}

func TestReadSubmitsEventsAndPassesTheRestByteForByte(t *testing.T) {
	foreign := []string{"Running step build\n", "\n", "\r\n", "{\"not\": \"an event\"}\r\n", "\xff\x00\x1b[31mred\n", "  \t\n", "no end"}
	var in strings.Builder
	for i, text := range foreign {
		fmt.Fprint(&in, line(i, 0), text)
	}
	var out bytes.Buffer
	e := open(t, roundTripper(hang), oneHook())
	if err := e.Read(t.Context(), engine.Stream{Name: "<stdin>", In: strings.NewReader(in.String()), Out: &out}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), strings.Join(foreign, ""); got != want {
		t.Errorf("passed %q, want %q", got, want)
	}
	n := int64(len(foreign))
	checkReport(t, e, engine.Report{Events: n, Deliveries: n, Waiting: n, Passed: n})
}

// brokenWriter accepts one write and then fails, like a pipe without a reader.
type brokenWriter struct{ writes int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.writes++; w.writes > 1 {
		return 0, syscall.EPIPE
	}
	return len(p), nil
}

func TestReadGoesOnWithoutItsWriter(t *testing.T) {
	const lines = 20
	in, feed := io.Pipe()
	go func() {
		for i := range lines {
			fmt.Fprint(feed, "a line\n", line(i, 0))
		}
		feed.Close()
	}()
	var out brokenWriter
	e := open(t, roundTripper(hang), oneHook())
	if err := e.Read(t.Context(), engine.Stream{Name: "<stdin>", In: in, Out: &out}); err != nil {
		t.Errorf("Read: %v, want nil", err)
	}
	if out.writes != 2 {
		t.Errorf("%d writes, want none after the one that failed", out.writes)
	}
	checkReport(t, e, engine.Report{Events: lines, Deliveries: lines, Waiting: lines, Passed: lines})
}

func TestReadReturnsWhenItsContextEndsThoughInBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, feed := io.Pipe()
		defer feed.Close()
		go fmt.Fprint(feed, line(1, 0))
		e := open(t, roundTripper(hang), oneHook())
		cause := errors.New("first signal")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		begun := time.Now()
		if err := e.Read(ctx, engine.Stream{In: in}); !errors.Is(err, cause) {
			t.Errorf("Read: %v, want the context's cause", err)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("took %v, want a minute", took)
		}
		checkReport(t, e, engine.Report{Events: 1, Deliveries: 1, Waiting: 1})
	})
}

// If the context ends before the last event is passed on, the caller hears of it, although the stream is read to its end by then.
func TestEventsThatAreNotPassedOnAreAnError(t *testing.T) {
	cause := errors.New("first signal")
	for range 30 {
		ctx, cancel := context.WithCancelCause(t.Context())
		stream := engine.Stream{In: strings.NewReader(line(1, 0) + line(2, 0))}
		err := engine.Events(slowContext{ctx}, stream, func(event.Event) { cancel(cause) })
		if !errors.Is(err, cause) {
			t.Fatalf("Events: %v, want the context's cause", err)
		}
	}
}

// slowContext lets its user wait for its end only when a short stream was read.
type slowContext struct{ context.Context }

func (c slowContext) Done() <-chan struct{} {
	time.Sleep(2 * time.Millisecond)
	return c.Context.Done()
}

func TestReadGivesItsReadersError(t *testing.T) {
	e := open(t, roundTripper(hang), oneHook())
	in := io.MultiReader(strings.NewReader(line(1, 0)+"half"), failingReader{})
	var out bytes.Buffer
	err := e.Read(t.Context(), engine.Stream{In: in, Out: &out})
	if !errors.Is(err, syscall.EIO) || out.String() != "half" {
		t.Errorf("Read: %v with %q passed, want EIO with %q", err, out.String(), "half")
	}
	checkReport(t, e, engine.Report{Events: 1, Deliveries: 1, Waiting: 1, Passed: 1})
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, syscall.EIO }

// A full queue holds up a workflow only once.
func TestReadWaitsOnceForAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, roundTripper(hang), oneHook())
		var in strings.Builder
		for i := range 40 {
			in.WriteString(line(i, 1<<20-1000))
		}
		begun := time.Now()
		if err := e.Read(t.Context(), engine.Stream{In: strings.NewReader(in.String())}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("took %v, want a second", took)
		}
		r := e.Report()
		if r.Events < 30 || r.Refused < 2 || r.Events+r.Refused != 40 || r.Waiting != r.Events {
			t.Errorf("%v, want all of 40 events accepted or refused", r)
		}
	})
}

func TestReadSaysWhichLinesAreBroken(t *testing.T) {
	var broken []string
	e := open(t, roundTripper(hang), oneHook())
	err := e.Read(t.Context(), engine.Stream{
		Name:   "<stdin>",
		In:     strings.NewReader("hello\n" + strings.Replace(line(1, 0), "2026-03-01", "yesterday", 1) + line(2, 0)),
		Broken: func(err *event.LineError) { broken = append(broken, err.Error()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(broken) != 1 || !strings.HasPrefix(broken[0], "<stdin>:2: ") {
		t.Errorf("broken lines %q, want <stdin>:2", broken)
	}
	checkReport(t, e, engine.Report{Events: 1, Deliveries: 1, Waiting: 1, Passed: 1, BadLines: 1})
}

func TestDropPassesOnTheRest(t *testing.T) {
	var out bytes.Buffer
	err := engine.Stream{In: strings.NewReader("a\n" + line(1, 0) + "b"), Out: &out}.Begin(t.Context()).Drop()
	if err != nil || out.String() != "a\nb" {
		t.Errorf("Drop: %v with %q passed, want nil with %q", err, out.String(), "a\nb")
	}
}
