package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/config/trust"
	"github.com/spf13/cobra"
)

type trustFlags struct {
	yes, list, revoke, json bool
}

func (c *command) trustCommand() *cobra.Command {
	var flags trustFlags
	cmd := &cobra.Command{
		Use:  "trust [DIR]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			search := config.Search{Dir: first(args, "."), Env: os.LookupEnv}
			switch {
			case flags.json && !flags.list:
				return errors.New("--json goes with --list")
			case flags.list && (flags.revoke || len(args) > 0):
				return errors.New("--list goes with no DIR and not with --revoke")
			case flags.list:
				return c.listTrust(search, flags.json)
			case flags.revoke:
				return c.revokeTrust(search)
			}
			return c.trust(search, flags.yes)
		},
	}
	cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&flags.list, "list", false, "list the trusted folders and what each is trusted with")
	cmd.Flags().BoolVar(&flags.json, "json", false, "with --list: print a JSON object for each folder")
	cmd.Flags().BoolVar(&flags.revoke, "revoke", false, "no longer trust the folder")
	return cmd
}

func (c *command) trust(search config.Search, yes bool) error {
	project, err := search.Project()
	if err != nil {
		return &exitError{exitConfig, err}
	}
	if project.Err != nil {
		c.say(project.Err)
		c.sayf("these webhooks are left out because of their mistakes")
	}
	switch {
	case len(project.Claims) == 0:
		return failure(fmt.Errorf("%s has no webhooks to trust", project.Folder))
	case project.State == trust.Trusted:
		fmt.Fprintf(c.out, "%s is trusted already:\n", plain(project.Folder))
		c.printClaims("  ", project.Claims)
		return nil
	case project.State == trust.Changed:
		fmt.Fprintf(c.out, "The webhooks of %s have changed:\n", plain(project.Folder))
		c.printClaims("- ", project.Gone)
		c.printClaims("+ ", project.New)
		fmt.Fprintln(c.out, "Everything that they would do:")
	default:
		fmt.Fprintf(c.out, "The webhooks of %s would do this:\n", plain(project.Folder))
	}
	c.printClaims("  ", project.Claims)
	if !yes && !isTerminal(c.in) {
		return errors.New("want --yes to trust them: there is no terminal to ask on")
	}
	if !yes && !c.ask("trust them?") {
		return failure(errors.New("not trusted"))
	}
	if err := trust.In(search.StateFolder()).Trust(project.Folder, project.Claims); err != nil {
		return failure(err)
	}
	c.sayf("%s is trusted", plain(project.Folder))
	return nil
}

// printClaims prints a line for each claim.
func (c *command) printClaims(prefix string, claims []trust.Claim) {
	for _, claim := range claims {
		fmt.Fprintf(c.out, "%s%s: %s: %s\n", prefix, plain(claim.File), plain(claim.Webhook), plain(claim.String()))
	}
}

// trustJSON is a trusted folder, as --json prints it.
type trustJSON struct {
	Folder string        `json:"folder"`
	At     time.Time     `json:"at"`
	Claims []trust.Claim `json:"claims"`
}

func (c *command) listTrust(search config.Search, asJSON bool) error {
	records, err := trust.In(search.StateFolder()).List()
	if err != nil {
		return failure(err)
	}
	for _, r := range records {
		if asJSON {
			encode(c.out, trustJSON{r.Folder, r.Time, r.Claims})
			continue
		}
		fmt.Fprintf(c.out, "%s, since %s\n", plain(r.Folder), r.Time.Local().Format(time.DateTime))
		c.printClaims("  ", r.Claims)
	}
	if len(records) == 0 {
		c.sayf("no folder is trusted")
	}
	return nil
}

func (c *command) revokeTrust(search config.Search) error {
	folder, err := trust.Folder(search.Dir)
	if errors.Is(err, fs.ErrNotExist) { // its record may outlive it
		folder, err = filepath.Abs(search.Dir)
	}
	if err != nil {
		return failure(err)
	}
	revoked, err := trust.In(search.StateFolder()).Revoke(folder)
	switch {
	case err != nil:
		return failure(err)
	case !revoked:
		return failure(fmt.Errorf("%s is not trusted", folder))
	}
	c.sayf("%s is not trusted any more", plain(folder))
	return nil
}
