package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine"
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
		Use:   "listen [ADDR]",
		Short: "Receive webhooks here, verify and show them",
		Long: `listen is a receiver for trying things out. It verifies the signatures of what arrives at ADDR
(127.0.0.1:8080 if not given; port 0 takes a free one), shows it on stdout and answers 200 with {"ok":true},
which every built-in format takes for delivered, or what --respond says:

  503x2,429:5,reset,slow:3s,200

503 twice, 429 with Retry-After: 5, a connection that is reset, 200 after 3 s, and then 200 for ever.
A last entry without "xTIMES" answers all further requests.

The secret is taken from $WEBHOOK_SECRET unless --secret is given.`,
		Example: "  awf-hook listen --respond 503x2,200",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			addr := "127.0.0.1:8080"
			if len(args) > 0 {
				addr = args[0]
			}
			if secret := os.Getenv("WEBHOOK_SECRET"); !cmd.Flags().Changed("secret") && secret != "" {
				flags.secrets = []string{secret}
			}
			return c.listen(addr, flags)
		},
	}
	cmd.Flags().StringArrayVar(&flags.secrets, "secret", nil, "verify under this secret; may be given several times")
	cmd.Flags().StringVar(&flags.respond, "respond", "", "the answers, one after the other")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print each request as a JSON object on a line")
	return cmd
}

func (c *command) listen(addr string, flags listenFlags) error {
	script, err := engine.ParseScript(flags.respond)
	if err != nil {
		return fmt.Errorf("--respond: %w", err)
	}
	for _, secret := range flags.secrets {
		if _, err := signature.Key(secret); err != nil {
			return fmt.Errorf("--%w", err) // which begins with what it is about
		}
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return failure(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	fmt.Fprintf(c.err, "awf-hook: listening on http://%s\n", ln.Addr())

	show := newPrinter(c.out, len(flags.secrets) > 0).print
	if flags.json {
		show = c.printJSON
	}
	receiver := &engine.Receiver{Secrets: flags.secrets, Script: script, Show: show}
	if err := receiver.Serve(ctx, ln); err != nil && !errors.Is(err, context.Canceled) {
		return failure(err)
	}
	return nil
}

// receivedJSON is a received request as --json prints it.
type receivedJSON struct {
	Number     int               `json:"number"`
	At         time.Time         `json:"at"`
	Path       string            `json:"path"`
	Header     map[string]string `json:"header"`
	Signatures map[string]string `json:"signatures"` // by scheme: "good" or what is wrong
	Answer     string            `json:"answer"`
	Body       string            `json:"body"`
}

func (c *command) printJSON(r *engine.Received) {
	line := receivedJSON{
		Number: r.Number, At: r.At, Path: r.Path, Answer: r.Reply.String(), Body: string(r.Body),
		Header: map[string]string{}, Signatures: map[string]string{},
	}
	for name := range r.Header {
		line.Header[name] = r.Header.Get(name)
	}
	for _, s := range r.Signatures {
		line.Signatures[string(s.Scheme)] = verdict(s.Err)
	}
	text, err := json.Marshal(line)
	if err != nil {
		c.say(err)
		return
	}
	fmt.Fprintf(c.out, "%s\n", text)
}

func verdict(err error) string {
	if err == nil {
		return "good"
	}
	return err.Error()
}
