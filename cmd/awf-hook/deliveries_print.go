package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// itemJSON is a delivery as --json prints it.
type itemJSON struct {
	ID           string     `json:"id"`
	State        string     `json:"state"`
	Webhook      string     `json:"webhook"`
	Event        string     `json:"event"`
	EventID      string     `json:"event_id"`
	WorkflowID   string     `json:"workflow_id,omitempty"`
	WorkflowName string     `json:"workflow_name,omitempty"`
	Accepted     time.Time  `json:"accepted"`
	Due          *time.Time `json:"due,omitempty"`
	Done         *time.Time `json:"done,omitempty"`
	Attempts     int        `json:"attempts"`
	Reason       string     `json:"reason,omitempty"`
	Held         string     `json:"held,omitempty"`
	Seq          int64      `json:"seq"`
}

func newItemJSON(it *engine.Item) itemJSON {
	j := itemJSON{
		ID: it.Delivery.ID, State: string(it.State), Webhook: it.Delivery.Webhook, Event: it.Delivery.Event, EventID: it.Delivery.EventID,
		WorkflowID: it.Event.WorkflowID, WorkflowName: it.Event.WorkflowName, Accepted: it.Accepted, Attempts: it.Delivery.Attempts,
		Reason: it.Reason, Held: it.Held, Seq: it.Seq,
	}
	if it.Done.IsZero() {
		j.Due = &it.Delivery.Due
	} else {
		j.Done = &it.Done
	}
	return j
}

// printItems prints a table that fits 100 columns, or an object for each.
func (c *command) printItems(items []engine.Item, asJSON bool) {
	if asJSON {
		for i := range items {
			encode(c.out, newItemJSON(&items[i]))
		}
		return
	}
	fmt.Fprintf(c.out, "%-30s %-9s %-14s %-16s %-4s %s\n", "ID", "STATE", "WEBHOOK", "EVENT", "TRY", "WHEN / WHY")
	for _, it := range items {
		fmt.Fprintf(c.out, "%-30s %-9s %-14s %-16s %-4d %s\n", it.Delivery.ID, it.State, fit(nameOf(it.Delivery.Webhook), 14), fit(it.Delivery.Event, 16),
			it.Delivery.Attempts, fit(whenWhy(&it), 20))
	}
}

// whenWhy is the last column: when a delivery is due and what holds it back, or why it is dead.
func whenWhy(it *engine.Item) string {
	switch it.State {
	case delivery.Due:
		if it.Held != "" {
			return it.Held
		}
		if wait := time.Until(it.Delivery.Due).Round(time.Second); wait > 0 {
			return "in " + wait.String()
		}
		return "now"
	case delivery.IsDead, delivery.IsDropped:
		return it.Reason
	}
	return ago(it.Done)
}

func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

// nameOf is a webhook's name, of its identity.
func nameOf(identity string) string {
	return identity[strings.LastIndexByte(identity, '#')+1:]
}

// fit makes a text harmless to a terminal and at most so many characters long.
func fit(text string, n int) string {
	text = plain(text)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// attemptJSON is an attempt as --json prints it.
type attemptJSON struct {
	Number     int       `json:"attempt"`
	At         time.Time `json:"at"`
	Took       float64   `json:"took"` // seconds, as those below
	Status     int       `json:"status,omitempty"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason"`
	Response   string    `json:"response,omitempty"`
	RetryAfter float64   `json:"retry_after,omitempty"`
	Free       bool      `json:"not_counted,omitempty"`
}

func timeline(attempts []delivery.Attempt) []attemptJSON {
	list := []attemptJSON{}
	for _, a := range attempts {
		list = append(list, attemptJSON{a.Number, a.At, a.Took.Seconds(), a.Status, a.Outcome.String(), a.Reason, a.Response, a.RetryAfter.Seconds(), a.Free})
	}
	return list
}

func (c *command) showJSON(d *engine.Detail, cfg *config.Config) {
	encode(c.out, struct {
		itemJSON
		Timeline []attemptJSON `json:"timeline"`
		Body     string        `json:"body,omitempty"`
	}{newItemJSON(&d.Item), timeline(d.Attempts), string(engine.Body(d, cfg))})
}

func showDetail(out io.Writer, d *engine.Detail, body []byte) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	line("delivery", "%s", d.Delivery.ID)
	line("state", "%s", d.State)
	if d.Reason != "" {
		line("reason", "%s", d.Reason)
	}
	line("webhook", "%s", d.Delivery.Webhook)
	event := d.Event.Type
	for _, more := range [][2]string{{" of ", d.Event.WorkflowName}, {", run ", d.Event.WorkflowID}} {
		if more[1] != "" {
			event += more[0] + more[1]
		}
	}
	line("event", "%s", event)
	line("accepted", "%s", d.Accepted.Format(time.RFC3339))
	if d.State == delivery.Due {
		line("due", "%s (%s)", d.Delivery.Due.Format(time.RFC3339), whenWhy(&d.Item))
	}
	for _, a := range d.Attempts {
		text := fmt.Sprintf("%s  %s after %v", a.At.Format(time.RFC3339), a.Reason, a.Took)
		if a.RetryAfter > 0 {
			text += fmt.Sprintf(", asked for %v", a.RetryAfter)
		}
		if a.Free {
			text += ", not counted"
		}
		line(fmt.Sprintf("attempt %d", a.Number), "%s", text)
		if a.Response != "" {
			line("", "%s", a.Response)
		}
	}
	if body == nil {
		line("body", "not made yet")
		return
	}
	fmt.Fprintf(out, "%-10s %s\n", "body", harmless(string(body)))
}
