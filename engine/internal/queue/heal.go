package queue

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Heal does what is due now and then: it takes up what dead processes left and what a wrong clock would hold back,
// and tries a file again that could not be used.
// What was kept in memory meanwhile goes into it.
func (q *Queue) Heal(now time.Time) error {
	q.healing.Lock()
	defer q.healing.Unlock()
	q.mu.Lock()
	if q.file == nil && !q.closed && q.opts.Path != Memory {
		q.openFile(now)
	}
	file, memory, closed := q.file, q.memory, q.closed
	ill := q.broken != nil || q.full || len(q.unsettled) > 0
	q.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case file == nil && memory != nil:
		return memory.recover(now)
	case file == nil:
		return nil
	}
	if ill || memory != nil {
		if err := q.bring(now, file, memory); err != nil {
			q.fails(err)
			return nil
		}
	}
	if ill {
		q.mu.Lock()
		q.broken, q.full = nil, false
		q.mu.Unlock()
		q.opts.Log.Warn("the queue's file is in use again", "file", q.opts.Path)
	}
	return file.recover(now)
}

// bring moves outcomes and deliveries from memory into the file.
func (q *Queue) bring(now time.Time, file, memory *store) error {
	probe := func() error {
		return exec(file.conn, `UPDATE lanes SET bytes = bytes WHERE id = (SELECT min(id) FROM lanes)`)
	}
	if err := file.write(probe); err != nil {
		return err
	}
	if err := q.settleLate(now, file); err != nil || memory == nil {
		return err
	}
	for {
		kept, err := memory.kept(now)
		if err != nil || len(kept) == 0 {
			return err
		}
		if err := file.adopt(now, kept); err != nil {
			return err
		}
		err = memory.write(func() error {
			for _, k := range kept {
				if err := memory.strip(now, k.claim.seq); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// settleLate writes the outcomes that could not be written when they came.
func (q *Queue) settleLate(now time.Time, file *store) error {
	q.mu.Lock()
	late := q.unsettled
	q.unsettled = nil
	q.mu.Unlock()
	if len(late) == 0 {
		return nil
	}
	_, err := file.settle(now, late)
	if err != nil {
		q.mu.Lock()
		q.unsettled = append(late, q.unsettled...)
		q.mu.Unlock()
		return fmt.Errorf("%d outcomes could not be stored, what they are of is sent again: %w", len(late), err)
	}
	return nil
}

// kept is a delivery in memory as it has to go into the file.
type kept struct {
	claim    Claim
	state    int
	done     int64
	orderKey sql.NullString
	reason   string
	log      string
	stored   bool // its content
}

// kept returns some of the deliveries that nobody has in flight and that are to be kept.
func (s *store) kept(now time.Time) ([]*kept, error) {
	const query = `SELECT ` + deliveryColumns + `, d.state, d.done_at, d.order_key, d.reason, d.log, d.content_type IS NOT NULL
  FROM deliveries d JOIN events e ON e.seq = d.event JOIN lanes l ON l.id = d.lane
  WHERE d.state IN (0, 2, 5) AND NOT (d.owner <> 0 AND d.due_at > ?) ORDER BY d.seq LIMIT 100`
	var list []*kept
	err := s.read(query, []any{milli(now)}, func(rows *sql.Rows) error {
		k := &kept{}
		list = append(list, k)
		return k.claim.scan(rows, &k.state, &k.done, &k.orderKey, &k.reason, &k.log, &k.stored)
	})
	return list, err
}

// adopt takes over deliveries of another database as they are.
func (s *store) adopt(now time.Time, list []*kept) error {
	entries := make([]*Entry, len(list))
	for i, k := range list {
		want := Want{Webhook: k.claim.Delivery.Webhook}
		if k.state != stateDead {
			want.OrderKey = k.orderKey.String
		}
		entries[i] = &Entry{Event: k.claim.Event, Wants: []Want{want}}
	}
	return s.write(func() error {
		if err := s.acceptAll(now, entries); err != nil {
			return err
		}
		for _, k := range list {
			d := &k.claim.Delivery
			var content delivery.Content
			if k.stored {
				content = d.Content
			}
			if err := s.overwrite(k, content); err != nil {
				return err
			}
		}
		return nil
	})
}

// overwrite gives a delivery that was just accepted what it had before. In a change.
func (s *store) overwrite(k *kept, content delivery.Content) error {
	d := &k.claim.Delivery
	err := exec(s.conn, `UPDATE deliveries SET state = CASE WHEN ?2 = 2 THEN 2 ELSE state END, due_at = ?3, done_at = ?4, attempts = ?5, spent = ?6,
  since = ?7, reason = ?8, log = ?9 WHERE id = ?1`, d.ID, k.state, milli(d.Due), k.done, d.Attempts, d.Spent, milli(d.Since), k.reason, k.log)
	if err != nil || !k.stored {
		return err
	}
	var seq int64
	if err := s.st.findDelivery.row(d.ID).Scan(&seq); err != nil {
		return err
	}
	return s.storeContent(seq, &content)
}

// Prune takes what has been kept long enough, in slices between which others commit. It ends when there is no more.
func (q *Queue) Prune(now time.Time) error {
	file, memory, err := q.stores()
	if err != nil {
		return err
	}
	for _, s := range []*store{file, memory} {
		for more := s != nil; more; {
			if more, err = s.prune(now, q.opts.Keep); err != nil {
				if s == file {
					q.fails(err)
					err = nil
				}
				break
			}
		}
	}
	return err
}

// Close ends the queue. What is in memory is lost.
func (q *Queue) Close() error {
	q.healing.Lock()
	defer q.healing.Unlock()
	q.mu.Lock()
	closed, file, memory := q.closed, q.file, q.memory
	q.closed = true
	q.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	if file != nil {
		errs = append(errs, q.settleLate(time.Now(), file), file.close())
	}
	if memory != nil {
		errs = append(errs, memory.close())
	}
	return errors.Join(errs...)
}
