package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// exitCodes are the exit codes of commands, beside 0 for success and 2 for bad arguments. Those not listed have 1 for a failure.
var exitCodes = map[string]string{
	"run": "0 everything accepted is delivered or kept, 1 something was lost, 3 bad configuration, 4 bad lines with --strict,\n" +
		"5 not delivered with --wait-delivered, or refused for good with --fail-on-dead. The first of 3, 2, 1, 5, 4 counts.",
	"exec": "the command's; 126 it cannot be run, 127 not found; 5 it succeeded and something is not delivered with\n" +
		"--wait-delivered, or refused for good with --fail-on-dead.",
	"follow": "0 everything accepted is delivered or kept, 1 something was lost, 3 bad configuration.",
	"serve":  "0 everything accepted is delivered or kept, 1 something was lost, 3 bad configuration.",
	"emit": "0 delivered or kept, 1 lost, 3 bad configuration, 5 not delivered with --wait-delivered, or refused for good with\n" +
		"--fail-on-dead.",
	"check":           "0 no mistake, 3 a mistake or nothing to check, with --strict also a warning.",
	"preview":         "0 success, 1 a difference with --diff or a failure, 3 bad configuration or none.",
	"explain":         "0 success, 1 a failure, 3 bad configuration or none.",
	"test":            "0 all tests passed, 1 a test failed, 3 bad configuration or no test.",
	"transform test":  "0 all tests passed, 1 a test failed, 3 bad configuration or no test.",
	"transform run":   "0 success, 1 the module failed on an event.",
	"verify":          "0 every signature is good, 1 one is bad or there is none.",
	"webhooks test":   "0 the receiver took the event, 1 it did not, 3 bad configuration or none.",
	"doctor":          "0 no error, 1 an error was found, 3 bad configuration.",
	"deliveries send": "0 everything due is delivered or kept, 1 a failure, 3 bad configuration, 5 as for run.",
}

// otherNames are words for a command that users of other tools try.
var otherNames = map[string][]string{
	"check":           {"lint", "validate"},
	"run":             {"start", "pipe"},
	"follow":          {"tail", "watch"},
	"serve":           {"daemon", "server", "agent"},
	"preview":         {"dry-run", "dryrun"},
	"doctor":          {"diagnose", "status", "debug"},
	"listen":          {"receive"},
	"top":             {"monitor", "dashboard", "stats", "lanes"},
	"deliveries":      {"queue", "dead"},
	"deliveries list": {"ls", "lst"},
	"webhooks list":   {"ls", "lst"},
	"formats":         {"format"},
}

// jsonless are commands below one with --json that print nothing for programs to read.
var jsonless = []string{"deliveries backup", "deliveries move", "webhooks disable", "webhooks pause", "webhooks enable"}

// refusesJSON says whether --json means nothing to a command.
func refusesJSON(cmd *cobra.Command) bool {
	return slices.Contains(jsonless, strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "))
}

// describe completes a command and those below it: exit codes in its help, and suggestions for misspelt subcommands.
func describe(cmd *cobra.Command) {
	path := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
	complete(cmd, path)
	cmd.SuggestFor = otherNames[path]
	cmd.SuggestionsMinimumDistance = 2
	switch codes, listed := exitCodes[path]; {
	case listed:
		cmd.Long += "\n\nExit codes: " + codes
	case !cmd.HasSubCommands():
		cmd.Long = strings.TrimSpace(cmd.Long + "\n\nExit codes: 0 success, 1 a failure.")
	}
	if cmd.HasSubCommands() {
		cmd.Args = onlySubcommands
		if cmd.RunE == nil {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	for _, sub := range cmd.Commands() {
		describe(sub)
	}
}

// onlySubcommands refuses what is not a subcommand, and suggests one.
func onlySubcommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	near := cmd.SuggestionsFor(args[0])
	for _, sub := range cmd.Commands() {
		if slices.Contains(sub.SuggestFor, args[0]) {
			near = []string{sub.Name()} // and not what is spelt alike
		}
	}
	if len(near) > 0 {
		return fmt.Errorf("%w: did you mean %s?", err, strings.Join(near, " or "))
	}
	return err
}
