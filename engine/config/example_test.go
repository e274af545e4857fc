package config_test

import (
	"errors"
	"fmt"

	"github.com/awf-project/awf-hook/engine/config"
)

// Parse reports every mistake at once, each with its place. NoEnv is an environment without variables.
func ExampleParse() {
	_, err := config.Parse("awf-hook.yaml", []byte(`
webhooks:
  - url: https://hooks.example.com/
    retry: {max_attempts: 0}
    timout: 10s
`), config.NoEnv)
	var mistakes config.Errors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			fmt.Println(m)
		}
	}
	// Output:
	// awf-hook.yaml:4:27: webhooks[0].retry.max_attempts: want 1 to 50, got 0
	// awf-hook.yaml:5:5: webhooks[0].timout: unknown key, did you mean timeout?
}

func ExampleIsListen() {
	fmt.Println(config.IsListen("127.0.0.1:8470"))
	fmt.Println(config.IsListen("8470"))
	// Output:
	// true
	// false
}

// IsContentType refuses what receivers would read in different ways.
func ExampleIsContentType() {
	for _, text := range []string{"text/plain; charset=utf-8", "text/plain; charset", "plain"} {
		fmt.Println(text, config.IsContentType(text))
	}
	// Output:
	// text/plain; charset=utf-8 true
	// text/plain; charset false
	// plain false
}

// A webhook's identity tells where it is configured, or which server --to named.
func ExampleSplitIdentity() {
	fmt.Println(config.SplitIdentity("/home/ci/c#/awf-hook.yaml#oncall"))
	// Output: /home/ci/c#/awf-hook.yaml oncall
}

func ExampleServerOf() {
	for _, identity := range []string{
		"/home/ci/.config/awf/--to http:127.0.0.1:8080#server",
		"/home/c#/.config/awf/--to http:127.0.0.1:8080#server",
		"/home/ci/awf-hook.yaml#server",
	} {
		file, _ := config.SplitIdentity(identity)
		fmt.Printf("%q\n", config.ServerOf(file))
	}
	// Output:
	// "http://127.0.0.1:8080"
	// "http://127.0.0.1:8080"
	// ""
}

// In a database, the namespace takes the place of the file, and keeps the servers of --to apart.
func ExampleQueue_Shared() {
	queue := config.Queue{Namespace: "shop"}
	fmt.Println(queue.Shared("/etc/awf-hook.yaml#oncall"))
	fmt.Println(queue.Shared("/home/ci/.config/awf/--to http:127.0.0.1:8080#server"))
	// Output:
	// shop#oncall
	// shop/--to http:127.0.0.1:8080#server
}
