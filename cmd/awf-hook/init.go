package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
)

//go:embed init.yaml
var initFile []byte

func (c *command) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration to begin with",
		Long: `init writes a configuration to begin with, to awf-hook.yaml or FILE, and beside it the JSON Schema that lets editors
complete and check it. It never overwrites a file.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file := "awf-hook.yaml"
			if len(args) > 0 {
				file = args[0]
			}
			return c.init(file)
		},
	}
}

// schemaFile is the JSON Schema's name in the configuration's folder; init.yaml names it to editors.
const schemaFile = "awf-hook.schema.json"

func (c *command) init(file string) error {
	schema, err := json.MarshalIndent(config.Schema(), "", "  ")
	if err != nil {
		return failure(err)
	}
	if err := writeNew(file, initFile); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s is there already", file)
		}
		return failure(err)
	}
	beside := filepath.Join(filepath.Dir(file), schemaFile)
	if err := writeNew(beside, append(schema, '\n')); err != nil && !errors.Is(err, fs.ErrExist) {
		return failure(err)
	}
	_, err = fmt.Fprintf(c.out, "wrote %s; check it: awf-hook check %s\n", file, file)
	return err
}

// writeNew writes a file that is not there yet.
func writeNew(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
