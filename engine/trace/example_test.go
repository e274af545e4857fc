package trace_test

import (
	"fmt"

	"github.com/awf-project/awf-hook/engine/trace"
)

// New begins a trace, and Next makes a span in it.
func ExampleNew() {
	root := trace.New()
	next := root.Next()
	fmt.Println(root.ID == next.ID, root.Span == next.Span, next.IsZero())
	// Output: true false false
}

// Parse takes a trace from the headers of a request, and Parent returns the header for the next one.
func ExampleParse() {
	c := trace.Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1")
	fmt.Println(c.Name(), c.IsSampled(), c.State)
	fmt.Println(c.Parent())
	fmt.Println(trace.Parse("no parent", "").IsZero())
	// Output:
	// 4bf92f3577b34da6a3ce929d0e0e4736 true vendor=1
	// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	// true
}

// A queue stores a place in a trace as text.
func ExampleFromText() {
	c := trace.Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1")
	fmt.Println(trace.FromText(c.Text()) == c)
	// Output: true
}
