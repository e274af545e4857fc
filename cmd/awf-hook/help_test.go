package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

const helpFile = root + "testdata/help.txt"

// The help of every command is unchanged, fits the width, and has an example; UPDATE=1 writes it.
func TestHelp(t *testing.T) {
	var all strings.Builder
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		var text strings.Builder
		cmd.SetOut(&text)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "=== %s\n%s\n", cmd.CommandPath(), text.String())
		if !cmd.HasSubCommands() && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() && !strings.Contains(cmd.Long, "Exit codes:") {
			t.Errorf("%s does not say its exit codes", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if utf8.RuneCountInString(line) > 130 {
				t.Errorf("%s: %d characters are too wide for a terminal: %s", cmd.CommandPath(), len(line), line)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&command{}).root())
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(helpFile, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(helpFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("help (-want +got):\n%s", diff)
	}
}

// Each example in the help of a command is a command line that awf-hook takes: its subcommand, its flags and its arguments.
func TestExamplesOfTheHelpAreTaken(t *testing.T) {
	word := regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)
	tried := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			for _, part := range regexp.MustCompile(`\||&&|;|\$\(|<\(`).Split(line, -1) {
				_, line, found := strings.Cut(part, "awf-hook ")
				if !found {
					continue
				}
				line, _, _ = strings.Cut(line, " > ")
				line, _, _ = strings.Cut(line, " >")
				line, _, _ = strings.Cut(strings.TrimRight(line, ")\n "), " < ")
				words := word.FindAllString(line, -1)
				for i := range words {
					words[i] = strings.Trim(words[i], `'"`)
				}
				tried++
				called, rest, err := (&command{}).root().Find(words)
				if err == nil {
					err = called.ParseFlags(rest)
				}
				if err == nil {
					err = called.ValidateArgs(called.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: awf-hook %s: %v", cmd.CommandPath(), line, err)
				}
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&command{}).root())
	if tried < 50 {
		t.Errorf("%d examples", tried)
	}
}
