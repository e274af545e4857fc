package page

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
)

// quote quotes a text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// curl returns a command that sends the same request. The user must fill in what is masked.
func curl(r view.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "curl -X %s %s", r.Method, quote(r.URL))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&b, " \\\n  -H %s", quote(name+": "+value))
		}
	}
	fmt.Fprintf(&b, " \\\n  --data-binary %s\n", quote(r.Body))
	return b.String()
}

// verify returns the request in HTTP's wire format, which awf-hook verify reads.
func verify(r view.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s / HTTP/1.1\r\n", r.Method)
	fmt.Fprintf(&b, "Host: %s\r\n", strings.TrimPrefix(strings.TrimPrefix(r.URL, "https://"), "http://"))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.Body), r.Body)
	return b.String()
}
