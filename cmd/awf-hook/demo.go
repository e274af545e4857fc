package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/examples"
	"github.com/spf13/cobra"
)

func (c *command) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "demo",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.demo() },
	}
}

func (c *command) demo() error {
	const file = "demo/awf-hook.yaml"
	text, err := fs.ReadFile(examples.Demo, file)
	if err != nil {
		return failure(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failure(err)
	}
	secret := rand.Text()
	env := map[string]string{"DEMO_URL": "http://" + ln.Addr().String(), "DEMO_SECRET": secret}
	cfg, err := config.Parse(file, text, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		return failure(err)
	}
	fmt.Fprintf(c.out, "The configuration:\n\n%s\nWhat arrives at its receiver:\n\n", text)

	var unverified atomic.Int64
	printer := newPrinter(c.out)
	script, _ := listen.ParseScript("503x1")
	receiver := &listen.Receiver{Secrets: []string{secret}, Script: script, Show: func(r *listen.Request) {
		if !r.Verified() {
			unverified.Add(1)
		}
		printer.received(r, true)
	}}
	serving, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = receiver.Serve(serving, ln) })
	s := session{config: cfg, queue: engine.Memory, drainTimeout: 30 * time.Second, ended: now(), feed: playDemo}
	report, err := s.deliver(c)
	stop()
	running.Wait()
	if err != nil {
		return failure(err)
	}
	fmt.Fprintf(c.out, "%v\n", report)
	if n := unverified.Load() + undelivered(report); n > 0 {
		return failure(fmt.Errorf("%d requests of the demo were not delivered and verified", n))
	}
	return nil
}

// playDemo submits the recorded runs.
func playDemo(ctx context.Context, eng *engine.Engine) error {
	files, err := fs.Glob(examples.Demo, "demo/[0-9]*")
	if err != nil {
		return err
	}
	for _, name := range files {
		f, err := examples.Demo.Open(name)
		if err != nil {
			return err
		}
		err = eng.Read(ctx, engine.Stream{Name: path.Base(name), In: f})
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
