package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/spf13/cobra"
)

// maxSigned is the longest body or request that sign and verify accept, in bytes.
const maxSigned = 8 << 20

// custom is the scheme that flags describe.
const custom = "custom"

// signingFlags are the flags of sign and verify.
type signingFlags struct {
	schemes []string
	secrets []string
	at      string
	custom  signature.Custom
}

func (f *signingFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.secrets, "secret", nil, "the `SECRET`, newest first if repeated (default: $WEBHOOK_SECRET)")
	flags.StringVar(&f.at, "at", "", "the `TIME`, as 2026-11-24T00:00:00Z or in Unix seconds (default: now)")
	flags.StringVar(&f.custom.Header, "header", "", "custom: the `NAME` of the header that carries the signature")
	flags.StringVar(&f.custom.Template, "template", "",
		"custom: the `TEXT` that is signed, with {id}, {timestamp} and {body} (default {body})")
	flags.StringVar(&f.custom.Hash, "hash", "", "custom: the `HASH`, sha256 or sha512 (default sha256)")
	flags.StringVar(&f.custom.Encoding, "encoding", "", "custom: the `ENCODING`, hex or base64 (default hex)")
	flags.StringVar(&f.custom.Prefix, "prefix", "", "custom: the `TEXT` before the signature, with {id} and {timestamp}")
	flags.StringVar(&f.custom.Separator, "separator", "", "custom: the `TEXT` between the signatures of several secrets")
	flags.StringVar(&f.custom.IDHeader, "id-header", "", "custom: the `NAME` of the header that carries the id")
	flags.StringVar(&f.custom.TimestampHeader, "timestamp-header", "", "custom: the `NAME` of the header that carries the timestamp")
}

// check checks the flags. It returns the time in --at; the zero time without it.
func (f *signingFlags) check() (at time.Time, err error) {
	if secret := os.Getenv("WEBHOOK_SECRET"); len(f.secrets) == 0 && secret != "" {
		f.secrets = []string{secret}
	}
	if len(f.secrets) == 0 || slices.Contains(f.secrets, "") {
		return at, errors.New("want a secret: --secret or $WEBHOOK_SECRET")
	}
	if f.custom != (signature.Custom{}) && !slices.Contains(f.schemes, custom) {
		return at, errors.New("only the scheme custom has --header, --template and their like: want --scheme custom")
	}
	for _, scheme := range f.schemes {
		if scheme == custom {
			if err := f.custom.Check(); err != nil {
				return at, fmt.Errorf("--%s", strings.ReplaceAll(err.Error(), "_header", "-header"))
			}
		} else if !slices.Contains(signature.Schemes, signature.Scheme(scheme)) {
			return at, fmt.Errorf("--scheme: want awf, standard, github or custom, got %q", scheme)
		}
	}
	if seconds, err := strconv.ParseInt(f.at, 10, 64); err == nil && seconds >= 0 {
		return time.Unix(seconds, 0), nil
	}
	if at, err = api.ParseTime(f.at); err != nil {
		return at, fmt.Errorf("--at: %w, or Unix seconds", err)
	}
	return at, nil
}

func (f *signingFlags) sign(scheme string, h http.Header, m signature.Message) error {
	if scheme == custom {
		h.Set("X-AWF-Delivery", m.ID)
		return f.custom.Sign(h, m, f.secrets...)
	}
	return signature.Sign(h, signature.Scheme(scheme), m, f.secrets...)
}

func (f *signingFlags) verify(scheme string, r recorded) error {
	if scheme == custom {
		return f.custom.Verify(r.header, r.body, r.at, f.secrets...)
	}
	return signature.Verify(r.header, r.body, signature.Scheme(scheme), r.at, f.secrets...)
}

func (c *command) signCommand() *cobra.Command {
	var flags signingFlags
	var id string
	var asJSON bool
	cmd := &cobra.Command{
		Use:  "sign [FILE]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.sign(flags, id, asJSON, args) },
	}
	cmd.Flags().StringSliceVar(&flags.schemes, "scheme", []string{"awf", "standard"},
		"the `SCHEME`: awf, standard, github, custom, or several with commas")
	cmd.Flags().StringVar(&id, "id", "", "the delivery's `ID` (default: a new one)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the headers as a JSON object")
	flags.add(cmd)
	return cmd
}

// signedJSON is the output of sign with --json.
type signedJSON struct {
	Header http.Header `json:"headers"`
}

func (c *command) sign(flags signingFlags, id string, asJSON bool, args []string) error {
	at, err := flags.check()
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = time.Now()
	}
	if id == "" {
		id = "msg_" + strings.ToLower(rand.Text())
	}
	if err := delivery.CheckHeader("Id", id); err != nil {
		return fmt.Errorf("--id: %w", err)
	}
	body, err := c.readInput(first(args, ""), maxSigned)
	if err != nil {
		return failure(err)
	}
	h := http.Header{}
	for _, scheme := range flags.schemes {
		if err := flags.sign(scheme, h, signature.Message{ID: id, Time: at, Body: body}); err != nil {
			return fmt.Errorf("%s: %w", scheme, err)
		}
	}
	if asJSON {
		encode(c.out, signedJSON{h})
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(c.out, "%s: %s\n", name, h.Get(name))
	}
	return nil
}
