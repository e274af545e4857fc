package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite" // the driver "sqlite"
)

// statement is a prepared statement of the connection that writes.
type statement struct{ *sql.Stmt }

func (st statement) run(args ...any) error {
	_, err := st.Exec(args...)
	return err
}

// changed runs the statement and says whether it changed anything.
func (st statement) changed(args ...any) (bool, error) {
	res, err := st.Exec(args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func (st statement) row(args ...any) *sql.Row { return st.QueryRow(args...) }

// statements are those that run often.
type statements struct {
	all []*sql.Stmt

	begin, commit, rollback statement

	addLane, findLane, lane, grow                             statement
	lastEvent, lastDelivery, addEvent, addDelivery, pageUse   statement
	claimable, take, renew, release, spend, probe, probeEnds  statement
	oldest, strip, dropEvent, forget, retransform, replay     statement
	postpone, findDelivery, nextInLane, oldestDead, discard   statement
	settle, settleContent, tail, keyBusy, nextOfKey, promote  statement
	laneGood, laneFailed, laneBroken, pause, closeLane, count statement
	mended, laneDropped, faulted, jumped, jumpedLanes         statement
}

const deliveryColumns = `d.seq, d.id, l.webhook, d.due_at, d.token, d.since, d.attempts, d.spent, d.unrouted, coalesce(d.order_key, ''),
  d.content_type, d.header, d.url_suffix, d.body,
  e.id, e.type, e.workflow_id, e.workflow_name, e.stamp, e.payload`

func (st *statements) prepare(conn *sql.Conn) error {
	for _, p := range []struct {
		to    *statement
		query string
	}{
		{&st.begin, `BEGIN IMMEDIATE`},
		{&st.commit, `COMMIT`},
		{&st.rollback, `ROLLBACK`},
		{&st.addLane, `INSERT INTO lanes(webhook) VALUES(?) ON CONFLICT DO NOTHING`},
		{&st.findLane, `SELECT id FROM lanes WHERE webhook = ?`},
		{&st.lane, `SELECT failures, broken, paused_until, probe_until, closed, tokens, tokens_at, bytes FROM lanes WHERE id = ?`},
		{&st.grow, `UPDATE lanes SET bytes = max(0, bytes + ?) WHERE id = ?`},
		{&st.lastEvent, `SELECT coalesce(max(seq), 0) FROM events`},
		{&st.lastDelivery, `SELECT coalesce(max(seq), 0) FROM deliveries`},
		{&st.addEvent, `INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&st.addDelivery, `INSERT INTO deliveries(seq, id, lane, event, state, due_at, owner, token, accepted_at, since, place, order_key, size, reason, unrouted, done_at)
  VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT(id) DO NOTHING`},
		{&st.pageUse, `SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size`},
		{&st.claimable, `SELECT ` + deliveryColumns + ` FROM deliveries d JOIN events e ON e.seq = d.event JOIN lanes l ON l.id = d.lane
  WHERE d.lane = ? AND d.state = 0 AND d.due_at <= ? ORDER BY d.due_at, d.seq LIMIT ?`},
		{&st.nextInLane, `SELECT coalesce(min(due_at), 0) FROM deliveries WHERE lane = ? AND state = 0 AND due_at > ?`},
		{&st.take, `UPDATE deliveries SET owner = ?, token = token + 1, due_at = ? WHERE seq = ?`},
		{&st.postpone, `UPDATE deliveries SET due_at = ? WHERE seq = ?`},
		{&st.renew, `UPDATE deliveries SET due_at = ? WHERE seq = ? AND token = ? AND owner = ? AND state = 0`},
		{&st.settle, `UPDATE deliveries SET state = ?3, due_at = ?4, done_at = ?5, attempts = ?6, spent = ?7, reason = ?8, log = log || ?9, owner = 0
  WHERE seq = ?1 AND token = ?2 AND state = 0`},
		{&st.settleContent, `UPDATE deliveries SET content_type = ?, header = ?, url_suffix = ?, body = ?, size = size + ? WHERE seq = ?`},
		{&st.tail, `SELECT coalesce(max(place), 0) FROM deliveries WHERE lane = ? AND order_key = ? AND state IN (0, 5)`},
		{&st.keyBusy, `SELECT count(*) FROM deliveries WHERE lane = ? AND order_key = ? AND state IN (0, 5) AND order_key IS NOT NULL AND state = 0 AND owner <> 0 AND due_at > ? AND seq <> ?`},
		{&st.nextOfKey, `SELECT d.seq FROM deliveries h JOIN deliveries d ON d.lane = h.lane AND d.order_key = h.order_key AND d.state IN (0, 5) AND d.order_key IS NOT NULL AND d.state = 5
  WHERE h.seq = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.lane = h.lane AND o.order_key = h.order_key AND o.state IN (0, 5) AND o.order_key IS NOT NULL AND o.state = 0
  AND o.seq <> ?1 AND o.since > ?2) ORDER BY d.place LIMIT 1`},
		{&st.promote, `UPDATE deliveries SET state = 0, due_at = ? WHERE seq = ? AND state = 5`},
		{&st.spend, `UPDATE lanes SET tokens = ?, tokens_at = ? WHERE id = ?`},
		{&st.probe, `UPDATE lanes SET probe_until = ? WHERE id = ?`},
		{&st.release, `UPDATE deliveries SET due_at = ?1, owner = 0 WHERE seq IN (SELECT d.seq FROM lanes l
  JOIN deliveries d ON d.lane = l.id AND d.state = 0 AND d.due_at BETWEEN ?1 AND ?2 WHERE d.owner = ?3)`},
		{&st.jumped, `UPDATE deliveries SET due_at = ?1, owner = 0 WHERE seq IN (SELECT d.seq FROM lanes l
  JOIN deliveries d ON d.lane = l.id AND d.state = 0 AND d.due_at > ?2 LIMIT ?3)`},
		{&st.jumpedLanes, `UPDATE lanes SET paused_until = CASE WHEN paused_until > ?1 THEN 0 ELSE paused_until END,
  probe_until = CASE WHEN probe_until > ?2 THEN 0 ELSE probe_until END WHERE paused_until > ?1 OR probe_until > ?2`},
		{&st.laneGood, `UPDATE lanes SET failures = 0, broken = 0, probe_until = 0 WHERE id = ? AND (failures > 0 OR broken > 0)`},
		{&st.laneFailed, `UPDATE lanes SET broken = 0, failures = failures + (paused_until <= ?2), probe_until = 0, last_error = ?1, last_error_at = ?2 WHERE id = ?3
  RETURNING failures, paused_until`},
		{&st.laneBroken, `UPDATE lanes SET broken = broken + (paused_until <= ?2), probe_until = 0, last_error = ?1, last_error_at = ?2 WHERE id = ?3
  RETURNING broken, paused_until`},
		{&st.laneDropped, `UPDATE lanes SET broken = 0, probe_until = CASE probe_until WHEN ?2 THEN 0 ELSE probe_until END
  WHERE id = ?1 AND (broken > 0 OR probe_until = ?2)`},
		{&st.faulted, `UPDATE lanes SET last_error = ?, last_error_at = ? WHERE id = ?`},
		{&st.probeEnds, `UPDATE lanes SET probe_until = 0 WHERE id = ? AND probe_until = ?`},
		{&st.pause, `UPDATE lanes SET paused_until = max(paused_until, ?) WHERE id = ?`},
		{&st.mended, fmt.Sprintf(`UPDATE lanes SET paused_until = 0 WHERE id = (SELECT lane FROM deliveries WHERE seq = ?) AND broken >= %d AND paused_until > 0`, BreakerFailures)},
		{&st.closeLane, `UPDATE lanes SET closed = ? WHERE id = ?`},
		{&st.count, `UPDATE lanes SET delivered = delivered + ?, dead = dead + ?, dropped = dropped + ?, bytes = bytes + ? WHERE id = ?`},
		{&st.findDelivery, `SELECT seq FROM deliveries WHERE id = ?`},
		{&st.oldest, `SELECT seq FROM deliveries WHERE state = ? AND done_at > 0 AND done_at < ? ORDER BY done_at LIMIT ?`},
		{&st.oldestDead, `SELECT seq FROM deliveries WHERE lane = ? AND state = 2 ORDER BY seq LIMIT 1`},
		{&st.discard, `UPDATE lanes SET discarded = discarded + 1 WHERE id = ?`},
		{&st.strip, `UPDATE deliveries SET state = 4, done_at = ?2, owner = 0, reason = '', log = '', order_key = NULL,
  content_type = NULL, header = NULL, url_suffix = NULL, body = NULL WHERE seq = ?1 RETURNING lane, event, size`},
		{&st.dropEvent, `DELETE FROM events WHERE seq = ?1 AND NOT EXISTS
  (SELECT 1 FROM deliveries d WHERE d.seq BETWEEN events.first AND events.first + events.count - 1 AND d.event = ?1 AND d.state <> 4)`},
		{&st.forget, `DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE state = 4 AND done_at > 0 AND done_at < ? ORDER BY done_at LIMIT ?)`},
		{&st.retransform, `UPDATE deliveries SET content_type = NULL, header = NULL, url_suffix = NULL, body = NULL WHERE seq = ?`},
		{&st.replay, `UPDATE deliveries SET due_at = ?1, since = ?1, done_at = 0, spent = 0, owner = 0, token = token + 1,
  place = coalesce((SELECT max(o.place) + 1 FROM deliveries o WHERE o.lane = deliveries.lane AND o.order_key = deliveries.order_key AND o.state IN (0, 5)), place),
  state = CASE WHEN EXISTS(SELECT 1 FROM deliveries o WHERE o.lane = deliveries.lane AND o.order_key = deliveries.order_key AND o.state IN (0, 5)) THEN 5 ELSE 0 END
  WHERE seq = ?2`},
	} {
		stmt, err := conn.PrepareContext(context.Background(), p.query)
		if err != nil {
			return err
		}
		*p.to = statement{stmt}
		st.all = append(st.all, stmt)
	}
	return nil
}

// close ends the statements: SQLite does not close a database that has some.
func (st *statements) close() error {
	var errs []error
	for _, stmt := range st.all {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

// exec runs a script on the connection that writes.
func exec(conn *sql.Conn, script string, args ...any) error {
	_, err := conn.ExecContext(context.Background(), script, args...)
	return err
}

func queryRow(conn *sql.Conn, query string, to ...any) error {
	return conn.QueryRowContext(context.Background(), query).Scan(to...)
}

// escape makes a path fit for a file: URI.
func escape(path string) string {
	return (&url.URL{Path: path}).EscapedPath()
}

// isBusy says whether somebody else has the database locked.
func isBusy(err error) bool {
	const busy, locked, primary = 5, 6, 0xff
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&primary == busy || e.Code()&primary == locked)
}
