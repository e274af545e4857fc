package queue

import (
	"database/sql"
	"encoding/json"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// settle ends claims. It returns those that were lost before: somebody else may have the delivery.
func (s *store) settle(now time.Time, settlements []Settlement) (lost []*Claim, err error) {
	err = s.write(func() error {
		lost = nil
		lanes := map[int64]*laneOutcome{}
		for i := range settlements {
			st := &settlements[i]
			held, err := s.settleOne(now, st)
			if err != nil {
				return err
			}
			if !held {
				lost = append(lost, st.Claim)
				continue
			}
			id, err := s.laneID(st.Claim.Delivery.Webhook)
			if err != nil {
				return err
			}
			if lanes[id] == nil {
				lanes[id] = &laneOutcome{}
			}
			if err := s.settleLane(now, id, lanes[id], st); err != nil {
				return err
			}
		}
		for id, lane := range lanes {
			if err := s.st.count.run(lane.delivered, lane.dead, lane.dropped, lane.grown, id); err != nil {
				return err
			}
		}
		return nil
	})
	return lost, err
}

// laneOutcome is what a batch of settlements means for a lane.
type laneOutcome struct {
	delivered, dead, dropped, grown int64
	good                            bool // its failures are known to be none
}

// settleOne writes the outcome of one delivery; false if the claim was lost.
func (s *store) settleOne(now time.Time, st *Settlement) (held bool, err error) {
	d := &st.Claim.Delivery
	state, due, done := stateDue, milli(st.Due.Add(time.Millisecond-1)), milli(now) // not early
	switch st.Outcome {
	case delivery.Delivered:
		state = stateDelivered
	case delivery.Dead:
		state = stateDead
	case delivery.Dropped:
		state = stateDropped
	case delivery.Retry:
		done = 0
	}
	attempts, spent, line := d.Attempts, d.Spent, ""
	if a := st.Attempt; a != nil {
		attempts = a.Number
		if !a.Free {
			spent++
		}
		line = logLine(a)
	}
	reason := st.Reason
	if reason == "" && st.Attempt != nil {
		reason = st.Attempt.Reason
	}
	held, err = s.st.settle.changed(st.Claim.seq, st.Claim.token, state, due, done, attempts, spent, reason, line)
	if err != nil || !held {
		return false, err
	}
	if st.Content != nil {
		if err := s.storeContent(st.Claim.seq, st.Content); err != nil {
			return false, err
		}
	}
	switch {
	case st.Claim.orderKey == "":
		return true, nil
	case state != stateDue:
		return true, s.promote(now, st.Claim.seq, st.OrderMaxWait)
	}
	passed := d.Since.Add(st.OrderMaxWait)
	if st.OrderMaxWait == 0 || !st.Due.After(passed) {
		return true, nil
	}
	if passed.Before(now) {
		passed = now
	}
	return true, s.promote(passed, st.Claim.seq, st.OrderMaxWait)
}

// storeContent keeps what transforms made. In a change.
func (s *store) storeContent(seq int64, c *delivery.Content) error {
	header := ""
	if len(c.Header) > 0 {
		text, err := json.Marshal(c.Header)
		if err != nil {
			return err
		}
		header = string(text)
	}
	body := c.Body
	if body == nil {
		body = []byte{}
	}
	return s.st.settleContent.run(c.ContentType, header, c.URLSuffix, body, len(body), seq)
}

// promote makes the delivery that is next behind one of its key due at a time, unless it waits for another one
// that has not waited for maxWait.
func (s *store) promote(at time.Time, seq int64, maxWait time.Duration) error {
	rows, err := s.st.nextOfKey.Query(seq, milli(at.Add(-maxWait)))
	var next int64
	if err := each(rows, err, func(rows *sql.Rows) error { return rows.Scan(&next) }); err != nil || next == 0 {
		return err
	}
	return s.st.promote.run(milli(at), next)
}

// settleLane writes what a settlement means for its lane: its breaker, its pause, its end.
func (s *store) settleLane(now time.Time, id int64, lane *laneOutcome, st *Settlement) error {
	switch st.Outcome {
	case delivery.Delivered:
		lane.delivered++
	case delivery.Dead:
		lane.dead++
	case delivery.Dropped:
		lane.dropped++
	}
	if st.Content != nil {
		lane.grown += int64(len(st.Content.Body))
	}
	a := st.Attempt
	switch {
	case a == nil && st.Outcome == delivery.Dead:
		lane.good = false
		return s.laneFailed(now, id, s.st.laneBroken, st.Reason)
	case a == nil && st.Outcome == delivery.Dropped:
		return s.st.laneDropped.run(id, milli(st.Claim.Until))
	case a == nil:
		return s.st.probeEnds.run(id, milli(st.Claim.Until))
	case a.Outcome == delivery.Delivered && !lane.good:
		lane.good = true
		if err := s.st.laneGood.run(id); err != nil {
			return err
		}
	case a.Outcome != delivery.Delivered:
		lane.good = false
		if err := s.laneFailed(now, id, s.st.laneFailed, a.Reason); err != nil {
			return err
		}
	}
	if a.RetryAfter > 0 {
		if err := s.st.pause.run(milli(now.Add(a.RetryAfter)), id); err != nil {
			return err
		}
	}
	if a.Gone {
		return s.st.closeLane.run(a.Reason, id)
	}
	return nil
}

// laneFailed counts a failure and lets the lane rest when its breaker is open: longer after each probe.
// What fails while the lane rests had begun before, and is not counted.
func (s *store) laneFailed(now time.Time, id int64, count statement, reason string) error {
	var failures int
	var pausedUntil int64
	if err := count.row(reason, milli(now), id).Scan(&failures, &pausedUntil); err != nil {
		return err
	}
	if failures < BreakerFailures || pausedUntil > milli(now) {
		return nil
	}
	wait := min(minBreakerWait<<min(failures-BreakerFailures, 16), maxBreakerWait)
	return s.st.pause.run(milli(now.Add(wait)), id)
}

// loggedAttempt is an attempt as the database has it.
type loggedAttempt struct {
	Number     int    `json:"n"`
	At         int64  `json:"at"`   // ms
	Took       int64  `json:"took"` // ms
	Status     int    `json:"status,omitempty"`
	Outcome    string `json:"outcome"`
	Reason     string `json:"reason"`
	Response   string `json:"response,omitempty"`
	RetryAfter int64  `json:"retry_after,omitempty"` // ms
	Free       bool   `json:"free,omitempty"`
}

func logLine(a *delivery.Attempt) string {
	text, _ := json.Marshal(loggedAttempt{ // texts and numbers always encode
		a.Number, a.At.UnixMilli(), a.Took.Milliseconds(), a.Status, a.Outcome.String(), a.Reason, a.Response, a.RetryAfter.Milliseconds(), a.Free,
	})
	return string(text) + "\n"
}
