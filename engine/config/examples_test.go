package config_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/transforms/format"
)

// example parses the configuration of an example.
func example(text string) *config.Config {
	cfg, err := config.Parse("awf-hook.yaml", []byte(text), config.NoEnv)
	if err != nil {
		panic(err)
	}
	return cfg
}

// Load reads a file. It looks up the variables that the file names.
func ExampleLoad() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "awf-hook.yaml")
	if err := os.WriteFile(path, []byte("webhooks: [{name: oncall, url: 'https://${HOST}/hook'}]\n"), 0o600); err != nil {
		panic(err)
	}
	cfg, err := config.Load(path, func(name string) (string, bool) { return "hooks.example.com", name == "HOST" })
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range cfg.Webhooks {
		fmt.Println(w.Name, w.URL)
	}
	// Output: oncall https://hooks.example.com
}

// ParseDraft reads a configuration that somebody tries out. Such a configuration may not name other files of the machine.
func ExampleParseDraft() {
	text := []byte("webhooks: [{url: 'https://hooks.example.com/', secret_file: /etc/shadow}]")
	_, err := config.ParseDraft("draft.yaml", text, config.NoEnv)
	fmt.Println(err)
	// Output: draft.yaml:1:48: webhooks[0].secret_file: not allowed here: this file may come with a checkout, and the key is the user's own
}

func ExampleParseDuration() {
	for _, text := range []string{"90s", "7d"} {
		took, err := config.ParseDuration(text)
		fmt.Println(took, err)
	}
	// Output:
	// 1m30s <nil>
	// 168h0m0s <nil>
}

// Active returns the webhooks that get events, ActiveAnywhere those of definitions, too, and Inactive those that are switched off.
func ExampleConfig() {
	cfg := example(`
webhooks:
  - {name: oncall, url: https://hooks.example.com/a}
  - {name: chat, url: https://hooks.example.com/b, enabled: false}
`)
	fmt.Println(cfg.Active()[0].Name, len(cfg.ActiveAnywhere()), len(cfg.Inactive()), len(cfg.All()), len(cfg.Secrets()))
	same := example("webhooks: [{name: oncall, url: 'https://hooks.example.com/a'}]")
	fmt.Println(cfg.Digest() == same.Digest())
	// Output:
	// oncall 1 1 2 0
	// true
}

// Values lists the values outside of webhooks, each with its source.
func ExampleConfig_Values() {
	for _, v := range example("queue: {max_size: 1GiB}\nwebhooks: []").Values() {
		if v.Key == "queue.max_size" {
			fmt.Println(v.Key, v.Text, v.Place)
		}
	}
	// Output: queue.max_size 1GiB awf-hook.yaml:1
}

// Share names webhooks by a namespace. Machines that share a database may have their configuration in different folders.
func ExampleConfig_Share() {
	cfg := example("queue: {namespace: shop}\nwebhooks: [{name: oncall, url: 'https://hooks.example.com/'}]")
	err := cfg.Share()
	fmt.Println(cfg.Webhooks[0].Identity, err)
	// Output: shop#oncall <nil>
}

// Keys describes every key, for documentation and forms.
func ExampleKeys() {
	for _, k := range config.Keys() {
		if k.Path == "webhooks[].retry.max_attempts" {
			fmt.Println(k.Kind, k.Default, k.Min, k.Max)
		}
	}
	// Output: number 10 1 50
}

// Schema leaves the options of formats open. The schemas of the formats complete it.
func ExampleSchema() {
	fmt.Println(config.Schema()["type"], len(config.FormatSchemas()) > 0)
	// Output: object true
}

// Each format has a schema.
func ExampleFormatSchemas() {
	fmt.Println(len(config.FormatSchemas()) == len(format.Names()))
	// Output: true
}

// A queue is a file or a database.
func ExampleIsDatabase() {
	fmt.Println(config.IsDatabase("/var/lib/awf-hook/queue.db"), config.IsDatabase("postgres://db.example.com/hooks"))
	// Output: false true
}

func ExampleIsOther() {
	fmt.Println(config.IsOther("mysql://db.example.com/hooks"), config.IsOther("dbname=hooks"), config.IsOther("hooks.db"))
	// Output: true true false
}

func ExampleDatabaseName() {
	fmt.Println(config.DatabaseName("postgres://app:password@db.example.com/hooks?sslmode=require"))
	// Output: postgres://db.example.com/hooks
}

// UpdateWants replaces the want of a test by what its events cause now.
func ExampleUpdateWants() {
	text := []byte(`webhooks: [{name: oncall, url: https://hooks.example.com/}]
tests:
  - name: a failure
    event: {event: workflow_error}
    want: []
`)
	cfg := example(string(text))
	updated, err := config.UpdateWants("awf-hook.yaml", text, map[*config.Test][]string{&cfg.Tests[0]: {"- webhook: oncall"}})
	fmt.Print(string(updated))
	fmt.Println(err)
	// Output:
	// webhooks: [{name: oncall, url: https://hooks.example.com/}]
	// tests:
	//   - name: a failure
	//     event: {event: workflow_error}
	//     want:
	//       - webhook: oncall
	// <nil>
}

// Excerpt returns the line of a mistake without its credentials, and the text that puts a caret below the mistake.
func ExampleNewSource() {
	source := config.NewSource([]byte("webhooks:\n  - url: https://hooks.example.com/T0/B1\n    timout: 10s\n"))
	line, indent := source.Excerpt(config.Pos{Line: 3, Col: 5})
	fmt.Println(line)
	fmt.Println(indent + "^")
	line, _ = source.Excerpt(config.Pos{Line: 2, Col: 5})
	fmt.Println(line)
	// Output:
	// timout: <secret>
	//     ^
	//   - url: https://hooks.example.com/<secret>
}
