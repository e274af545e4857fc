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

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/examples"
	"github.com/spf13/cobra"
)

func (c *command) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "See it work: recorded AWF runs, delivered to a receiver in this process",
		Long: `demo plays recorded runs of AWF through an example configuration into a receiver in the same process
and shows what arrives there. It needs nothing. The receiver's first answer is 503, so that one delivery is tried twice.`,
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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	secret := rand.Text()
	env := map[string]string{"DEMO_URL": "http://" + ln.Addr().String(), "DEMO_SECRET": secret}
	cfg, err := config.Parse(file, text, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		return failure(err)
	}
	logger, err := c.logger()
	if err != nil {
		return err
	}
	eng, err := engine.Open(cfg, engine.Options{Logger: logger, Version: version()})
	if err != nil {
		return failure(err)
	}
	fmt.Fprintf(c.out, "The configuration:\n\n%s\nWhat arrives at its receiver:\n\n", text)

	var unverified atomic.Int64
	printer := newPrinter(c.out, true)
	script, _ := engine.ParseScript("503x1")
	receiver := &engine.Receiver{Secrets: []string{secret}, Script: script, Show: func(r *engine.Received) {
		if !r.Verified() {
			unverified.Add(1)
		}
		printer.print(r)
	}}
	serving, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = receiver.Serve(serving, ln) })
	running.Go(func() { _ = eng.Run(serving) })
	err = errors.Join(playDemo(ctx, eng), eng.Drain(ctx))
	stop()
	running.Wait()
	report := eng.Report()
	if err := errors.Join(err, eng.Close()); err != nil {
		return failure(err)
	}
	fmt.Fprintf(c.out, "%v\n", report)
	if n := unverified.Load() + report.Dead; n > 0 {
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
