package format_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/transforms/format"
)

// An alert is closed whatever its workflow is called: the name goes into a URL, where a character takes up to nine bytes for each of its
// UTF-16 units.
func TestAlertsOfLongNamesAreClosed(t *testing.T) {
	const longest = 2048 // bytes of a URL's suffix that the sender takes
	for _, name := range []string{strings.Repeat("夜", 240), strings.Repeat("😀", 120), strings.Repeat("%", 80), strings.Repeat("/", 80)} {
		f := open(t, "opsgenie")
		opened := content(t, f, happened(event.WorkflowError, name, "run-1", `{"status":"failure"}`))
		closed := content(t, f, happened(event.WorkflowEnd, name, "run-2", `{"status":"success"}`))
		if len(closed.URLSuffix) > longest {
			t.Errorf("%.20q: the suffix has %d bytes", name, len(closed.URLSuffix))
		}
		escaped, _, _ := strings.Cut(strings.TrimPrefix(closed.URLSuffix, "/"), "/")
		alias, err := url.PathUnescape(escaped)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(opened.Body), `"alias":"`+alias+`"`) {
			t.Errorf("%.20q: closes %.80q, opened %.200q", name, alias, opened.Body)
		}
	}
}

// An event that says nothing about a commit gets by without one.
func TestOtherEventsNeedNoCommit(t *testing.T) {
	f := open(t, "github-status", format.Option{Name: "sha", Value: "=payload.sha"})
	if c := content(t, f, happened("tool_call", "deploy", "run-1", `{}`)); c.Body != nil {
		t.Errorf("sends %s", c.Body)
	}
}
