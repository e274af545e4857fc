//go:build wasip1

// Stock Go with much of its library linked in: what a large but honest module is.
package main

import (
	"encoding/xml"
	"go/parser"
	"html/template"
	"io"
	"net/http"
	"os"
	"regexp"
)

func main() {
	event, _ := io.ReadAll(os.Stdin)
	if len(event) == 0 { // links them; an event is never empty
		_, _ = http.Get(string(event))
		_, _ = parser.ParseExpr(string(event))
		_, _ = template.New("").Parse(string(event))
		_ = xml.Unmarshal(event, new(any))
	}
	name := regexp.MustCompile(`"workflow_name":("[^"]*")`).FindSubmatch(event)
	_, _ = os.Stdout.Write([]byte(`{"text":` + string(name[1]) + `}`))
}
