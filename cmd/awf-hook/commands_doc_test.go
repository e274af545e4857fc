package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// outputs are the types of what the commands print with --json: an object, or one on each line.
var outputs = map[string]any{
	"backtest":          backtestJSON{},
	"check":             checkJSON{},
	"doctor":            doctorJSON{},
	"deliveries list":   api.Item{},
	"deliveries show":   api.Detail{},
	"emit":              engine.Report{},
	"eval":              evaluated{},
	"exec":              engine.Report{},
	"explain":           engine.Explanation{},
	"follow":            engine.Report{},
	"serve":             engine.Report{},
	"listen":            engine.Received{},
	"top":               laneRate{},
	"operations":        engine.Operation{},
	"preview":           engine.Preview{},
	"run":               engine.Report{},
	"test":              testJSON{},
	"webhooks list":     api.Lane{},
	"transform test":    testJSON{},
	"webhooks test":     triedJSON{},
	"deliveries delete": api.Item{},
	"deliveries replay": api.Item{},
	"deliveries send":   engine.Report{},
}

// glossary says what each name in the output of any command means. One name means one thing.
var glossary = map[string]string{
	"clock_skew": "the receiver's clock less this machine's",
	"findings":   "what doctor looked at, part by part",
	"level":      "`good`, `warning` or `error`",
	"part":       "the part of the page: `awf`, `configuration`, `receivers`, `samples` or `queue`",
	"text":       "the finding in words",
	"version":    "awf-hook's version",
	"accepted":   "when the event was accepted",
	"at":         "when the request or the change was made, or the request came in",
	"phases":     "where the attempt's time went",
	"connect":    "until the connection was open",
	"tls":        "until the TLS handshake ended",
	"first_byte": "from the end of the request to the first byte of the answer",
	"count":      "how many deliveries or lanes were changed",
	"target":     "the delivery, the webhook, or the filter in words",
	"what":       "the change: `replay`, `delete`, `move`, `enable`, `disable`, `pause`",
	"who":        "the name of the token, or of the machine's user",
	"again":      "delivered, but the queue could not be told: they are sent again",
	"attempt":    "the attempt's number, from 1",
	"attempts":   "how many attempts were made",
	"bad_lines":  "lines of a known dialect that are broken",
	"body":       "the request's body",
	"bytes":      "what the webhook's deliveries take in the queue, roughly",
	"choice": "what the webhook does with the event: `sent`, `other_type`, `filtered_out`, `filter_failed`, " +
		"`dropped`, `transform_failed` or `not_signed`",
	"closed":          "why the webhook's lane is closed; of a report true if all that waits is for closed webhooks",
	"code":            "which kind of mistake it is",
	"column":          "the column in the file, from 1",
	"dead":            "deliveries given up: dead letters",
	"dead_lost":       "dead letters that end with the process",
	"dead_spilled":    "dead letters in the files `spill`",
	"delivered":       "deliveries that their receivers took",
	"deliveries":      "deliveries that the events made",
	"decided":         "true for the part of a filter that made it true or false",
	"depth":           "how many parts of the expression are around this one",
	"diff":            "how what would be sent differs from what is wanted, as a unified diff",
	"discarded":       "dead letters that made room for others",
	"done":            "when the delivery got its outcome",
	"dropped":         "true if the transform found nothing to send; as a number, such deliveries",
	"due":             "when the next attempt is due",
	"earlier":         "what became of deliveries that other processes accepted; of a webhook, how many of them wait",
	"earlier_unknown": "true if the queue's file could not be opened",
	"error":           "why it failed",
	"expression":      "the expression with its values",
	"requests":        "requests that the webhook would have made",
	"peak":            "requests in the fullest minute",
	"rate":            "the rate as configured",
	"old_requests":    "requests of the webhook of this name in the old configuration",
	"only_new":        "events for which the old configuration sends nothing",
	"only_old":        "events for which the new configuration sends nothing",
	"changed":         "events for which the bodies differ",
	"samples":         "differences as unified diffs",
	"event":           "the event's type",
	"event_id":        "the event's id",
	"events":          "events that were accepted; of a webhook, its globs",
	"expressions":     "the expressions of a map, in the order in which they ran",
	"failures":        "attempts in a row that failed; of a backtest, events for which no request could be made",
	"file":            "the file's name",
	"filter":          "the filter's expression with its values",
	"fuel":            "what the module used of its fuel",
	"fuel_limit":      "the fuel that the module could use for this event",
	"fuel_percent":    "the most that a module used of its fuel, in percent, in the process that settled last",
	"gone":            "true if the receiver wants nothing more, ever",
	"headers":         "the request's headers, by name; `<secret>` stands for what may be a secret",
	"held":            "why the delivery is not sent though it may be due",
	"id":              "the delivery's id",
	"identity":        "the webhook's identity, FILE#NAME",
	"in":              "the body before the step",
	"in_flight":       "deliveries that another process is sending",
	"kept":            "deliveries that wait in the queue's file",
	"key":             "the key of the configuration",
	"kind":            "the kind of step: `map`, `format` or `wasm`",
	"known":           "deliveries, and starts and ends of runs, that were there before",
	"last_dead":       "the last dead letter",
	"last_error":      "why the last attempt failed",
	"last_error_at":   "when it failed",
	"left_out":        "what a format left out of its message, and why",
	"line":            "the line in the file, from 1",
	"lost":            "deliveries that wait in memory alone: they end with the process",
	"message":         "the mistake in words",
	"method":          "the request's method",
	"missing":         "true if the event does not have the part",
	"problems":        "why the test failed, in words",
	"per_minute":      "deliveries a minute that arrive",
	"mistakes":        "the mistakes and warnings, by their places",
	"name":            "the test's name",
	"next":            "when the next attempt may be made",
	"not_counted":     "true if the fault is on this side, so that the attempt does not count",
	"number":          "the request's number, from 1",
	"ok":              "true if the test passed",
	"out":             "the body after the step",
	"outcome":         "`delivered`, `retry`, `dead` or `dropped`",
	"parts":           "the parts of the expression with their values, the whole first",
	"orphans":         "webhooks that are in no configuration any more, of which something is in the queue",
	"passed":          "lines of AWF's own output",
	"path":            "the key in the configuration, the place of a map's expression, or the request's path",
	"paused_until":    "until when the webhook's lane rests",
	"place":           "where it stands in the configuration, FILE:LINE",
	"queue":           "the queue's file",
	"reason":          "why the attempt failed, or the delivery is dead or dropped",
	"refused":         "events for which the queue had no room",
	"replay":          "true after a replay",
	"reply":           "what listen answered",
	"response":        "the beginning of what the receiver answered",
	"retry_after":     "how long the receiver asked to wait",
	"retrying":        "deliveries to try again",
	"seq":             "the number for --before",
	"signatures":      "for each scheme that signed the request `good`, or what is wrong",
	"source":          "of an expression or its part the text; of a delivery the token or signature by which a server got its event",
	"spill":           "files with what the queue did not take: `run` takes it back",
	"journaled":       "`spill` is a spill file beside a database that is away: the next awf-hook on this machine takes it up by itself",
	"spilled":         "deliveries that wait in the files `spill`",
	"state": "of a delivery `due`, `in_flight`, `delivered`, `dead` or `dropped`; " +
		"of a lane `open`, `resting`, `failing` or `closed`",
	"status":             "the status of the receiver's answer",
	"steps":              "the steps of the transform",
	"taken":              "deliveries that another process ended, or somebody deleted",
	"timeline":           "the attempts",
	"times":              "how often the part was evaluated",
	"to":                 "the webhook that an orphan probably is now, FILE#NAME",
	"took":               "how long it took",
	"transform_failures": "transforms in a row that failed",
	"trouble":            "why something is in memory or in `spill` alone",
	"unread":             "why the queue cannot be read",
	"unstored":           "deliveries that end with the process",
	"url":                "the receiver's scheme and host",
	"value":              "the value; of a key as a person would write it, with secrets masked",
	"values":             "the values that hold",
	"variables":          "the environment variables that the value reads",
	"waiting":            "deliveries not tried yet; of a lane all without an outcome",
	"warning":            "true for what is allowed but unwise",
	"webhook":            "the webhook's name",
	"webhooks":           "the webhooks; of a report, those of which something is not delivered",
	"why":                "why the choice was made",
	"workflow":           "the only workflow that the webhook is for",
	"workflow_id":        "the run's id",
	"trace_id":           "the trace that the event belongs to",
	"workflow_name":      "the workflow's name",
}

// docs/commands.md has each command's help and what it prints with --json; UPDATE=1 writes it anew.
func TestHelpStandsInDocs(t *testing.T) {
	used := map[string]bool{}
	var b strings.Builder
	b.WriteString(`# Commands

Written by a test from the commands themselves. Data goes to stdout and messages to stderr. With ` + "`--json`" + `
a command prints an object, or an object on each line; one name means the same in all of them. Fields that do not apply are left
out. Times are RFC 3339, durations are seconds.
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
	for name := range glossary {
		if !used[name] {
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
	output, listed := outputs[path]
	hasJSON := cmd.Flag("json") != nil
	if hasJSON && !listed && !slices.Contains([]string{"deliveries", "webhooks", "events"}, path) && !refusesJSON(cmd) {
		t.Errorf("%s has --json, and no type in outputs", path)
	}
	if !listed {
		return
	}
	fmt.Fprintf(b, "\n| --json | is | |\n|---|---|---|\n")
	for _, f := range fields(reflect.TypeOf(output), "") {
		name := f[0][strings.LastIndexByte(f[0], '.')+1:]
		name = strings.TrimSuffix(name, "[]")
		used[name] = true
		if glossary[name] == "" {
			t.Errorf("%s prints %q, which is not in the glossary", path, name)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f[0], f[1], glossary[name])
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

// fields lists the names and kinds of a type's JSON.
func fields(typ reflect.Type, prefix string) (list [][2]string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case f.Anonymous && name == "":
			list = append(list, fields(inner, prefix)...)
			continue
		case name == "" || name == "-" || !f.IsExported():
			continue
		}
		list = append(list, kindOf(inner, prefix+name)...)
	}
	return list
}

// kindOf lists a field, and those within.
func kindOf(typ reflect.Type, name string) [][2]string {
	text := reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()
	switch {
	case typ == reflect.TypeFor[time.Time]():
		return [][2]string{{name, "time"}}
	case typ == reflect.TypeFor[time.Duration]():
		return [][2]string{{name, "seconds"}}
	case typ == reflect.TypeFor[[]byte](), typ.Implements(text):
		return [][2]string{{name, "text"}}
	case typ == reflect.TypeFor[http.Header](), typ.Name() == "Signatures":
		return [][2]string{{name, "object of texts"}}
	case typ == reflect.TypeFor[expression.Trace](): // see its MarshalJSON
		list := [][2]string{{name, "object"}}
		for _, f := range [][2]string{
			{"path", "text"}, {"source", "text"}, {"value", "any"}, {"error", "text"}, {"parts", "list"}, {"parts[].source", "text"},
			{"parts[].depth", "number"}, {"parts[].times", "number"}, {"parts[].decided", "true"},
			{"parts[].missing", "true"}, {"parts[].value", "any"}, {"took", "seconds"},
		} {
			list = append(list, [2]string{name + "." + f[0], f[1]})
		}
		return list
	}
	switch typ.Kind() {
	case reflect.String:
		return [][2]string{{name, "text"}}
	case reflect.Bool:
		return [][2]string{{name, "true or false"}}
	case reflect.Slice:
		elem := typ.Elem()
		for elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		if elem.Kind() != reflect.Struct {
			return [][2]string{{name, "list of texts"}}
		}
		inner := kindOf(elem, name+"[]")
		inner[0] = [2]string{name, "list"}
		return inner
	case reflect.Struct:
		return append([][2]string{{name, "object"}}, fields(typ, name+".")...)
	}
	return [][2]string{{name, "number"}}
}
