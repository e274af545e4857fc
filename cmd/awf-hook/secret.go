package main

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/spf13/cobra"
)

func (c *command) secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Make secrets",
	}
	var asJSON bool
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print it as a JSON object")
	cmd.AddCommand(&cobra.Command{
		Use:   "new",
		Short: "Print a new secret",
		Long: `new prints a secret of 32 random bytes in the form of Standard Webhooks: whsec_ and base64.
It works with every scheme: standard decodes it, the others use it literally.`,
		Example: "  export WEBHOOK_SECRET=$(awf-hook secret new)",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			secret := signature.NewSecret()
			if asJSON {
				encode(c.out, secretJSON{secret})
				return nil
			}
			fmt.Fprintln(c.out, secret)
			return nil
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use:   "token",
		Short: "Print a new token for awf-hook serve",
		Long: `token prints a token of 32 random bytes for a client of awf-hook serve, and its SHA-256 for serve.tokens.
The configuration holds only the digest, so nobody who reads it can send events.`,
		Example: "  awf-hook secret token",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			token := "awf_" + strings.TrimPrefix(signature.NewSecret(), "whsec_")
			digest := fmt.Sprintf("%x", sha256.Sum256([]byte(token)))
			if asJSON {
				encode(c.out, tokenJSON{token, digest})
				return nil
			}
			fmt.Fprintf(c.out, "token: %s\nsha256: %s\n", token, digest)
			return nil
		},
	})
	return cmd
}

// secretJSON is a new secret, as --json prints it.
type secretJSON struct {
	Secret string `json:"secret"`
}

// tokenJSON is a new token, as --json prints it.
type tokenJSON struct {
	Token  string `json:"token"`
	SHA256 string `json:"sha256"`
}
