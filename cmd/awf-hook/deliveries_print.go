package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// itemJSON is a delivery as --json prints it.
type itemJSON struct {
	ID           string    `json:"id"`
	State        string    `json:"state"`
	Webhook      string    `json:"webhook"`  // its name
	Identity     string    `json:"identity"` // the webhook's
	Event        string    `json:"event"`
	EventID      string    `json:"event_id"`
	WorkflowID   string    `json:"workflow_id,omitempty"`
	WorkflowName string    `json:"workflow_name,omitempty"`
	Accepted     time.Time `json:"accepted"`
	Due          time.Time `json:"due,omitzero"`
	Done         time.Time `json:"done,omitzero"`
	Attempts     int       `json:"attempts"`
	Reason       string    `json:"reason,omitempty"`
	Held         string    `json:"held,omitempty"`
	Seq          int64     `json:"seq"`
}

func newItemJSON(it *engine.Item) itemJSON {
	j := itemJSON{
		ID: it.Delivery.ID, State: string(it.State), Webhook: webhookName(it.Delivery.Webhook), Identity: it.Delivery.Webhook,
		Event: it.Delivery.Event, EventID: it.Delivery.EventID,
		WorkflowID: it.Event.WorkflowID, WorkflowName: it.Event.WorkflowName, Accepted: it.Accepted, Attempts: it.Delivery.Attempts,
		Reason: it.Reason, Held: it.Held, Seq: it.Seq, Done: it.Done,
	}
	if it.Done.IsZero() {
		j.Due = it.Delivery.Due
	}
	return j
}

// printItems prints a table, or a JSON object for each delivery.
func (c *command) printItems(items []engine.Item, asJSON bool) {
	if !asJSON {
		printTable(c.out, itemRows(items))
		return
	}
	for i := range items {
		encode(c.out, newItemJSON(&items[i]))
	}
}

// itemRows are the rows of a table of deliveries.
func itemRows(items []engine.Item) [][]string {
	rows := [][]string{{"ID", "STATE", "WEBHOOK", "EVENT", "TRY", "WHEN / WHY"}}
	name := nameOf(items, func(it *engine.Item) string { return it.Delivery.Webhook })
	for i := range items {
		it := &items[i]
		d := &it.Delivery
		rows = append(rows, []string{d.ID, string(it.State), name(d.Webhook), d.Event, strconv.Itoa(d.Attempts), whenWhy(it)})
	}
	return rows
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
	if it.Done.IsZero() {
		return ""
	}
	return time.Since(it.Done).Round(time.Second).String() + " ago"
}

// webhookName is the name in a webhook's identity.
func webhookName(identity string) string { return identity[strings.LastIndexByte(identity, '#')+1:] }

// nameOf returns what shows the webhooks in a list by their names, and by their identities where two of them have one name.
func nameOf[T any](list []T, webhook func(*T) string) func(identity string) string {
	identities := map[string]string{} // by name; "" for several
	for i := range list {
		identity := webhook(&list[i])
		if known, is := identities[webhookName(identity)]; is && known != identity {
			identity = ""
		}
		identities[webhookName(webhook(&list[i]))] = identity
	}
	return func(identity string) string {
		if identities[webhookName(identity)] == "" {
			return identity
		}
		return webhookName(identity)
	}
}

// detailJSON is all that is known of a delivery, as --json prints it.
type detailJSON struct {
	itemJSON
	Timeline []delivery.Attempt `json:"timeline"`
	Body     []byte             `json:"body,omitempty"`
}

func (c *command) showJSON(d *engine.Detail, cfg *config.Config) {
	encode(c.out, detailJSON{newItemJSON(&d.Item), d.Attempts, engine.Body(d, cfg)})
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
		if a.Replay {
			text += ", a replay"
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
