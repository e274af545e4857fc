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

A format turns an event into the message that one kind of receiver takes: ` + "`transform: [{format: slack}]`" + `. Its options stand under ` + "`with:`" + `.
` + "`awf-hook formats NAME`" + ` shows what this page says about a format.

| format | makes |
|---|---|
`

const docsRules = `
All formats follow these rules:

- **Options** are checked when awf-hook reads the configuration. A text may be an expression: ` + "`=payload.exit_code`" + ` is one,
  ` + "`{{ workflow_name }}`" + ` inserts one into a text, and ` + "`==`" + ` at the beginning stands for ` + "`=`" + `. A value that an event does not have is an empty text.
  Words that a receiver knows, such as ` + "`trigger`" + `, may be written in any case. ` + "`check`" + ` reports a wrong constant; a wrong word from an
  expression makes a dead letter with the reason.
- **A failure wins.** A message says that something succeeded only if the type, the status and the exit code all allow it. A status that AWF does not
  use is shown as it is, and resolves no alert.
- **Nothing is markup.** No receiver reads an event's data, or an option's text, as markup, a link or a mention.
  Only ` + "`link`" + ` makes a link and only ` + "`mentions`" + ` calls people. Some receivers make an address that is written out clickable, and some show
  the name of an emoji as the emoji. Terminal sequences, control characters and characters that override the direction of the text are removed.
- **Nothing is too long.** Long texts are cut to the receiver's limits, never inside a character as a reader sees it. A long text keeps
  its beginning and its end: ` + "`head… (12,345 characters cut) …tail`" + `. Where a receiver counts characters, awf-hook counts UTF-16 units, which are
  never fewer.
- **Links survive.** In ` + "`https://ci.example.com/{{ workflow_name }}?user={{ payload.user }}`" + ` each value is percent-encoded for its place. A link
  given as one expression, ` + "`=payload.url`" + `, is not encoded.
- **What is left out is said.** A link, a mention or a thread that the receiver would refuse is left out of the message. The log says so at
  debug level, and ` + "`awf-hook explain`" + ` shows it.
- **The receiver sets the pace.** Unless the webhook says otherwise, it gets no more than it accepts (` + "`rate`" + `), and messages about one alert
  arrive in order (` + "`order_by`" + `). awf-hook understands the receiver's answers: a refusal with status 200 does not count as delivered, a requested
  pause is kept, and a receiver that wants no more messages closes its webhook until ` + "`awf-hook webhooks enable`" + `.
- **Earlier steps count.** After a ` + "`map`" + ` or a ` + "`wasm`" + ` the message is about what that step made: an envelope replaces the event, any
  other object its payload. What a step removed stays out, unless an expression in ` + "`with`" + ` asks for the event itself.
- **Secrets** are literal texts or variables, and are never shown. A key that a receiver wants in the body, such as PagerDuty's, is kept in the queue.
- **Errors** of workflows can hold what a command printed. ` + "`error: false`" + ` leaves them out.

## One thread for each run

Some chats name a thread, so that all messages of a run can share one: ` + "`thread: =workflow_id`" + ` in [` + "`googlechat`" + `](#googlechat) and
` + "`topic: '{{ workflow_name }} {{ workflow_id }}'`" + ` in [` + "`zulip`" + `](#zulip). An alert is one for each run with ` + "`dedup: run`" + `.

Slack, Mattermost and Rocket.Chat number a thread in their answer to its first message. awf-hook does not post into such a thread or
update an earlier message, because a delivery's body follows from its event and the configuration alone. That is why a retry and a replay send the
same bytes, ` + "`preview`" + ` and ` + "`test`" + ` show what will be sent, and deliveries need not wait for each other. With a thread, each
message would need the answer to an earlier one, which may be late, dead or held by another process. To get one message
for a run, select its end with ` + "`events: [workflow_end, workflow_error, workflow_cancel]`" + `. To post into a Slack thread that exists, give
` + "`thread_ts`" + `; as a bot, with the URL ` + "`https://slack.com/api/chat.postMessage`" + `, the option ` + "`channel`" + ` and
` + "`headers: {Authorization: Bearer ${SLACK_BOT_TOKEN}}`" + `.
`

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
