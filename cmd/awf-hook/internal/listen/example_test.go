package listen_test

import (
	"fmt"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/listen"
)

// Each answer of a script is used in turn, and the last one for all further requests.
func ExampleParseScript() {
	_, err := listen.ParseScript("503x2,429:5,reset,slow:3s,200")
	fmt.Println(err)
	_, err = listen.ParseScript("503,sometimes")
	fmt.Println(err)
	// Output:
	// <nil>
	// "sometimes": want a status from 200 to 599, reset, or slow:DURATION
}
