package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
)

type checkFlags struct {
	noEnv     bool
	noProject bool
	json      bool
	schema    bool
	print     bool
	workflow  string
}

func (c *command) checkCommand() *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:   "check [FILE…]",
		Short: "Report every mistake in configurations",
		Long: `check reads configuration files and reports every mistake in them, each with its place.
Without a FILE it reads what run would: the global settings.yaml, the project's .awf/settings.yaml
and the workflows' definitions. It exits with 3 if there is a mistake.`,
		RunE: func(_ *cobra.Command, files []string) error {
			switch {
			case flags.schema:
				return c.printSchema()
			case flags.workflow != "" && !flags.print:
				return errors.New("--workflow goes with --print")
			}
			return c.check(files, flags)
		},
	}
	cmd.Flags().BoolVar(&flags.noEnv, "no-env", false, "do not look up the variables of the form ${VAR}")
	cmd.Flags().BoolVar(&flags.noProject, "no-project", false, "leave out the project's settings and the workflows' definitions")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print the mistakes as one JSON object, on stdout")
	cmd.Flags().BoolVar(&flags.schema, "schema", false, "print the JSON Schema of the configuration, for editors")
	cmd.Flags().BoolVar(&flags.print, "print", false, "print what holds in the end, and where each value comes from")
	cmd.Flags().StringVar(&flags.workflow, "workflow", "", "with --print: what holds for the events of this `WORKFLOW`")
	return cmd
}

// checked is a configuration with all mistakes in it.
type checked struct {
	config   *config.Config
	mistakes config.Errors
	warnings config.Errors
	other    error // not of a file's text: it is not there, or cannot be read
}

// check joins the mistakes of the form with those in globs and expressions.
func check(cfg *config.Config, err error) checked {
	all := checked{config: cfg}
	if err != nil && !errors.As(err, &all.mistakes) {
		all.other = err
	}
	if cfg == nil {
		return all
	}
	all.mistakes = append(all.mistakes, engine.Check(cfg.Webhooks)...)
	all.warnings = cfg.Warnings
	all.mistakes.Sort()
	return all
}

// load reads what s says, with all mistakes.
func load(s config.Search) (*config.Config, error) {
	switch all := check(s.Load()); {
	case all.other != nil:
		return nil, all.other
	case len(all.mistakes) > 0:
		return nil, all.mistakes
	default:
		return all.config, nil
	}
}

func (c *command) check(files []string, flags checkFlags) error {
	env := config.Env(os.LookupEnv)
	if flags.noEnv {
		env = config.NoEnv
	}
	var results []checked
	if len(files) > 0 {
		for _, file := range files {
			results = append(results, check(config.Load(file, env)))
		}
	} else {
		results = c.checkFound(config.Search{NoProject: flags.noProject, Env: env})
	}
	bad := false
	var report config.Errors
	for _, r := range results {
		if r.other != nil {
			c.say(r.other)
		}
		report = append(append(report, r.mistakes...), r.warnings...)
		bad = bad || r.other != nil || len(r.mistakes) > 0
	}
	if flags.json {
		c.printMistakes(report)
	} else {
		c.sayChecked(results)
	}
	if flags.print && !bad {
		for _, r := range results {
			c.printEffective(r.config, flags.workflow)
		}
	}
	if bad {
		return &exitError{code: exitConfig}
	}
	return nil
}

// checkFound checks the settings, and each workflow's definition that has webhooks.
func (c *command) checkFound(s config.Search) []checked {
	settings := check(s.Load())
	results := []checked{settings}
	if settings.config == nil || settings.config.Workflows == nil {
		return results
	}
	definitions := settings.config.Workflows.All()
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		found := definitions[name]
		if seen[found.File] || found.Err == nil && len(found.Own) == 0 {
			continue
		}
		seen[found.File] = true
		own := &config.Config{Files: []string{found.File}, Webhooks: found.Own, Warnings: found.Warnings}
		results = append(results, check(own, found.Err))
	}
	return results
}

// sayChecked says what is wrong on stderr and which files are good on stdout.
func (c *command) sayChecked(results []checked) {
	none := true
	for _, r := range results {
		for _, mistake := range append(slices.Clone(r.mistakes), r.warnings...) {
			c.sayMistake(mistake)
		}
		if r.other == nil && len(r.mistakes) == 0 && len(r.config.Files) > 0 {
			none = false
			fmt.Fprintf(c.out, "%s: good, webhooks: %d\n", strings.Join(r.config.Files, ", "), len(r.config.Webhooks))
		}
		none = none && r.other == nil && len(r.mistakes) == 0
	}
	if none {
		fmt.Fprintf(c.out, "nothing found to check\n")
	}
}

// sayMistake prints a mistake as one line, so that editors find the place; on a terminal with the line of the file.
func (c *command) sayMistake(mistake *config.Error) {
	fmt.Fprintln(c.err, mistake)
	if !isTerminal(c.err) {
		return
	}
	text, err := os.ReadFile(mistake.File)
	if err != nil {
		return
	}
	lines := strings.Split(string(text), "\n")
	const limit = 200 // columns
	if mistake.Line <= len(lines) && len(lines[mistake.Line-1]) <= limit && mistake.Col <= limit {
		fmt.Fprintf(c.err, "  %s\n  %s^\n", plain(lines[mistake.Line-1]), strings.Repeat(" ", mistake.Col-1))
	}
}

// mistakeJSON is a mistake as --json prints it.
type mistakeJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Warning bool   `json:"warning,omitempty"`
}

func (c *command) printMistakes(mistakes config.Errors) {
	list := []mistakeJSON{}
	for _, m := range mistakes {
		list = append(list, mistakeJSON{m.File, m.Line, m.Col, m.Path, m.Message, m.Warning})
	}
	text, _ := json.MarshalIndent(map[string]any{"mistakes": list}, "", "  ") // texts and numbers only
	fmt.Fprintf(c.out, "%s\n", text)
}

func (c *command) printSchema() error {
	text, err := json.MarshalIndent(config.Schema(), "", "  ")
	if err != nil {
		return failure(err)
	}
	_, err = fmt.Fprintf(c.out, "%s\n", text)
	return err
}

// printEffective prints the webhooks that hold in the end.
func (c *command) printEffective(cfg *config.Config, workflow string) {
	webhooks := cfg.Active()
	if workflow != "" && cfg.Workflows != nil {
		if found := cfg.Workflows.Lookup(workflow); found != nil {
			webhooks = found.Webhooks
		}
	}
	for _, w := range webhooks {
		fmt.Fprintf(c.out, "\n%s (%s)\n", w.Name, w.Place())
		for _, v := range w.Values() {
			fmt.Fprintf(c.out, "  %-20s %-40s %s\n", v.Key, plain(v.Text), strings.TrimSpace(v.Place+" "+strings.Join(v.Variables, " ")))
		}
	}
}
