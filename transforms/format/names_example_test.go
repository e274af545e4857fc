package format_test

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/awf-project/awf-hook/transforms/format"
)

// Every name of a format has a receiver, with an example of its message.
func ExampleNames() {
	fmt.Println(slices.Contains(format.Names(), "slack"))
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		if _, content := receiver.Example(); len(content.Body) == 0 {
			fmt.Println(name, "has no example")
		}
	}
	pagerduty, _ := format.Lookup("pagerduty")
	fmt.Println(pagerduty.Secrets())
	// Output:
	// true
	// [routing_key]
}

// CheckHost finds messages that their receiver would not understand.
func ExampleCheckHost() {
	u := &url.URL{Scheme: "https", Host: "hooks.slack.com", Path: "/services/T0/B1"}
	fmt.Println(format.CheckHost(u, "discord"))
	fmt.Printf("%q\n", format.CheckHost(u, "slack"))
	// Output:
	// this is the host of the format slack, not of discord
	// ""
}
