package queue

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// Lane says of which webhook's deliveries are claimed, and how.
type Lane struct {
	Webhook string
	Lease   time.Duration // how long a claim holds
	Rate    float64       // attempts a second; 0 for no bound
	Burst   int           // how many of them may come at once
}

// claim takes up to n deliveries of the lane that are due, those first that are due longest.
// next is when it is worth asking again: zero if nothing waits, or if n were claimed.
func (s *store) claim(lane Lane, now time.Time, n int) (claims []*Claim, next time.Time, err error) {
	err = s.write(func() error {
		claims = nil
		id, err := s.laneID(lane.Webhook)
		if err != nil {
			return err
		}
		state, err := s.laneState(id)
		if err != nil {
			return err
		}
		var allowed int
		if allowed, next = state.allows(lane, now, n); allowed == 0 {
			return nil
		}
		found, err := s.due(id, now, allowed)
		if err != nil {
			return err
		}
		until := now.Add(lane.Lease)
		for _, c := range found {
			taken, err := s.take(id, now, until, c)
			if err != nil {
				return err
			}
			if taken {
				c.Probe = state.breakerOpen()
				claims = append(claims, c)
			}
		}
		state.tokens -= float64(len(claims))
		if len(claims) > 0 && lane.Rate > 0 {
			err = s.st.spend.run(state.tokens, milli(now), id)
		}
		if len(claims) > 0 && state.breakerOpen() {
			err = errors.Join(err, s.st.probe.run(milli(until), id))
		}
		switch {
		case err != nil || len(claims) == n:
			return err
		case len(found) < allowed:
			var at int64
			err = s.st.nextInLane.row(id, milli(now)).Scan(&at)
			next = fromMilli(at)
		case len(claims) > 0 && state.breakerOpen():
			next = until
		default: // there may be more, as soon as the rate has a token
			next = state.nextToken(lane, now)
		}
		return err
	})
	return claims, next, err
}

// nextToken is when the rate allows a claim; now if it does or if there is none.
func (l *laneState) nextToken(lane Lane, now time.Time) time.Time {
	if lane.Rate == 0 || l.tokens >= 1 {
		return now
	}
	return now.Add(time.Duration((1 - l.tokens) / lane.Rate * float64(time.Second))).Add(time.Millisecond)
}

// orderPatience is how long a delivery holds those behind it back where its webhook is not at hand to say so.
const orderPatience = 15 * time.Minute

// keyPatience is how long a delivery waits whose key another one has in flight, though it was passed.
const keyPatience = time.Second

// take leases a delivery, unless another one of its key is in flight. In a change.
func (s *store) take(lane int64, now, until time.Time, c *Claim) (bool, error) {
	if c.orderKey != "" {
		var busy bool
		if err := s.st.keyBusy.row(lane, c.orderKey, milli(now), c.seq).Scan(&busy); err != nil {
			return false, err
		}
		if busy {
			return false, s.st.postpone.run(milli(now.Add(keyPatience)), c.seq)
		}
	}
	c.token++
	c.Until = until
	return true, s.st.take.run(s.owner, milli(until), c.seq)
}

// allows says how many claims a lane's state allows, and if none when it will.
func (l *laneState) allows(lane Lane, now time.Time, n int) (int, time.Time) {
	switch {
	case l.closed != "":
		return 0, time.Time{}
	case l.pausedUntil.After(now):
		return 0, l.pausedUntil
	}
	if l.breakerOpen() {
		if l.probeUntil.After(now) {
			return 0, l.probeUntil
		}
		n = min(n, 1)
	}
	if lane.Rate == 0 {
		return n, time.Time{}
	}
	burst := float64(max(1, lane.Burst))
	switch passed := now.Sub(l.tokensAt); {
	case passed > 0:
		l.tokens = min(burst, l.tokens+passed.Seconds()*lane.Rate)
	case passed < -time.Minute: // the clock was set back: the rate begins anew
		l.tokens = 1
	}
	if l.tokens < 1 {
		return 0, l.nextToken(lane, now)
	}
	return min(n, int(l.tokens)), time.Time{}
}

// due reads what is due in a lane.
func (s *store) due(lane int64, now time.Time, n int) ([]*Claim, error) {
	rows, err := s.st.claimable.Query(lane, milli(now), n)
	var claims []*Claim
	err = each(rows, err, func(rows *sql.Rows) error {
		c := &Claim{store: s}
		claims = append(claims, c)
		return c.scan(rows)
	})
	return claims, err
}

// scan reads a row of deliveryColumns, with what follows them.
func (c *Claim) scan(rows *sql.Rows, more ...any) error {
	var (
		d                              = &c.Delivery
		ev                             event.Event
		stamp                          string
		payload                        []byte
		due, since                     int64
		unrouted                       int
		contentType, header, urlSuffix sql.NullString
	)
	to := []any{
		&c.seq, &d.ID, &d.Webhook, &due, &c.token, &since, &d.Attempts, &d.Spent, &unrouted, &c.orderKey,
		&contentType, &header, &urlSuffix, &d.Body,
		&ev.ID, &ev.Type, &ev.WorkflowID, &ev.WorkflowName, &stamp, &payload,
	}
	err := rows.Scan(append(to, more...)...)
	if err != nil {
		return err
	}
	ev.Payload = payload
	if c.Event, err = event.Restore(ev, stamp); err != nil {
		return err
	}
	c.Unrouted = unrouted != 0
	d.EventID, d.Event, d.Due, d.Since = ev.ID, ev.Type, fromMilli(due), fromMilli(since)
	d.ContentType, d.URLSuffix = contentType.String, urlSuffix.String
	if header.String != "" {
		return json.Unmarshal([]byte(header.String), &d.Header)
	}
	return nil
}

// renew makes a claim hold longer. It is false if the claim was lost.
func (s *store) renew(c *Claim, until time.Time) (held bool, err error) {
	err = s.write(func() error {
		held, err = s.st.renew.changed(milli(until), c.seq, c.token, s.owner)
		return err
	})
	if held {
		c.Until = until
	}
	return held, err
}

// nextDue says for each lane with deliveries that wait when the first of them may be claimed; closed lanes are left out.
// It is a look beside those that write.
func (s *store) nextDue() (map[string]time.Time, error) {
	due := map[string]time.Time{}
	query := fmt.Sprintf(`SELECT webhook, max(at, paused_until, CASE WHEN failures >= %d THEN probe_until ELSE 0 END) FROM
  (SELECT l.*, (SELECT min(d.due_at) FROM deliveries d WHERE d.lane = l.id AND d.state = 0) AS at FROM lanes l WHERE closed = '')
  WHERE at IS NOT NULL`, BreakerFailures)
	err := s.read(query, nil, func(rows *sql.Rows) error {
		var webhook string
		var at int64
		err := rows.Scan(&webhook, &at)
		due[webhook] = fromMilli(at)
		return err
	})
	return due, err
}

// left counts what waits for the webhooks.
func (s *store) left(webhooks []string) (Left, error) {
	var left Left
	list, err := json.Marshal(webhooks)
	if err != nil {
		return left, err
	}
	const query = `SELECT count(*) FROM deliveries WHERE state IN (0, 5) AND lane IN (SELECT id FROM lanes WHERE webhook IN (SELECT value FROM json_each(?)))`
	err = s.read(query, []any{string(list)}, func(rows *sql.Rows) error {
		return rows.Scan(&left.Waiting)
	})
	return left, err
}
