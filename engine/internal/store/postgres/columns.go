package postgres

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// columns are the rows of a batch, column by column, for unnest.
type columns struct {
	eventSeq                                              []int64
	eventID, eventType, workflowID, workflowName, payload [][]byte
	stamp, trace, source                                  []string

	seq, of               []int64
	id, reason            []string
	lane, owner           []int
	state                 []int16
	due, accepted, since  []time.Time
	done                  []*time.Time
	key                   [][]byte
	unrouted              []bool
	attempts, spent, size []int
	token                 []int
	by                    []int // the node that accepted it; 0 for another process
}

func (c *columns) event(seq int64, w *wanted) {
	ev := w.entry.Event
	c.eventSeq = append(c.eventSeq, seq)
	c.eventID = append(c.eventID, []byte(ev.ID))
	c.eventType = append(c.eventType, []byte(ev.Type))
	c.workflowID = append(c.workflowID, []byte(ev.WorkflowID))
	c.workflowName = append(c.workflowName, []byte(ev.WorkflowName))
	c.stamp = append(c.stamp, ev.Stamp())
	c.trace, c.source = append(c.trace, ev.Trace.Text()), append(c.source, clean(ev.Source))
	c.payload = append(c.payload, ev.Payload)
}

func (c *columns) delivery(event int64, w *wanted, now time.Time, by int) {
	accepted, since, reason := now, now, w.want.Dead
	attempts, spent, unrouted, token := 0, 0, w.want.Dead != "", 1
	if past := w.want.Past; past != nil {
		accepted, since, reason = past.Accepted, past.Since, past.Reason
		attempts, spent, unrouted, token = past.Tried(), past.Spent, past.Unrouted, max(token, past.Token)
		if past.Foreign {
			by = 0
		}
	}
	c.seq, c.of, c.by = append(c.seq, w.seq), append(c.of, event), append(c.by, by)
	c.id, c.reason = append(c.id, w.id), append(c.reason, clean(reason))
	c.lane, c.owner = append(c.lane, w.lane), append(c.owner, w.owner)
	c.state = append(c.state, int16(w.state))
	c.due, c.accepted, c.since = append(c.due, w.due), append(c.accepted, accepted), append(c.since, since)
	c.done = append(c.done, orNull(w.done))
	c.key = append(c.key, w.key)
	c.unrouted, c.token = append(c.unrouted, unrouted), append(c.token, token)
	c.attempts, c.spent, c.size = append(c.attempts, attempts), append(c.spent, spent), append(c.size, int(w.size))
}

// outcomeColumns are outcomes, column by column, for unnest.
type outcomeColumns struct {
	seq                            []int64
	token, attempts, spent, grown  []int
	state                          []int16
	due                            []time.Time
	done                           []*time.Time
	id, reason, record             []string
	contentType, header, urlSuffix []*string // NULL if transforms made nothing that must be stored
	body                           [][]byte
}

func (c *outcomeColumns) add(o *outcome, now time.Time) {
	done, grown, record := &now, 0, ""
	if o.state == due {
		done = nil
	}
	if o.st.Attempt != nil {
		record = store.LogLine(o.st.Attempt, o.lease.replay)
	}
	var contentType, head, urlSuffix *string
	var body []byte
	if made := o.st.Content; made != nil {
		texts := [3]string{clean(made.ContentType), store.HeaderText(made), clean(made.URLSuffix)}
		contentType, head, urlSuffix = &texts[0], &texts[1], &texts[2]
		body, grown = append([]byte{}, made.Body...), len(made.Body)
	}
	c.seq, c.token, c.state = append(c.seq, o.lease.seq), append(c.token, o.lease.token), append(c.state, int16(o.state))
	c.id = append(c.id, o.st.Claim.Delivery.ID)
	c.due, c.done, c.reason = append(c.due, o.Due), append(c.done, done), append(c.reason, clean(o.Reason))
	c.attempts, c.spent, c.grown = append(c.attempts, o.Attempts), append(c.spent, o.Spent), append(c.grown, grown)
	c.contentType, c.header, c.urlSuffix = append(c.contentType, contentType), append(c.header, head), append(c.urlSuffix, urlSuffix)
	c.body, c.record = append(c.body, body), append(c.record, record)
}

// content queues storing what transforms made.
func (tx *tx) content(seq int64, c *delivery.Content) {
	body := c.Body
	if body == nil {
		body = []byte{}
	}
	tx.queue(`INSERT INTO awf_hook.contents VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (delivery) DO UPDATE SET content_type = excluded.content_type,
  header = excluded.header, url_suffix = excluded.url_suffix, body = excluded.body`,
		seq, clean(c.ContentType), store.HeaderText(c), clean(c.URLSuffix), body)
}

// attempt queues the record of an attempt.
func (tx *tx) attempt(seq int64, a *delivery.Attempt, replay bool) {
	tx.queue(`INSERT INTO awf_hook.attempts VALUES ($1, $2, $3) ON CONFLICT (delivery, number) DO UPDATE SET record = excluded.record`,
		seq, a.Number, store.LogLine(a, replay))
}

// remove queues removing deliveries but keeps their ids known, and the tokens of those that moved to another queue. Their events go with
// the last of their deliveries.
func (tx *tx) remove(seqs []int64, moved bool) {
	tx.queue(`WITH gone AS (DELETE FROM awf_hook.deliveries WHERE seq = ANY($1::bigint[]) RETURNING id, event, token),
  made AS (DELETE FROM awf_hook.contents WHERE delivery = ANY($1)),
  tried AS (DELETE FROM awf_hook.attempts WHERE delivery = ANY($1)),
  done AS (DELETE FROM awf_hook.events e WHERE e.seq IN (SELECT event FROM gone)
    AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries d WHERE d.event = e.seq AND d.seq <> ALL($1)))
  INSERT INTO awf_hook.ids SELECT id, $2::timestamptz, CASE WHEN $3::boolean THEN token END FROM gone`,
		seqs, tx.now.Add(store.KeepIDs), moved)
}
