package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// checkArguments wraps cobra's errors about arguments: they show the command's usage and name the flags that it needs.
// It refuses empty arguments, except those of exec's command.
func checkArguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, words []string) error {
		if err := checkValues(cmd); err != nil && !isExec(cmd) {
			return err
		}
		usage := strings.TrimSuffix(cmd.UseLine(), " [flags]")
		if check != nil && check(cmd, words) != nil {
			return fmt.Errorf("want %q, got %s", usage, number(words))
		}
		if !isExec(cmd) && slices.Contains(words, "") {
			return fmt.Errorf("want %q, got an empty argument", usage)
		}
		var missing []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if len(f.Annotations[cobra.BashCompOneRequiredFlag]) > 0 && !f.Changed {
				missing = append(missing, "--"+f.Name)
			}
		})
		if len(missing) > 0 {
			return fmt.Errorf("want %s", strings.Join(missing, " and "))
		}
		return nil
	}
}

// first returns the first argument, or a default without arguments.
func first(args []string, otherwise string) string {
	if len(args) > 0 {
		return args[0]
	}
	return otherwise
}

// isExec reports whether a command is exec, which runs its command whatever is wrong with a flag's value.
func isExec(cmd *cobra.Command) bool { return pathOf(cmd) == "exec" }

// lenient is the value of one of exec's flags. It keeps the error of the first text that it cannot read.
type lenient struct {
	pflag.Value
	flag *pflag.Flag
	err  error
}

func (l *lenient) Set(text string) error {
	if err := l.Value.Set(text); err != nil && l.err == nil {
		l.err = unreadable(l.flag, text, err)
	}
	return nil
}

// makeLenient lets a command run whatever is wrong with the flag's value.
func makeLenient(f *pflag.Flag) {
	if _, wrapped := f.Value.(*lenient); !wrapped {
		f.Value = &lenient{Value: f.Value, flag: f}
	}
}

// misread returns the mistake in a value of a lenient flag.
func misread(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if l, is := f.Value.(*lenient); is && l.err != nil {
			err = l.err
		}
	})
	return err
}

// mayBeEmpty lists the flags that may be empty: they give an event a text.
var mayBeEmpty = []string{"emit --workflow", "emit --workflow-id"}

// checkValues refuses empty and negative values of flags. Otherwise a script's unset variable would select everything, or a default.
func checkValues(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, is := f.Value.(pflag.SliceValue); is {
			values = list.GetSlice()
		}
		switch f.Value.Type() {
		case "int", "int64", "duration":
			if strings.HasPrefix(values[0], "-") {
				err = fmt.Errorf("--%s: want 0 or more, got %s", f.Name, values[0])
			}
		default:
			if (len(values) == 0 || slices.Contains(values, "")) && !slices.Contains(mayBeEmpty, cmd.Name()+" --"+f.Name) {
				want, _ := pflag.UnquoteUsage(f)
				err = fmt.Errorf("--%s: want a %s, got an empty text", f.Name, want)
			}
			if (f.Name == "queue" || pathOf(cmd) == "queue move" && f.Name != "config") && config.IsOther(values[0]) {
				err = fmt.Errorf("--%s: want a file or a URL such as postgres://awf@db.example/hooks; ./NAME is a file of any name", f.Name)
			}
		}
	})
	return err
}

// number describes how many arguments a command takes.
func number(words []string) string {
	switch len(words) {
	case 0:
		return "no argument"
	case 1:
		return fmt.Sprintf("the argument %q", words[0])
	}
	return fmt.Sprintf("%d arguments", len(words))
}

// refusals say why a command does not have a flag that others have.
var refusals = map[string]string{
	"json":    "prints no JSON",
	"config":  "reads no configuration",
	"webhook": "is not about one webhook",
}

// alternatives name a command that does what the user of an unknown flag probably wants.
var alternatives = map[string]string{
	"eval --webhook": "awf-hook explain --webhook NAME shows the values of a webhook's filter",
}

// once is the value of a flag that says what a command reads or selects. A second value would silently replace the first. Flags that only
// set something may be given again: scripts do that to override their defaults.
type once struct {
	pflag.Value
	given bool
}

func (o *once) Set(text string) error {
	if o.given && text != o.String() {
		return fmt.Errorf("given twice: %q and %q", o.String(), text)
	}
	err := o.Value.Set(text)
	o.given = err == nil
	return err
}

// selecting lists the flags that are given once.
var selecting = []string{"config", "state", "webhook", "workflow", "event", "run", "source", "text", "since"}

// onlyOnce refuses a second value of a flag that selects.
func onlyOnce(f *pflag.Flag) {
	if _, wrapped := f.Value.(*once); !wrapped && f.Value.Type() == "string" && slices.Contains(selecting, f.Name) {
		f.Value = &once{Value: f.Value}
	}
}

// flagError says what is wrong with a flag: what it wants, which one is meant, or why the command does not have it.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &bare):
		value, _ := pflag.UnquoteUsage(bare.GetFlag())
		return fmt.Errorf("--%s: want a %s", bare.GetFlag().Name, value)
	case errors.As(err, &bad):
		return unreadable(bad.GetFlag(), bad.GetValue(), bad.Unwrap())
	}
	return err
}

// unreadable says what a flag wants instead of a text that it cannot read.
func unreadable(f *pflag.Flag, text string, err error) error {
	want := map[string]string{
		"bool": "true or false", "duration": "a duration like 30s or 5m", "int": "a whole number", "int64": "a whole number",
		"float64": "a number",
	}[f.Value.Type()]
	if want == "" {
		return fmt.Errorf("--%s: %w", f.Name, err)
	}
	return fmt.Errorf("--%s: want %s, got %q", f.Name, want, text)
}

func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) error {
	name := unknown.GetSpecifiedName()
	letters := unknown.GetSpecifiedShortnames()
	isFlag := len(letters) == 1 && unicode.IsLetter(rune(letters[0]))
	if letters != "" && !isFlag && cmd.Name() == "eval" {
		return fmt.Errorf("want -- before an expression that begins with a minus: awf-hook eval -- %s", quoted("-"+letters))
	}
	if letters != "" && name == "c" {
		name = "config"
	}
	if instead := alternatives[cmd.Name()+" --"+name]; instead != "" {
		return fmt.Errorf("--%s: %s", name, instead)
	}
	if why := refusals[name]; why != "" {
		return fmt.Errorf("--%s: %s %s", name, cmd.CommandPath(), why)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := spelling.Nearest(name, names); near != "" {
		return fmt.Errorf("%w: did you mean --%s?", unknown, near)
	}
	return unknown
}
