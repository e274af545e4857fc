package queue

import (
	"context"
	"database/sql"
	"time"
)

// LaneItem is a lane in a list.
type LaneItem struct {
	Webhook     string    // the identity
	Waiting     int       // in flight ones included
	Dead        int       // dead letters that are kept
	Delivered   int64     // in all
	Dropped     int64     // in all
	Discarded   int64     // dead letters that had to make room
	Failures    int       // attempts in a row that failed
	Broken      int       // transforms in a row that failed
	PausedUntil time.Time // zero if it does not rest
	Closed      string    // why; "" if it is open
	LastError   string
	LastErrorAt time.Time
	Bytes       int64
}

// BreakerOpen says whether the lane sends one probe at a time.
func (l *LaneItem) BreakerOpen() bool {
	return l.Failures >= BreakerFailures || l.Broken >= BreakerFailures
}

// Lanes lists the lanes of all webhooks that ever had a delivery.
func (q *Queue) Lanes(now time.Time) ([]LaneItem, error) {
	s, err := q.primary()
	if err != nil {
		return nil, err
	}
	const query = `SELECT webhook, failures, broken, paused_until, closed, last_error, last_error_at, delivered, dropped, discarded, bytes,
  (SELECT count(*) FROM deliveries d WHERE d.lane = l.id AND d.state = 0) + (SELECT count(*) FROM deliveries d WHERE d.lane = l.id AND d.state IN (0, 5) AND d.order_key IS NOT NULL AND d.state = 5),
  (SELECT count(*) FROM deliveries d WHERE d.lane = l.id AND d.state = 2)
  FROM lanes l ORDER BY webhook`
	var lanes []LaneItem
	err = s.read(query, nil, func(rows *sql.Rows) error {
		var l LaneItem
		var paused, last int64
		err := rows.Scan(&l.Webhook, &l.Failures, &l.Broken, &paused, &l.Closed, &l.LastError, &last, &l.Delivered, &l.Dropped, &l.Discarded, &l.Bytes,
			&l.Waiting, &l.Dead)
		if at := fromMilli(paused); at.After(now) {
			l.PausedUntil = at
		}
		l.LastErrorAt = fromMilli(last)
		lanes = append(lanes, l)
		return err
	})
	return lanes, err
}

// Enable opens lanes, by identity or by the name behind its "#", and ends their rest. It says how many there are.
func (q *Queue) Enable(webhook string) (int, error) {
	return q.changeLanes(`UPDATE lanes SET closed = '', failures = 0, broken = 0, paused_until = 0, probe_until = 0`, webhook)
}

// Disable closes lanes: what is accepted for them is kept. It says how many there are.
func (q *Queue) Disable(webhook, reason string) (int, error) {
	return q.changeLanes(`UPDATE lanes SET closed = ?3`, webhook, reason)
}

func (q *Queue) changeLanes(update, webhook string, args ...any) (n int, err error) {
	s, err := q.primary()
	if err != nil {
		return 0, err
	}
	err = s.write(func() error {
		res, err := s.conn.ExecContext(context.Background(), update+` WHERE webhook = ?1 OR webhook LIKE ?2 ESCAPE '\'`,
			append([]any{webhook, "%#" + likely(webhook)}, args...)...)
		if err != nil {
			return err
		}
		changed, err := res.RowsAffected()
		n = int(changed)
		return err
	})
	return n, err
}
