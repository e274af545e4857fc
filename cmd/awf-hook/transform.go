package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/author"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/config/trust"
	"github.com/awf-project/awf-hook/engine/file"
	"github.com/spf13/cobra"
)

func (c *command) transformCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "transform",
	}
	cmd.AddCommand(c.transformNewCommand(), c.transformBuildCommand(), c.transformTestCommand(),
		c.transformRunCommand(), c.transformBenchCommand(), c.transformInspectCommand())
	return cmd
}

func (c *command) transformNewCommand() *cobra.Command {
	var language string
	cmd := &cobra.Command{
		Use:  "new --lang LANGUAGE NAME",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := author.New(".", args[0], language); err != nil {
				if _, isSystem := errors.AsType[*fs.PathError](err); isSystem {
					return failure(err)
				}
				return err
			}
			c.sayf("made %s: cd %[1]s && %s", args[0], author.Steps(language))
			return nil
		},
	}
	cmd.Flags().StringVar(&language, "lang", "", "the `LANGUAGE`: "+strings.Join(author.Names(), ", "))
	_ = cmd.MarkFlagRequired("lang") // the flag exists
	return cmd
}

func (c *command) transformBuildCommand() *cobra.Command {
	var out string
	var yes bool
	cmd := &cobra.Command{
		Use:  "build [DIR]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := first(args, ".")
			if out == "" {
				out = filepath.Join(dir, author.Module)
			}
			return c.buildTransform(dir, out, yes)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the module's `FILE` (default: DIR/"+author.Module+")")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "run a compiler in the folder itself without asking")
	return cmd
}

func (c *command) buildTransform(dir, out string, yes bool) error {
	language, err := author.LanguageOf(dir)
	if err != nil {
		return failure(err)
	}
	if language.IsScript() {
		c.sayf("%s needs no build", filepath.Join(dir, language.Source))
		return nil
	}
	if info, err := os.Lstat(out); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return failure(fmt.Errorf("%s: %w", out, file.ErrLink)) // compilers would follow it
	}
	cmd, err := language.Command(dir, out)
	if err != nil {
		return failure(err)
	}
	if author.IsOwn(dir, cmd) {
		if err := c.mayRun(dir, cmd.Path, yes); err != nil {
			return err
		}
	}
	cmd.Stdout, cmd.Stderr = c.err, c.err
	if err := cmd.Run(); err != nil {
		return failure(fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err))
	}
	info, err := os.Stat(out)
	if err != nil {
		return failure(err)
	}
	c.sayf("built %s, %s", out, size(info.Size()))
	return nil
}

// mayRun asks whether to run a program in a folder's node_modules. It remembers a yes as trust in that folder.
func (c *command) mayRun(dir, program string, yes bool) error {
	folder, err := trust.Folder(filepath.Join(dir, "node_modules"))
	if err != nil {
		return failure(err)
	}
	store := trust.In(config.Search{Dir: dir, Env: os.LookupEnv}.StateFolder())
	records, err := store.List()
	if err != nil && !yes {
		return failure(err)
	}
	claims := []trust.Claim{{File: author.Module, Webhook: "transform build", Modules: []string{"the compilers that are in it"}}}
	for i := range records {
		if records[i].Folder == folder && records[i].Judge(claims) == trust.Trusted {
			return nil
		}
	}
	switch {
	case yes:
		return nil
	case !isTerminal(c.in):
		return failure(fmt.Errorf("%s came with the folder, or with npm install: want --yes to run it, "+
			"since there is no terminal to ask on", program))
	case !c.ask("run " + plain(program) + ", which came with the folder or with npm install?"):
		return failure(errors.New("not built"))
	}
	if err := store.Trust(folder, claims); err != nil {
		return failure(err)
	}
	return nil
}

func (c *command) transformTestCommand() *cobra.Command {
	var flags testFlags
	cmd := &cobra.Command{
		Use:  "test [DIR]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := first(args, ".")
			if language, err := author.LanguageOf(dir); err == nil && language.IsStale(dir) {
				c.sayf("%s is missing or older than its source: awf-hook transform build", filepath.Join(dir, author.Module))
			}
			flags.file = filepath.Join(dir, "awf-hook.yaml")
			return c.test(nil, flags)
		},
	}
	flags.add(cmd)
	return cmd
}

func (c *command) transformInspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:  "inspect FILE",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			module, err := author.Read(args[0])
			if err != nil {
				return failure(err)
			}
			found, rows, refused := author.Inspect(context.Background(), filepath.Base(args[0]), module)
			c.print(asJSON, found, "%s", tableText(rows, 0))
			if refused != nil {
				return failure(fmt.Errorf("%s: %w", args[0], refused))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as a JSON object")
	return cmd
}
