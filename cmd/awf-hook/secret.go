package main

import (
	"fmt"

	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/spf13/cobra"
)

func (c *command) secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Make secrets",
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "new",
		Short: "Print a new secret",
		Long: `new prints a secret of 32 random bytes in the form of Standard Webhooks: whsec_ and base64.
It fits every scheme: standard decodes it, the others take it literally.`,
		Example: "  export WEBHOOK_SECRET=$(awf-hook secret new)",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(c.out, signature.NewSecret())
			return nil
		},
	})
	return cmd
}
