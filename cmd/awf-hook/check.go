package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/file"
	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"
)

type checkFlags struct {
	configFlags
	noEnv    bool
	strict   bool
	json     bool
	schema   bool
	print    bool
	workflow string
	webhook  string
}

func (c *command) checkCommand() *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use: "check [FILE…]",
		RunE: func(_ *cobra.Command, files []string) error {
			switch {
			case flags.schema && len(files) > 0:
				return errors.New("--schema goes with no FILE")
			case flags.schema:
				encodeIndented(c.out, "", "  ", engine.Schema())
				return nil
			case flags.workflow != "" && !flags.print:
				return errors.New("--workflow goes with --print")
			case flags.webhook != "" && !flags.print:
				return errors.New("--webhook goes with --print")
			case flags.file != "":
				files = append(files, flags.file)
			}
			return c.check(files, flags)
		},
	}
	flags.configFlags.add(cmd)
	cmd.Flags().BoolVar(&flags.noEnv, "no-env", false, "do not look up variables of the form ${VAR}")
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "exit with 3 after warnings, too")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print the mistakes, and what --print prints, as one JSON object on stdout")
	cmd.Flags().BoolVar(&flags.schema, "schema", false, "print the JSON Schema of the configuration, for editors")
	cmd.Flags().BoolVar(&flags.print, "print", false, "print the effective configuration and where each value comes from")
	cmd.Flags().StringVar(&flags.workflow, "workflow", "", "with --print: the configuration for the events of this `WORKFLOW`")
	cmd.Flags().StringVar(&flags.webhook, "webhook", "", "with --print: only the webhook of this `NAME`")
	return cmd
}

// checked is a configuration with all its mistakes.
type checked struct {
	file     string // as the user named it; "" if it was found
	workflow string // of this definition; "" for settings
	config   *config.Config
	mistakes config.Errors
	other    error // the file is missing or cannot be read
}

// check joins syntax mistakes with mistakes in globs, expressions and transforms.
func check(cfg *config.Config, err error) checked {
	all := checked{config: cfg}
	if err != nil && !errors.As(err, &all.mistakes) {
		all.other = err
	}
	if cfg == nil {
		return all
	}
	mistakes, warnings := engine.Check(cfg, engine.Options{ModuleCache: moduleCache()})
	all.mistakes = append(all.mistakes, mistakes...)
	cfg.Warnings = append(cfg.Warnings, warnings...)
	all.mistakes.Sort()
	return all
}

func (r *checked) good() bool { return r.other == nil && len(r.mistakes) == 0 }

// report lists mistakes and warnings by their places.
func (r *checked) report() config.Errors {
	report := slices.Clone(r.mistakes)
	if r.config != nil {
		report = append(report, r.config.Warnings...)
	}
	report.Sort()
	return report
}

func (c *command) check(files []string, flags checkFlags) error {
	search := config.Search{NoProject: flags.noProject, TrustProject: flags.trustProject, Inspect: true, Env: os.LookupEnv}
	if flags.noEnv {
		search.Env = config.NoEnv
	}
	checking := c.screen.working("checking, and compiling modules")
	var results []checked
	for _, file := range files {
		if file == "-" {
			results = append(results, c.checkInput(search.Env))
		} else {
			results = append(results, checkFile(search, file))
		}
	}
	if len(files) == 0 {
		results = checkFound(search)
	}
	checking()
	var shown *effectiveConfig
	if flags.print {
		var err error
		shown, err = effective(results, flags.workflow).only(flags.webhook)
		if err != nil && !slices.ContainsFunc(results, func(r checked) bool { return !r.good() }) { // else the mistakes may be why
			return failure(err)
		}
	}
	if flags.json {
		c.printChecked(results, shown)
	} else {
		c.sayChecked(results)
		if len(files) == 0 {
			c.sayUntrusted(results)
		}
		if shown != nil {
			c.printEffective(shown)
		}
	}
	nothing := true
	for _, r := range results {
		if !r.good() || flags.strict && len(r.report()) > 0 {
			return &exitError{code: exitConfig}
		}
		nothing = nothing && len(r.config.Files) == 0
	}
	if nothing {
		return &exitError{exitConfig, errors.New(noSettings(search))}
	}
	return nil
}

// checkInput checks a configuration from stdin, which counts as the user's own.
func (c *command) checkInput(env config.Env) checked {
	text, err := c.readInput("-", maxEvents)
	if err != nil {
		return checked{file: "-", other: err}
	}
	result := check(config.Parse("-", text, env))
	result.file = "-"
	return result
}

// checkFile checks one file. The file's place decides what it may set.
func checkFile(s config.Search, file string) checked {
	var result checked
	s = s.At(file)
	switch s.Origin(file) {
	case config.UserFile:
		s.File = file
		result = check(s.Load())
	case config.WorkflowFile:
		settings, _ := s.Load() // nobody asked about their mistakes
		if found := definitionIn(settings, file); found != nil {
			result = checkDefinition(found, settings)
			break
		}
		fallthrough
	default:
		cfg, err := s.LoadFile(file)
		if settings, _ := s.Load(); settings != nil && cfg != nil {
			cfg.Allow = settings.Allow // the user's own, which also applies to a checkout's files
		}
		result = check(cfg, err)
	}
	result.file = file
	return result
}

// definitionIn finds the workflow definition in a file.
func definitionIn(settings *config.Config, file string) *config.Found {
	if settings == nil {
		return nil
	}
	path, _ := filepath.Abs(file)
	for _, found := range settings.Workflows.All() {
		if abs, err := filepath.Abs(found.File); err == nil && abs == path {
			return found
		}
	}
	return nil
}

func checkDefinition(found *config.Found, settings *config.Config) checked {
	own := &config.Config{Files: []string{found.File}, Webhooks: found.Own, Warnings: found.Warnings, Allow: settings.Allow}
	err := found.Err
	if warning := found.NoFile(); warning != nil {
		own, err = &config.Config{Warnings: config.Errors{warning}}, nil
	}
	result := check(own, err)
	result.workflow = found.Name
	return result
}

// hasWebhooks reports whether a definition has webhooks, or mistakes that may hide some.
func hasWebhooks(found *config.Found) bool { return found.Err != nil || len(found.Own) > 0 }

// checkFound checks the settings and each workflow definition with webhooks.
func checkFound(s config.Search) []checked {
	settings := check(s.Load())
	results := []checked{settings}
	if settings.config == nil {
		return results
	}
	for _, found := range settings.config.Workflows.All() {
		if hasWebhooks(found) {
			results = append(results, checkDefinition(found, settings.config))
		}
	}
	return results
}

// sayUntrusted says that a project's valid settings are off until the user trusts them.
func (c *command) sayUntrusted(results []checked) {
	for _, r := range results {
		if !r.good() { // show its mistakes first
			return
		}
		if project := r.config.Project; project != nil && len(project.Claims) > 0 { // its webhooks would do something
			if why := project.Off(); why != "" {
				c.sayf("%s", why)
				return
			}
		}
	}
}

// sayChecked prints mistakes on stderr and valid files on stdout.
func (c *command) sayChecked(results []checked) {
	for _, r := range results {
		if r.other != nil {
			c.say(r.other)
		}
		c.sayMistakes(r.report())
		if r.good() && len(r.config.Files) > 0 {
			files := strings.Join(r.config.Files, ", ")
			fmt.Fprintf(c.out, "%s: %s, webhooks: %d\n", plain(files), newPrinter(c.out).colour(green, "good"), len(r.config.Webhooks))
		}
	}
}

// sayMistakes prints each mistake on a line, in a form that editors understand. On a terminal it also prints the line of
// the file.
func (c *command) sayMistakes(mistakes config.Errors) {
	sources := map[string]*config.Source{}
	show := newPrinter(c.err)
	for _, mistake := range mistakes {
		code, level := red, slog.LevelError
		if mistake.Warning {
			code, level = yellow, slog.LevelWarn
		}
		if c.logFormat == "json" {
			c.message(level, mistake.Error())
			continue
		}
		place := mistake.Pos.String()
		text := strings.TrimPrefix(mistake.Error(), place+": ")
		fmt.Fprintln(c.err, show.colour(bold, place+":"), show.colour(code, text))
		if !isTerminal(c.err) {
			continue
		}
		source, known := sources[mistake.File]
		if !known {
			text, _ := file.Read(mistake.File, maxEvents) // show nothing of a file that is gone
			source = config.NewSource(text)
			sources[mistake.File] = source
		}
		width := terminalWidth(c.err) - len("  ")
		if line, indent := source.Excerpt(mistake.Pos); line != "" && (width < 0 || uniseg.StringWidth(indent) < width) {
			if width > 0 {
				line = cut(line, width)
			}
			fmt.Fprintf(c.err, "  %s\n  %s%s\n", line, indent, show.colour(code, "^"))
		}
	}
}
