package format_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/format"
)

//go:generate go test -run ^TestFormatsStandInDocs$ -update

// docs/formats.md is testdata/formats.md, with the table of the formats at FORMATS, followed by a chapter for each format.
func TestFormatsStandInDocs(t *testing.T) {
	var table, b strings.Builder
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		fmt.Fprintf(&table, "| [`%s`](#%s) | %s |\n", name, name, receiver.Summary)
	}
	page, err := os.ReadFile("testdata/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString(strings.Replace(string(page), "FORMATS\n", table.String(), 1))
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		describe(t, &b, receiver)
	}
	golden(t, "../../docs/formats.md", b.String())
}

func describe(t *testing.T, b *strings.Builder, receiver *format.Receiver) {
	t.Helper()
	config, content := receiver.Example()
	fmt.Fprintf(b, "\n## %s\n\n%s. The URL: %s.\n\n```yaml\n%s```\n\n", receiver.Name, upperFirst(receiver.Summary), receiver.URL, config)
	b.WriteString("| option | is | value |\n|---|---|---|\n")
	for _, key := range receiver.Keys {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", key.Name, key.Is, key.Describe())
	}
	b.WriteString("\nIt sends a failed workflow like this")
	if content.URLSuffix != "" {
		fmt.Fprintf(b, ", with `%s` added to the URL", content.URLSuffix)
	}
	if content.ContentType != "" {
		fmt.Fprintf(b, ", as `%s`", content.ContentType)
	}
	if receiver.Policy.Method != "" {
		fmt.Fprintf(b, ", by %s", receiver.Policy.Method)
	}
	fmt.Fprintf(b, ":\n\n```json\n%s\n```\n\n| limit | is | source |\n|---|---|---|\n", pretty(t, content))
	for _, limit := range receiver.Limits {
		fmt.Fprintf(b, "| %s | %d %s | %s |\n", limit.What, limit.Max, limit.Unit, limit.Source)
	}
	b.WriteString("\n| the delivery is | if the receiver answers |\n|---|---|\n")
	for _, row := range receiver.Policy.Rows() {
		fmt.Fprintf(b, "| %s | %s |\n", row[0], row[1])
	}
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
