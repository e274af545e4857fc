package delivery_test

import (
	"fmt"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// The same event for the same webhook has the same id, in each attempt and after a replay.
func ExampleID() {
	id := delivery.ID("e1", "awf-hook.yaml#oncall")
	fmt.Println(id, id == delivery.ID("e1", "awf-hook.yaml#oncall"), id == delivery.ID("e1", "awf-hook.yaml#chat"))
	// Output: msg_vyepnm233c3srpjwdq4oowes2e true false
}

func ExampleCheckHeader() {
	fmt.Println(delivery.CheckHeader("X-Team", "platform"))
	fmt.Println(delivery.CheckHeader("X-Team", "platform\r\nX-Other: 1"))
	fmt.Println(delivery.CheckHeader("Host", "other.example.com"))
	// Output:
	// <nil>
	// control character in a header's value
	// belongs to HTTP itself or to awf-hook
}

// More than one configuration means that a node was not restarted after a change.
func ExampleConfigurations() {
	nodes := []delivery.Node{{Name: "a:17", Config: "d1"}, {Name: "b:9", Config: "d2"}, {Name: "c:4", Config: "d1"}}
	for _, c := range delivery.Configurations(nodes) {
		fmt.Println(c.Digest, c.Nodes)
	}
	// Output:
	// d1 [a:17 c:4]
	// d2 [b:9]
}

// A lane of two attempts per second with a quarter of a token may make its next attempt in 375 ms.
func ExampleTokenWait() {
	fmt.Println(delivery.TokenWait(0.25, 2))
	// Output: 375ms
}
