// Command filtermap reads events from stdin and writes what a configuration's first webhook would send, one body to a line.
// It is awf-hook without queue and network, for measuring filters and maps.
package main

import (
	"bufio"
	"context"
	"errors"
	"log"
	"os"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms"
)

func main() {
	cfg, err := config.Load(os.Args[1], os.LookupEnv)
	if err != nil {
		log.Fatal(err)
	}
	w := cfg.Webhooks[0]
	var globs []filters.Glob
	for _, text := range w.Events {
		globs = append(globs, filters.Glob(text.Value))
	}
	program, err := expression.CompileBool(w.Filter.Value)
	if err != nil {
		log.Fatal(err)
	}
	filter := filters.New(globs, program)
	compiler := transforms.Compiler{Expressions: new(expression.Compiler)}
	chain, mistakes := compiler.Compile(context.Background(), w.Transform)
	if len(mistakes) > 0 {
		log.Fatal(mistakes)
	}
	out := bufio.NewWriter(os.Stdout)
	var envs expression.Envs
	reader := &event.Reader{Name: "<stdin>", Event: func(ev event.Event) {
		in := envs.Of(&ev)
		defer envs.Keep(in)
		if match, err := filter.Match(in); err != nil || !match {
			return
		}
		content, err := chain.Apply(context.Background(), in)
		if err != nil {
			log.Fatal(err)
		}
		_, _ = out.Write(content.Body)
		_ = out.WriteByte('\n')
	}}
	if _, err := reader.ReadFrom(os.Stdin); err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(out.Flush()); err != nil {
		log.Fatal(err)
	}
}
