package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
)

func (c *command) checkCommand() *cobra.Command {
	var noEnv bool
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Report every mistake in configurations",
		Long: `check reads configuration files and reports every mistake in them, each with its place.
It exits with 3 if there is one.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			env := config.Env(os.LookupEnv)
			if noEnv {
				env = config.NoEnv
			}
			return c.check(files, env)
		},
	}
	cmd.Flags().BoolVar(&noEnv, "no-env", false, "do not look up the variables of the form ${VAR}")
	return cmd
}

func (c *command) check(files []string, env config.Env) error {
	bad := false
	for _, file := range files {
		cfg, err := load(file, env)
		if err != nil {
			c.say(err)
			bad = true
			continue
		}
		fmt.Fprintf(c.out, "%s: good, webhooks: %d\n", file, len(cfg.Webhooks))
	}
	if bad {
		return &exitError{code: exitConfig}
	}
	return nil
}

// load reads a configuration and joins the mistakes of its form with those in its globs and expressions.
func load(file string, env config.Env) (*config.Config, error) {
	cfg, err := config.Load(file, env)
	var mistakes config.Errors
	if err != nil && !errors.As(err, &mistakes) {
		return nil, err
	}
	mistakes = append(mistakes, engine.Check(cfg)...)
	if len(mistakes) > 0 {
		mistakes.Sort()
		return nil, mistakes
	}
	return cfg, nil
}
