package engine

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/legible"
)

// WebhookReport says what is not delivered to a webhook, and why.
type WebhookReport struct {
	Webhook  string      `json:"webhook"`             // its name
	Waiting  int64       `json:"waiting,omitzero"`    // deliveries that were not tried yet
	Retrying int64       `json:"retrying,omitzero"`   // deliveries that were tried and will be again
	Earlier  int64       `json:"earlier,omitzero"`    // those of Waiting and Retrying that other processes accepted
	Reason   string      `json:"reason,omitempty"`    // why the last attempt of a waiting delivery failed; "" if there was none
	Closed   string      `json:"closed,omitempty"`    // why the webhook is closed; "" if it is open
	Dead     int64       `json:"dead,omitzero"`       // given up by this process
	Last     *DeadLetter `json:"last_dead,omitempty"` // the last one of Dead
}

// DeadLetter is a delivery that was given up.
type DeadLetter struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	Answer string `json:"response,omitempty"` // the beginning of the receiver's answer
}

// maxAnswer is how much of an answer a report holds, in bytes.
const maxAnswer = 200

// outcomes keeps the part of a report about each webhook. The zero value is ready to use.
type outcomes struct {
	mu sync.Mutex
	of map[string]WebhookReport // by the webhook's identity
}

// add notes the outcome of an attempt.
func (o *outcomes) add(st *delivery.Settlement) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d, a := &st.Claim.Delivery, st.Attempt
	r := o.of[d.Webhook]
	switch {
	case st.Outcome == delivery.Retry && a != nil:
		r.Reason = a.Reason
	case st.Outcome == delivery.Dead:
		r.Dead++
		r.Last = &DeadLetter{ID: d.ID, Reason: st.Reason}
		if a != nil {
			r.Last.Reason, r.Last.Answer = cmp.Or(st.Reason, a.Reason), legible.Cut(a.Response, maxAnswer)
		}
	default:
		return
	}
	if o.of == nil {
		o.of = map[string]WebhookReport{}
	}
	o.of[d.Webhook] = r
}

// report adds the outcomes to what the queue says about the webhooks, except for dead letters that the queue no
// longer has. It omits webhooks whose deliveries are all delivered.
func (o *outcomes) report(
	waiting map[string]WebhookReport, undone map[string]int64, name func(identity string) (string, bool),
) []WebhookReport {
	o.mu.Lock()
	defer o.mu.Unlock()
	for identity, seen := range o.of {
		if shown, is := name(identity); is {
			r := waiting[identity]
			if r.Webhook, r.Dead = shown, seen.Dead-undone[identity]; r.Dead > 0 {
				r.Last = seen.Last
			}
			r.Reason = cmp.Or(seen.Reason, r.Reason)
			waiting[identity] = r
		}
	}
	var list []WebhookReport
	for _, r := range waiting {
		if r.Waiting+r.Retrying == 0 {
			r.Reason = ""
		}
		if r.Waiting+r.Retrying+r.Dead > 0 {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b WebhookReport) int { return strings.Compare(a.Webhook, b.Webhook) })
	return list
}
