package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// maxWhy is how many webhooks the report explains.
const maxWhy = 10

// printReport prints the report on stderr. With --quiet it prints only failures.
func (s *session) printReport(c *command, r *engine.Report) {
	if c.reported != nil {
		c.reported(s.search(), r)
	}
	if s.tellsKnown && !s.json && r.Known > 0 {
		c.sayf("an earlier event has this id: %s not sent again", knownText(r.Known))
	}
	if s.quiet && !s.json && undelivered(r)+r.BadLines+r.Again == 0 && !isFailure(r) && len(r.Orphans) == 0 {
		return
	}
	if s.json {
		encode(c.err, r)
		return
	}
	sayReport(c.sayf, s.search(), r)
}

// isFailure reports whether something was neither stored nor delivered, or may not have been.
func isFailure(r *engine.Report) bool { return r.Lost+r.DeadLost+r.Refused > 0 || r.Unread != "" }

// undelivered returns how many events and deliveries did not arrive, as far as this process knows.
func undelivered(r *engine.Report) int64 {
	return r.Left() + r.InFlight + r.Dead + r.Earlier.Dead + r.Refused
}

// misses reports whether the exit code must say that something is not delivered.
func (s *session) misses(r *engine.Report) bool {
	return s.wait && undelivered(r) > 0 || s.failOnDead && r.Dead+r.Earlier.Dead > 0
}

// sayReport says the report's lines to people. They depend only on the report, as the JSON does, and on where the webhooks were searched.
func sayReport(say func(format string, args ...any), search config.Search, r *engine.Report) {
	say("%v", r)
	if earlier := r.OfEarlier(); earlier != "" {
		say("of earlier runs: %s", earlier)
	}
	if r.EarlierUnknown {
		say("nobody knows what earlier runs left: %s", plain(r.Trouble))
	}
	if r.Unread != "" {
		say("the queue cannot be read, so nobody knows what it keeps: %s", plain(r.Unread))
	}
	sayWhy(say, r)
	sayOrphans(say, search, r.Orphans, r.Queue)
	trouble := plain(cmp.Or(r.Trouble, "the queue has no room"))
	if r.Lost > 0 {
		say("%d not delivered and lost: %s", r.Lost, trouble)
	}
	if r.DeadLost > 0 {
		say("%s lost: %s", letters(r.DeadLost), trouble)
	}
	sayWritten(say, r, trouble)
	if r.Again > 0 {
		say("%d delivered will be sent again, since their outcomes could not be stored: %s", r.Again, trouble)
	}
	earlier := r.Earlier.Waiting + r.Earlier.Retrying
	dead := r.Dead - r.DeadSpilled - r.DeadLost + r.Earlier.Dead
	if r.Kept+earlier+dead > 0 && r.Queue != "" && r.Unread == "" {
		say("%s in %s", kept(r.Kept+earlier, dead), plain(r.Queue))
	}
	if r.Kept+earlier > 0 && !r.Closed {
		say("nothing retries it until awf-hook runs again")
	}
}

// sayWritten names the files with deliveries that the queue did not take, and says how to deliver them.
func sayWritten(say func(format string, args ...any), r *engine.Report, trouble string) {
	if r.Spilled+r.DeadSpilled == 0 {
		return
	}
	files, more := r.Spill[:min(len(r.Spill), maxWhy)], ""
	if n := len(r.Spill) - maxWhy; n > 0 {
		more = fmt.Sprintf(" and %d files more", n)
	}
	say("%s written to %s%s: %s", kept(r.Spilled, r.DeadSpilled), plain(strings.Join(files, ", ")), more, trouble)
	if r.Journaled {
		say("the next awf-hook on this machine moves it into that queue, once the queue can be used")
		return
	}
	for _, file := range files {
		say("to deliver them, with the same configuration: awf-hook run < %s", quoted(file))
	}
	if more != "" {
		say("the same for%s, which --json names", strings.TrimPrefix(more, " and"))
	}
}

// kept describes the content of a file: "2 kept and 1 dead letter".
func kept(waiting, dead int64) string {
	switch {
	case dead == 0:
		return fmt.Sprintf("%d kept", waiting)
	case waiting == 0:
		return letters(dead)
	}
	return fmt.Sprintf("%d kept and %s", waiting, letters(dead))
}

func knownText(n int64) string {
	if n == 1 {
		return "1 known delivery is"
	}
	return fmt.Sprintf("%d known deliveries are", n)
}

func letters(n int64) string {
	if n == 1 {
		return "1 dead letter"
	}
	return fmt.Sprintf("%d dead letters", n)
}

// sayWhy says for each webhook why something is not delivered: "oncall: 2 to retry: 503 Service Unavailable".
func sayWhy(say func(format string, args ...any), r *engine.Report) {
	for _, w := range r.Webhooks[:min(len(r.Webhooks), maxWhy)] {
		name := plain(w.Webhook)
		var left []string
		if w.Waiting > 0 {
			left = append(left, fmt.Sprintf("%d waiting", w.Waiting))
		}
		if w.Retrying > 0 {
			left = append(left, fmt.Sprintf("%d to retry", w.Retrying))
		}
		switch {
		case len(left) > 0 && w.Closed != "":
			say("%s: %s: closed (%s) until awf-hook webhooks enable %s", name, strings.Join(left, ", "), plain(w.Closed), quoted(name))
		case len(left) > 0 && w.Reason != "":
			say("%s: %s: %s", name, strings.Join(left, ", "), plain(w.Reason))
		}
		if w.Last == nil {
			continue
		}
		text := fmt.Sprintf("%s: %d dead: %s", name, w.Dead, plain(w.Last.Reason))
		if w.Last.Answer != "" {
			text += ": " + plain(w.Last.Answer)
		}
		if r.Queue != "" && r.DeadLost+r.DeadSpilled == 0 {
			text += "; awf-hook deliveries show " + w.Last.ID
		}
		say("%s", text)
		if len(left) == 0 && w.Closed != "" {
			say("%s: closed (%s) until awf-hook webhooks enable %s: its deliveries will wait", name, plain(w.Closed), quoted(name))
		}
	}
	if more := len(r.Webhooks) - maxWhy; more > 0 {
		say("%d more webhooks: awf-hook webhooks list", more)
	}
}
