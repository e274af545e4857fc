package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// itemRows returns the rows of a table of deliveries.
func itemRows(items []api.Item) [][]string {
	rows := [][]string{{"ID", "STATE", "WEBHOOK", "EVENT", "TRY", "WHEN / WHY"}}
	name := api.NameOf(items, func(it *api.Item) string { return it.Identity })
	for i := range items {
		it := &items[i]
		rows = append(rows, []string{it.ID, string(it.State), name(it.Identity), it.Event, strconv.Itoa(it.Attempts), whenWhy(it)})
	}
	return rows
}

// whenWhy returns the last column: when a delivery is due and what holds it back, or why it is dead.
func whenWhy(it *api.Item) string {
	switch it.State {
	case delivery.Due:
		if it.Held != "" {
			return it.Held
		}
		if wait := time.Until(it.Due).Round(time.Second); wait > 0 {
			return "in " + wait.String()
		}
		return "now"
	case delivery.IsDead, delivery.IsDropped:
		return it.Reason
	}
	if it.Done.IsZero() {
		return ""
	}
	return time.Since(it.Done).Round(time.Second).String() + " ago"
}

func showDetail(out io.Writer, d *api.Detail) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	line("delivery", "%s", d.ID)
	line("state", "%s", d.State)
	if d.Reason != "" {
		line("reason", "%s", d.Reason)
	}
	line("webhook", "%s", d.Identity)
	event := d.Event
	for _, more := range [][2]string{{" of ", d.WorkflowName}, {", run ", d.WorkflowID}} {
		if more[1] != "" {
			event += more[0] + more[1]
		}
	}
	line("event", "%s", event)
	if d.Source != "" {
		line("source", "%s", d.Source)
	}
	if d.TraceID != "" {
		line("trace", "%s", d.TraceID)
	}
	line("accepted", "%s", d.Accepted.Format(time.RFC3339))
	if d.State == delivery.Due {
		line("due", "%s (%s)", d.Due.Format(time.RFC3339), whenWhy(&d.Item))
	}
	for _, a := range d.Timeline {
		text := fmt.Sprintf("%s  %s after %v", a.At.Format(time.RFC3339), a.Reason, a.Took)
		if a.RetryAfter > 0 {
			text += fmt.Sprintf(", asked for %v", a.RetryAfter)
		}
		if a.Free {
			text += ", not counted"
		}
		if a.Replay {
			text += ", a replay"
		}
		line(fmt.Sprintf("attempt %d", a.Number), "%s", text)
		if a.Response != "" {
			line("", "%s", a.Response)
		}
	}
	if d.Body == nil {
		line("body", "not made yet")
		return
	}
	fmt.Fprintf(out, "%-10s %s\n", "body", harmless(string(d.Body)))
}
