package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/spf13/cobra"
)

type listenFlags struct {
	secrets []string
	respond string
	json    bool
}

func (c *command) listenCommand() *cobra.Command {
	var flags listenFlags
	cmd := &cobra.Command{
		Use:  "listen [ADDR]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			addr := first(args, "127.0.0.1:8080")
			if _, err := strconv.ParseUint(addr, 10, 64); err == nil { // a port alone
				addr = net.JoinHostPort("127.0.0.1", addr)
			}
			if secret := os.Getenv("WEBHOOK_SECRET"); !cmd.Flags().Changed("secret") && secret != "" {
				flags.secrets = []string{secret}
			}
			return c.listen(addr, flags)
		},
	}
	cmd.Flags().StringArrayVar(&flags.secrets, "secret", nil, "verify under this secret; may be repeated")
	cmd.Flags().StringVar(&flags.respond, "respond", "", "the answers, one after the other")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print each request as a JSON object on a line")
	return cmd
}

func (c *command) listen(addr string, flags listenFlags) error {
	script, err := listen.ParseScript(flags.respond)
	if err != nil {
		return fmt.Errorf("--respond: %w", err)
	}
	for _, secret := range flags.secrets {
		if _, err := signature.Key(secret); err != nil {
			return fmt.Errorf("--%w", err) // the error begins with the flag's name
		}
	}
	ln, err := net.Listen("tcp", addr)
	var bad *net.AddrError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return failure(fmt.Errorf("%w: want another port, or 0 for a free one", err))
	case errors.As(err, &bad):
		return fmt.Errorf("%w: want a port, or HOST:PORT", err)
	case err != nil:
		return failure(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer onSignals(stage{end: stop})()
	c.sayf("listening on http://%s", ln.Addr())

	printer := newPrinter(c.out)
	show := func(r *listen.Request) {
		if flags.json {
			encode(c.out, r)
		} else {
			printer.received(r, len(flags.secrets) > 0)
		}
		if out, is := c.out.(*stdout); is && out.failed() != nil { // nobody sees what arrives
			stop()
		}
	}
	receiver := &listen.Receiver{Secrets: flags.secrets, Script: script, Show: show}
	if err := receiver.Serve(ctx, ln); err != nil && !errors.Is(err, context.Canceled) {
		return failure(err)
	}
	return nil
}
