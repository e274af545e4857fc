package format_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/format"
)

//go:generate go test -run ^TestFormatsStandInDocs$ -update

// docs/formats.md is made of the tables.
func TestFormatsStandInDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString(docsHead)
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", name, name, receiver.Summary)
	}
	b.WriteString(docsRules)
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		describe(t, &b, receiver)
	}
	golden(t, "../../docs/formats.md", b.String())
}

const docsHead = `# Formats

A format makes of an event the message that one kind of receiver takes: ` + "`transform: [{format: slack}]`" + `. It is told more by ` + "`with:`" + `.
` + "`awf-hook formats NAME`" + ` shows what stands here.

| format | makes |
|---|---|
`

const docsRules = `
What all of them do:

- **Options** are checked when the configuration is read. Where a text is meant it may be an expression: ` + "`=payload.exit_code`" + ` is one,
  ` + "`{{ workflow_name }}`" + ` is put into the text around it, ` + "`==`" + ` at the beginning stands for ` + "`=`" + `. What an event does not have is an empty text.
- **Nothing is markup.** Neither what an event holds nor what an option says is read as markup, as a link or as a mention.
  Only ` + "`link`" + ` gives a text a link, and only ` + "`mentions`" + ` call people; an address that is written out some receivers make clickable. Terminal colours, control characters and characters that turn the
  direction of the text are taken out.
- **Nothing is too long.** Texts are shrunk to the receiver's limits at the borders of what a reader sees as one character. A long text keeps
  its beginning and its end: ` + "`head… (12,345 characters cut) …tail`" + `. Where a receiver counts characters, UTF-16 units are counted, which
  are never fewer.
- **The receiver is treated as it wants.** Unless the webhook says otherwise, no more is sent than it takes (` + "`rate`" + `), and what is about one alert
  comes in order (` + "`order_by`" + `). Its answers are understood in its own words: a refusal that comes with 200 is none that was delivered, a rest that it asks
  for is kept, and one that wants nothing more closes its webhook until ` + "`awf-hook webhooks enable`" + `.
- **A step before is respected.** After a ` + "`map`" + ` or a ` + "`wasm`" + ` the message tells of what that step made: an envelope replaces the event, any
  other object its payload. What was taken out stays out, but for an expression in ` + "`with`" + ` that asks for the event itself.
- **Secrets** are literal texts or variables, and show nowhere. A key that a receiver wants in the body, such as PagerDuty's, stands in the queue.
- **Errors** of workflows can hold what a command printed. ` + "`error: false`" + ` leaves them out.
`

func describe(t *testing.T, b *strings.Builder, receiver *format.Receiver) {
	t.Helper()
	config, content := receiver.Example()
	fmt.Fprintf(b, "\n## %s\n\n%s. The URL: %s.\n\n```yaml\n%s```\n\n", receiver.Name, upperFirst(receiver.Summary), receiver.URL, config)
	b.WriteString("| option | is | value |\n|---|---|---|\n")
	for _, key := range receiver.Keys {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", key.Name, key.Is, key.Describe())
	}
	b.WriteString("\nA failed workflow is sent so")
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
	b.WriteString("\n| the receiver | says so |\n|---|---|\n")
	for _, row := range receiver.Policy.Rows() {
		fmt.Fprintf(b, "| %s | %s |\n", row[0], row[1])
	}
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
