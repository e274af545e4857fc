package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/awf-project/awf-hook/engine"
	"github.com/spf13/cobra"
)

//go:embed init.yaml
var initFile []byte

func (c *command) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "init [FILE]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.init(first(args, "awf-hook.yaml")) },
	}
}

// schemaFile is the name of the JSON Schema beside the configuration. init.yaml names it to editors.
const schemaFile = "awf-hook.schema.json"

func (c *command) init(file string) error {
	if file == "-" {
		_, err := c.out.Write(initFile)
		return err
	}
	var schema bytes.Buffer
	encodeIndented(&schema, "", "  ", engine.Schema())
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return failure(err)
	}
	if err := writeNew(file, initFile); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s exists already", file)
		}
		return failure(err)
	}
	beside := filepath.Join(filepath.Dir(file), schemaFile)
	switch err := writeNew(beside, schema.Bytes()); {
	case errors.Is(err, fs.ErrExist):
		if there, _ := readFile(beside, maxEvents); !bytes.Equal(there, schema.Bytes()) {
			c.sayf("%s is of another version and was left as it is: remove it, or write it anew with awf-hook check --schema", plain(beside))
		}
	case err != nil:
		return failure(err)
	}
	fmt.Fprintf(c.out, "wrote %s; check it: awf-hook check %s\n", plain(file), quoted(file))
	return nil
}

// writeNew writes a file that does not exist yet.
func writeNew(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
