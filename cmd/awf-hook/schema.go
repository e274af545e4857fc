package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/author"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/schema"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/spf13/cobra"
)

// printed describes the output of a command with --json.
type printed struct {
	how string // one of those below
	of  []any  // values of the types that its objects may have
}

// How a command prints JSON.
const (
	eachLine  = "an object on each line of stdout"
	oneObject = "one object on stdout"
	inReport  = "one object on stderr, as the last line but for log messages; stdout is the command's or AWF's own"
)

// outputs holds the output of the commands with --json, by their paths.
var outputs = map[string]printed{
	"backtest":          {eachLine, []any{backtestJSON{}}},
	"check":             {oneObject, []any{checkJSON{}}},
	"deliveries backup": {eachLine, []any{backupJSON{}}},
	"deliveries delete": {eachLine, []any{api.Item{}, api.CountAnswer{}}},
	"deliveries list":   {eachLine, []any{api.Item{}}},
	"deliveries move":   {eachLine, []any{api.CountAnswer{}}},
	"deliveries replay": {eachLine, []any{api.Item{}, api.CountAnswer{}}},
	"deliveries send":   {inReport, []any{engine.Report{}}},
	"deliveries show":   {eachLine, []any{api.Detail{}}},
	"doctor":            {oneObject, []any{doctorJSON{}}},
	"emit":              {inReport, []any{engine.Report{}}},
	"eval":              {eachLine, []any{evaluated{}}},
	"events":            {eachLine, []any{eventJSON{}}},
	"exec":              {inReport, []any{engine.Report{}}},
	"explain":           {eachLine, []any{engine.Explanation{}}},
	"follow":            {inReport, []any{engine.Report{}}},
	"formats":           {eachLine, []any{formatJSON{}}},
	"functions":         {eachLine, []any{functionJSON{}}},
	"listen":            {eachLine, []any{listen.Request{}}},
	"operations":        {eachLine, []any{engine.Operation{}}},
	"preview":           {eachLine, []any{engine.Preview{}}},
	"queue check":       {eachLine, []any{queueCheckJSON{}}},
	"run":               {inReport, []any{engine.Report{}}},
	"secret new":        {eachLine, []any{secretJSON{}}},
	"secret token":      {eachLine, []any{tokenJSON{}}},
	"serve":             {inReport, []any{engine.Report{}}},
	"sign":              {eachLine, []any{signedJSON{}}},
	"test":              {eachLine, []any{testJSON{}}},
	"top":               {eachLine, []any{laneRate{}}},
	"transform inspect": {eachLine, []any{author.Inspection{}}},
	"transform test":    {eachLine, []any{testJSON{}}},
	"trust":             {eachLine, []any{trustJSON{}}},
	"verify":            {eachLine, []any{verifiedJSON{}}},
	"version":           {eachLine, []any{versionJSON{}}},
	"webhooks disable":  {eachLine, []any{api.LaneAnswer{}}},
	"webhooks enable":   {eachLine, []any{api.LaneAnswer{}}},
	"webhooks list":     {eachLine, []any{api.Lane{}}},
	"webhooks pause":    {eachLine, []any{api.LaneAnswer{}}},
	"webhooks test":     {eachLine, []any{triedJSON{}}},
}

// maker makes the schemas of the commands' output.
func maker() *schema.Maker {
	m := &schema.Maker{Means: meaning}
	oneOf := func(names ...string) *schema.Schema { return &schema.Schema{Type: "string", Enum: names} }
	m.Of = map[reflect.Type]*schema.Schema{
		reflect.TypeFor[delivery.State]():   oneOf(api.StateNames()...),
		reflect.TypeFor[delivery.Outcome](): oneOf("delivered", "retry", "dead", "dropped"),
		reflect.TypeFor[engine.Choice](): oneOf("sent", "other_type", "filtered_out", "filter_failed", "dropped",
			"transform_failed", "not_signed"),
		reflect.TypeOf(listen.Request{}.Signatures): {Type: "object", Additional: &schema.Schema{Type: "string"}},
	}
	m.Of[reflect.TypeFor[expression.Trace]()] = m.Object(reflect.TypeFor[expression.TraceJSON]())
	return m
}

// schemaOf returns the schema of an object that a command prints with --json.
func schemaOf(path string) (*schema.Schema, bool) {
	out, known := outputs[path]
	if !known {
		out, known = outputs[path+" list"]
	}
	if !known {
		return nil, false
	}
	m, whole := maker(), &schema.Schema{}
	for _, of := range out.of {
		whole.AnyOf = append(whole.AnyOf, m.Object(reflect.TypeOf(of)))
	}
	if len(whole.AnyOf) == 1 {
		whole = whole.AnyOf[0]
	}
	whole.Draft = "https://json-schema.org/draft/2020-12/schema"
	whole.Title = "awf-hook " + path + " --json"
	whole.Description = out.how
	return whole, true
}

func (c *command) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "schema [COMMAND]",
		Args: cobra.MaximumNArgs(3), // awf-hook deliveries list
		ValidArgsFunction: func(_ *cobra.Command, words []string, typed string) ([]string, cobra.ShellCompDirective) {
			var next []string
			for _, path := range slices.Sorted(maps.Keys(outputs)) {
				parts := strings.Fields(path)
				if len(parts) > len(words) && slices.Equal(parts[:len(words)], words) && strings.HasPrefix(parts[len(words)], typed) {
					next = append(next, parts[len(words)])
				}
			}
			return slices.Compact(next), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, words []string) error {
			if len(words) == 0 {
				rows := [][]string{{"COMMAND", "PRINTS"}}
				for _, path := range slices.Sorted(maps.Keys(outputs)) {
					rows = append(rows, []string{path, outputs[path].how})
				}
				printTable(c.out, rows)
				return nil
			}
			path := strings.TrimPrefix(strings.Join(words, " "), "awf-hook ")
			s, known := schemaOf(path)
			all := (&command{}).root()
			if of, rest, err := all.Find(strings.Fields(path)); err != nil || len(rest) > 0 || of == all {
				return fmt.Errorf("no command awf-hook %s: awf-hook schema lists those that print JSON", plain(path))
			}
			if !known {
				return fmt.Errorf("awf-hook %s prints no JSON: awf-hook schema lists the commands that do", plain(path))
			}
			encodeIndented(c.out, "", "  ", s)
			return nil
		},
	}
}
