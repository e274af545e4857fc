// Command awf-hook turns events of AWF workflows into signed webhooks.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
