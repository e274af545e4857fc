package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// command holds what subcommands share: the streams and the root's flags.
type command struct {
	in        io.Reader
	out, err  io.Writer
	screen    *screen // nil if nothing shows progress
	logLevel  string
	level     slog.Level
	logFormat string
	sentences bool                                // stderr is a terminal
	reported  func(config.Search, *engine.Report) // receives each session's report; nil if nobody needs it
	misread   error                               // the mistake in the values of exec's flags; nil if there is none
}

// run is main for a process with these arguments and streams.
func run(args []string, in io.Reader, out, errw io.Writer) int {
	prepare()
	return (&command{in: in, out: out, err: errw}).run(args)
}

// prepare changes what holds for the whole process: its log and its signals.
func prepare() {
	log.SetOutput(io.Discard)      // net/http logs what a receiver sends unasked, which may echo a secret
	signal.Ignore(syscall.SIGPIPE) // a reader that goes away must end only the passing through, not us
}

// run runs the command line and returns the exit code.
func (c *command) run(args []string) int {
	c.sentences = isTerminal(c.err)
	c.useScreen()
	printed := &stdout{to: c.out}
	c.out = printed
	root := c.root(args...)
	root.SetArgs(args)
	sub, err := root.ExecuteC()
	if err = printed.judge(err); err == nil {
		return exitOK
	}
	exit, coded := errors.AsType[*exitError](err)
	if !coded {
		c.message(slog.LevelError, fmt.Sprintf("%v (see awf-hook %s)", err, strings.TrimPrefix(pathOf(sub)+" --help", " --")))
		if pathOf(sub) == "run" {
			c.passThrough()
		}
		return exitUsage
	}
	if exit.err != nil {
		c.say(exit.err)
	}
	return exit.code
}

// say prints an error. It prints each mistake of a configuration on a line, in a form that editors understand.
func (c *command) say(err error) {
	if mistakes, are := errors.AsType[config.Errors](err); are {
		c.sayMistakes(mistakes)
		return
	}
	c.message(slog.LevelError, err.Error())
}

// sayf prints a line for people on stderr.
func (c *command) sayf(format string, args ...any) {
	c.message(slog.LevelInfo, fmt.Sprintf(format, args...))
}

// message prints a line on stderr whatever --log-level is: with --log-format json a record, so that programs can read each line.
func (c *command) message(level slog.Level, text string) {
	if text = harmless(text); c.logFormat == "json" {
		slog.New(slog.NewJSONHandler(c.err, nil)).Log(context.Background(), level, text)
		return
	}
	fmt.Fprintf(c.err, "awf-hook: %s\n", text)
}

// subcommand builds a command of the root.
type subcommand struct {
	name  string
	build func() *cobra.Command
}

// group is a group of commands in the help.
type group struct {
	title    string
	commands []subcommand
}

func (c *command) groups() []group {
	return []group{
		{"Start:", []subcommand{{"init", c.initCommand}, {"demo", c.demoCommand}, {"check", c.checkCommand}, {"doctor", c.doctorCommand},
			{"trust", c.trustCommand}}},
		{"Deliver events:", []subcommand{{"exec", c.execCommand}, {"run", c.runCommand}, {"follow", c.followCommand},
			{"serve", c.serveCommand}, {"emit", c.emitCommand}}},
		{"Try and understand:", []subcommand{{"preview", c.previewCommand}, {"explain", c.explainCommand}, {"eval", c.evalCommand},
			{"test", c.testCommand}, {"backtest", c.backtestCommand}, {"listen", c.listenCommand}}},
		{"Operate:", []subcommand{{"webhooks", c.webhooksCommand}, {"deliveries", c.deliveriesCommand}, {"top", c.topCommand},
			{"queue", c.queueCommand}, {"operations", c.operationsCommand}}},
		{"Write transforms, sign and verify:", []subcommand{{"transform", c.transformCommand}, {"secret", c.secretCommand},
			{"sign", c.signCommand}, {"verify", c.verifyCommand}}},
		{"Look up:", []subcommand{{"events", c.eventsCommand}, {"functions", c.functionsCommand}, {"formats", c.formatsCommand},
			{"schema", c.schemaCommand}, {"version", c.versionCommand}}},
	}
}

// root returns the root with its commands. If the first of args names a command, that one is enough: building all of them would be a
// tenth of what a short command takes.
func (c *command) root(args ...string) *cobra.Command {
	root := &cobra.Command{
		Use:   "awf-hook",
		Short: "Send the events of AWF workflows to webhooks",
		Long: `awf-hook reads the events of AWF workflows, selects those that a webhook wants, signs them,
and delivers them, with as many attempts as it takes.

Try it:      awf-hook demo
With AWF:    awf-hook exec -- awf run deploy
In a pipe:   AWF_AUDIT_LOG=/dev/stdout awf run deploy | awf-hook run -c awf-hook.yaml

Exit codes:  0 success, 1 a failure or a loss, 2 bad arguments, 3 bad configuration, 4 bad lines, 5 not delivered.
             The help of a command says which of them it has, and when.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,

		PersistentPreRunE: c.checkFlags,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.PersistentFlags().StringVar(&c.logLevel, "log-level", "warn", "the lowest `LEVEL` of messages on stderr: debug, info, warn or error")
	root.PersistentFlags().StringVar(&c.logFormat, "log-format", "text",
		"the `FORMAT` of messages on stderr: text (sentences on a terminal, key=value elsewhere) or json")
	groups := c.groups()
	for _, g := range groups {
		if i := slices.IndexFunc(g.commands, func(s subcommand) bool { return len(args) > 0 && s.name == args[0] }); i >= 0 {
			groups = []group{{g.title, g.commands[i : i+1]}}
		}
	}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, s := range g.commands {
			command := s.build()
			command.GroupID = g.title
			root.AddCommand(command)
		}
	}
	if len(groups) > 1 {
		root.AddCommand(c.completionCommand(), c.manCommand())
	}
	root.SetHelpCommand(helpCommand())
	fitHelp(root)
	root.SetFlagErrorFunc(flagError)
	describe(root)
	return root
}

// configFlags name the configuration that a command reads.
type configFlags struct {
	file         string
	to           string
	noProject    bool
	trustProject bool
}

func (f *configFlags) add(cmd *cobra.Command) {
	f.addFileFlag(cmd.Flags())
	cmd.Flags().BoolVar(&f.noProject, "no-project", false, "leave out the project's settings and workflow definitions")
	f.addTrustFlag(cmd)
}

func (f *configFlags) addFileFlag(flags *pflag.FlagSet) {
	flags.StringVarP(&f.file, "config", "c", "", "read this configuration `FILE` instead of the global and project settings")
}

// addQueueFlag adds the flag for the queue of a command that does not deliver.
func addQueueFlag(flags *pflag.FlagSet, queue *string) {
	flags.StringVar(queue, "queue", "", "the queue's `FILE` or PostgreSQL URL (default: the configuration's, else the state folder's)")
}

func (f *configFlags) addToFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.to, "to", "",
		"send the events to the awf-hook serve at this `URL` instead of the settings' webhooks, with $AWF_HOOK_TOKEN or $AWF_HOOK_SECRET")
}

func (f *configFlags) addTrustFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.trustProject, "trust-project", false, "trust the project's files this once, whatever they do; for CI")
}

func (f *configFlags) search() config.Search {
	return config.Search{File: f.file, To: f.to, NoProject: f.noProject, TrustProject: f.trustProject, Env: os.LookupEnv}
}

// origin names the settings that a command reads besides the global ones. A process adopts only what dead processes of
// the same origin left.
func (f *configFlags) origin() string {
	if f.file != "" {
		if full, err := filepath.Abs(f.file); err == nil {
			return "file " + full
		}
		return "file " + f.file
	}
	folder, err := filepath.Abs(".awf")
	if err != nil || f.noProject {
		return "global"
	}
	if _, err := os.Stat(folder); err != nil {
		return "global"
	}
	return "project " + folder
}

// checkFlags runs before every command. exec reports wrong values of flags itself, once its command runs.
func (c *command) checkFlags(cmd *cobra.Command, _ []string) error {
	err := c.readFlags(cmd)
	if isExec(cmd) {
		c.misread, err = cmp.Or(misread(cmd), checkValues(cmd), err), nil
	}
	return err
}

func (c *command) readFlags(cmd *cobra.Command) error {
	if why := localOnly[pathOf(cmd)]; why != "" && cmd.Flag("server").Changed {
		return fmt.Errorf("--server: %s", why)
	}
	if err := c.level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return fmt.Errorf("--log-level: want debug, info, warn or error, got %q", c.logLevel)
	}
	if c.logFormat != "text" && c.logFormat != "json" {
		return fmt.Errorf("--log-format: want text or json, got %q", c.logFormat)
	}
	return nil
}

// load reads a configuration. Its mistakes give the exit code of a bad configuration.
func (c *command) load(search config.Search) (*config.Config, error) {
	cfg, err := search.Load()
	if err != nil {
		if all := check(cfg, err); all.other == nil { // with the mistakes that opening an engine would find
			err = all.mistakes
		}
		return nil, &exitError{exitConfig, err}
	}
	if len(cfg.Files) == 0 && search.To == "" && (cfg.Project == nil || cfg.Project.Settings == "") {
		c.sayf("%s: only the webhooks of workflow definitions apply", noSettings(search))
	}
	if warning := cfg.Project.Warning(); warning != "" {
		c.logger().Warn(warning)
	}
	if cfg.Project != nil && cfg.Project.Err != nil {
		c.say(cfg.Project.Err)
		c.logger().Error("the project's own webhooks are off: its settings have mistakes")
	}
	return cfg, nil
}

// loadDry reads a configuration for a command that delivers nothing. A configuration without webhooks is an error.
func (c *command) loadDry(search config.Search) (*config.Config, error) {
	search.Inspect = true
	cfg, err := c.load(search)
	if err != nil || len(cfg.Files) > 0 || len(cfg.Webhooks) > 0 {
		return cfg, err
	}
	if slices.ContainsFunc(cfg.Workflows.All(), hasWebhooks) {
		return cfg, nil
	}
	return nil, &exitError{exitConfig, errors.New("no webhooks: name a configuration with -c FILE")}
}

// noSettings says where it found no settings, and which file in the current folder may be meant.
func noSettings(search config.Search) string {
	text := "no settings found in " + strings.Join(search.Places(), " and ")
	for _, name := range []string{"awf-hook.yaml", "awf-hook.yml"} {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			return text + " (did you mean -c " + name + "?)"
		}
	}
	return text
}

// openEngine opens an engine. It adds to opts what is the same for every engine of this program.
func (c *command) openEngine(cfg *config.Config, opts engine.Options) (*engine.Engine, error) {
	opts.Logger, opts.Version, opts.ModuleCache = c.logger(), version(), moduleCache()
	defer c.compiling(cfg)()
	eng, err := engine.Open(cfg, opts)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return eng, nil
}

// compiling shows that modules are being compiled, if the configuration has any.
func (c *command) compiling(cfg *config.Config) (end func()) {
	modules := 0
	for i := range cfg.Webhooks {
		for j := range cfg.Webhooks[i].Transform {
			if cfg.Webhooks[i].Transform[j].Kind() == "wasm" {
				modules++
			}
		}
	}
	if modules == 0 {
		return func() {}
	}
	return c.screen.working("compiling the modules of transforms")
}

// moduleCache returns the folder of compiled modules; "" without a home.
func moduleCache() string {
	folder := config.Search{Env: os.LookupEnv}.CacheFolder()
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "wasm")
}

// queueFile returns the queue's place: from the flag, else from the configuration, else in the user's state folder.
func queueFile(search config.Search, cfg *config.Config, flag string) string {
	file := cmp.Or(flag, cfg.Queue.URL.Reveal(), cfg.Queue.Path)
	if folder := search.StateFolder(); file == "" && folder != "" {
		file = filepath.Join(folder, "queue.db")
	}
	return file
}
