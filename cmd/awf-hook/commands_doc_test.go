package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/schema"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs/commands.md has each command's help, its flags and the fields that it prints with --json. UPDATE=1 writes all but the texts and
// examples of the help, and what each command does in a line: they stand there alone.
func TestHelpStandsInDocs(t *testing.T) {
	used := map[string]bool{}
	var b strings.Builder
	b.WriteString(`# Commands

The commands print the texts and examples below as their help; a test writes the rest. Data goes to stdout and messages to stderr.
With ` + "`--json`" + ` a command prints an object, or an object on each line; one name means the same in all of them.
Fields that do not apply are left out. Times are RFC 3339, durations are seconds.
Where a command reads EVENTS, a body or a request from a file, ` + "`-`" + ` is stdin.
` + "`awf-hook schema COMMAND`" + ` prints the same as a JSON Schema.
`)
	root := (&command{in: strings.NewReader(""), out: io.Discard, err: io.Discard}).root()
	var write func(cmd *cobra.Command)
	write = func(cmd *cobra.Command) {
		if cmd.Runnable() && cmd.HasParent() {
			writeCommand(t, &b, cmd, used)
		}
		for _, sub := range cmd.Commands() {
			write(sub)
		}
	}
	write(root)
	for name, means := range glossary {
		if !used[means] {
			t.Errorf("the glossary explains %q, which no command prints", name)
		}
	}
	const file = "../../docs/commands.md"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s, which UPDATE=1 go test -run TestHelp writes (-want +got):\n%s", file, diff)
	}
}

func writeCommand(t *testing.T, b *strings.Builder, cmd *cobra.Command, used map[string]bool) {
	path := strings.TrimPrefix(cmd.CommandPath(), "awf-hook ")
	if cmd.Short == "" {
		t.Errorf("docs/commands.md does not say in a line what %s does", path)
	}
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```\n%s\n```\n\n%s\n", path, cmd.Short, cmd.UseLine(), strings.TrimSpace(cmd.Long))
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", cmd.Example)
	}
	rows := 0
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) { rows += flagRow(b, f, rows) })
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "log-level" && f.Name != "log-format" {
			rows += flagRow(b, f, rows)
		}
	})
	s, listed := schemaOf(path)
	if cmd.Flag("json") != nil && !listed && path != "secret" {
		t.Errorf("%s has --json, and no type in outputs", path)
	}
	if listed && cmd.Flag("json") == nil {
		t.Errorf("%s has a type in outputs, and no --json", path)
	}
	if _, own := outputs[path]; !own { // else it is its list's
		return
	}
	alternatives := s.AnyOf
	if len(alternatives) == 0 {
		alternatives = []*schema.Schema{s}
	}
	for i, alternative := range alternatives {
		title := "--json"
		if i > 0 {
			title = "or"
		}
		fmt.Fprintf(b, "\n| %s | is | |\n|---|---|---|\n", title)
		for _, f := range fieldsOf(alternative, "") {
			used[f.means] = true
			if f.means == "" {
				t.Errorf("%s prints %q, which is not in the glossary", path, f.name)
			}
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.path, f.kind, f.means)
		}
	}
}

func flagRow(b *strings.Builder, f *pflag.Flag, rows int) int {
	if f.Name == "help" {
		return 0
	}
	if rows == 0 {
		b.WriteString("\n| flag | |\n|---|---|\n")
	}
	kind, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if kind != "" {
		name += " " + kind
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "0s" {
		usage += " (default " + f.DefValue + ")"
	}
	fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.ReplaceAll(usage, "|", `\|`))
	return 1
}

// inSeconds ends the description of a duration.
const inSeconds = ", in seconds"

// row is a field of an object.
type row struct{ name, path, kind, means string }

// fieldsOf lists the fields of an object, and those within them.
func fieldsOf(s *schema.Schema, prefix string) (list []row) {
	for _, p := range s.Properties {
		list = append(list, row{p.Name, prefix + p.Name, kind(p.Schema), strings.TrimSuffix(p.Description, inSeconds)})
		inner := p.Schema
		path := prefix + p.Name
		for inner.Items != nil {
			inner, path = inner.Items, path+"[]"
		}
		list = append(list, fieldsOf(inner, path+".")...)
	}
	return list
}

// kind names the kind of a value in a word or two.
func kind(s *schema.Schema) string {
	texts, _ := s.Additional.(*schema.Schema)
	switch {
	case s.Format != "":
		return "time"
	case texts != nil && texts.Type == "string":
		return "object of texts"
	case s.Items != nil && s.Items.Type == "string":
		return "list of texts"
	case strings.HasSuffix(s.Description, inSeconds):
		return "seconds"
	}
	return map[string]string{"": "any", "string": "text", "boolean": "true or false", "array": "list", "object": "object"}[s.Type] +
		map[string]string{"integer": "number", "number": "number"}[s.Type]
}
