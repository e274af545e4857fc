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
		Use: "secret",
	}
	var asJSON bool
	cmd.AddCommand(&cobra.Command{
		Use:  "new",
		Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			secret := signature.NewSecret()
			c.print(asJSON, secretJSON{secret}, "%s\n", secret)
		},
	}, &cobra.Command{
		Use:  "token",
		Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			token := "awf_" + strings.TrimPrefix(signature.NewSecret(), "whsec_")
			digest := fmt.Sprintf("%x", sha256.Sum256([]byte(token)))
			c.print(asJSON, tokenJSON{token, digest}, "token: %s\nsha256: %s\n", token, digest)
		},
	})
	for _, makes := range cmd.Commands() {
		makes.Flags().BoolVar(&asJSON, "json", false, "print it as a JSON object")
	}
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
