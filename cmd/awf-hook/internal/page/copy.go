package page

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine/legible"
)

// fields returns the lines of a header, sorted by name.
func fields(h http.Header) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = append(lines, name+": "+value)
		}
	}
	return lines
}

// curl returns a command that sends the same request. The user must fill in what is masked.
func curl(r view.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "curl -X %s %s", r.Method, legible.Word(r.URL))
	for _, line := range fields(r.Header) {
		fmt.Fprintf(&b, " \\\n  -H %s", legible.Word(line))
	}
	fmt.Fprintf(&b, " \\\n  --data-binary %s\n", legible.Word(r.Body))
	return b.String()
}

// verify returns the request in HTTP's wire format, which awf-hook verify reads.
func verify(r view.Request) string {
	_, host, _ := strings.Cut(r.URL, "://")
	head := append([]string{r.Method + " / HTTP/1.1", "Host: " + host}, fields(r.Header)...)
	return strings.Join(head, "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(r.Body), r.Body)
}
