package engine

import (
	"errors"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
)

// want returns the webhook's delivery of an event, and false if the webhook does not want it. If asked is set, the
// event names the webhook, which then gets it whatever the filter says. An expression that fails at run time makes a
// dead letter. A replay runs the filter again.
func (w *webhook) want(in *expression.Env, asked bool) (delivery.Want, bool) {
	match, err := w.filter.Match(in)
	if err == nil && !match && !asked {
		return delivery.Want{}, false
	}
	want := delivery.Want{Webhook: w.Identity}
	if err != nil {
		err = w.filterError(err)
	} else {
		want.OrderKey, err = w.orderKey(in)
	}
	if err != nil {
		want.Dead = w.masker.Text(err.Error())
		w.sayFault(in.Event(), want.Dead)
	}
	return want, true
}

// filterError adds the filter's place to its failure.
func (w *webhook) filterError(err error) error { return w.Filter.Fail(1, 0, "", err.Error()) }

// errNotWanted is returned when a filter failed while its event was accepted and rejects the event now.
var errNotWanted = errors.New("the filter does not match")

// askAgain runs a filter that failed while the event was accepted. The error is errNotWanted or the filter's own.
func (w *webhook) askAgain(claim *delivery.Claim) error {
	if !claim.Unrouted || claim.Delivery.Attempts > 0 {
		return nil
	}
	match, err := w.filter.Match(expression.NewEnv(claim.Event))
	switch {
	case err != nil:
		return w.filterError(err)
	case !match:
		return errNotWanted
	}
	return nil
}
