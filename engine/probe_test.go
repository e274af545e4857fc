package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
)

// Probes end in time, however many receivers do not answer, and they send no request.
func TestProbesAreBounded(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var plain atomic.Int64 // bytes that are not TLS
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				text, _ := io.ReadAll(io.LimitReader(conn, 5))
				if strings.HasPrefix(string(text), "POST") {
					plain.Add(1)
				}
				<-t.Context().Done() // without this reference the garbage collector would close the connection
				conn.Close()
			}()
		}
	}()
	text := "webhooks:\n"
	for i := range 40 {
		scheme := []string{"http", "https"}[i%2]
		text += fmt.Sprintf("  - {name: w%d, url: %s://%s/, timeout: 10s}\n", i, scheme, ln.Addr())
	}
	cfg, err := config.Parse("awf-hook.yaml", []byte(text), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	const bound = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	began := time.Now()
	for _, p := range engine.ProbeAll(ctx, cfg, cfg.Webhooks) {
		silent := strings.HasPrefix(p.URL, "https")
		if silent != (p.Failure != "") {
			t.Errorf("%s %s: %q", p.Webhook, p.URL, p.Failure)
		}
		if silent && !strings.HasPrefix(p.Failure, "no TLS handshake within ") && !strings.HasPrefix(p.Failure, "not tried") {
			t.Errorf("%s: %q", p.Webhook, p.Failure)
		}
	}
	if took := time.Since(began); took > 4*bound {
		t.Errorf("the probes took %v", took)
	}
	if plain.Load() > 0 {
		t.Error("a request was sent")
	}
}

// An engine without a Run delivers nothing, and Drain says so instead of waiting.
func TestDrainSaysThatNobodyRuns(t *testing.T) {
	cfg, err := config.Parse("awf-hook.yaml", []byte("webhooks: [{name: a, url: http://127.0.0.1:1/}]"), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	eng, err := engine.Open(cfg, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	if err := eng.Drain(t.Context()); err != nil {
		t.Errorf("nothing is left: %v", err)
	}
	ev, err := event.New("workflow_end", "r1", "deploy", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.Submit(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if err := eng.Drain(t.Context()); !errors.Is(err, engine.ErrNotRun) {
		t.Errorf("Drain: %v, want ErrNotRun", err)
	}
}
