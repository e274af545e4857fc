package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

//go:embed init.yaml
var initFile []byte

func (c *command) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration to begin with",
		Long:  "init writes a configuration to begin with, to awf-hook.yaml or FILE. It never overwrites a file.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file := "awf-hook.yaml"
			if len(args) > 0 {
				file = args[0]
			}
			return c.init(file)
		},
	}
}

func (c *command) init(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return failure(fmt.Errorf("%s is there already", file))
	}
	if err != nil {
		return failure(err)
	}
	_, err = f.Write(initFile)
	if err = errors.Join(err, f.Close()); err != nil {
		return failure(err)
	}
	_, err = fmt.Fprintf(c.out, "wrote %s; check it: awf-hook check %s\n", file, file)
	return err
}
