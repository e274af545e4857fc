package queue

import (
	"database/sql"
	"errors"
	"time"
)

// pruneSlice is how many deliveries one transaction prunes, so that a commit waits for none of it long.
const pruneSlice = 500

// Keep says how long deliveries are kept after their outcome.
type Keep struct {
	Done time.Duration // delivered and dropped ones
	Dead time.Duration
}

// prune takes one slice of what has been kept long enough. It says whether there may be more.
func (s *store) prune(now time.Time, keep Keep) (more bool, err error) {
	err = s.write(func() error {
		gone := 0
		for _, old := range []struct {
			state  int
			before time.Time
		}{
			{stateDelivered, now.Add(-keep.Done)}, {stateDropped, now.Add(-keep.Done)}, {stateDead, now.Add(-keep.Dead)},
		} {
			seqs, err := s.stripOldest(now, old.state, old.before, pruneSlice-gone)
			if err != nil {
				return err
			}
			gone += len(seqs)
		}
		forgotten, err := s.st.forget.Exec(milli(now.Add(-keepIDs)), pruneSlice)
		if err != nil {
			return err
		}
		ids, err := forgotten.RowsAffected()
		more = gone == pruneSlice || ids == pruneSlice
		return err
	})
	if err == nil && s.folder != nil {
		err = s.write(func() error { return exec(s.conn, `PRAGMA incremental_vacuum(500)`) })
	}
	return more, err
}

// scanInto collects a column of whole numbers.
func scanInto(list *[]int64) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		*list = append(*list, n)
		return err
	}
}

// strip leaves of a delivery what makes its id known again. Its event goes with the last one of its deliveries. In a change.
func (s *store) strip(now time.Time, seq int64) error {
	var lane, event, size int64
	if err := s.st.strip.row(seq, milli(now)).Scan(&lane, &event, &size); err != nil {
		return err
	}
	if err := s.st.grow.run(-size, lane); err != nil {
		return err
	}
	return s.st.dropEvent.run(event)
}

// acceptWithRoom accepts, after taking what was delivered longest ago if there is no room otherwise.
func (s *store) acceptWithRoom(now time.Time, entries []*Entry) error {
	err := s.accept(now, entries)
	for errors.Is(err, ErrFull) {
		made, roomErr := s.makeRoom(now)
		if roomErr != nil || !made {
			return errors.Join(err, roomErr)
		}
		err = s.accept(now, entries)
	}
	return err
}

// makeRoom takes some of what was delivered longest ago; in memory the oldest dead letters go too, and the oldest ids.
// It says false if there is nothing to take.
func (s *store) makeRoom(now time.Time) (made bool, err error) {
	const some = 4 * pruneSlice
	states := []int{stateDelivered, stateDropped}
	if s.folder == nil {
		states = append(states, stateDead)
	}
	later := now.Add(time.Hour)
	err = s.write(func() error {
		made = false
		for _, state := range states {
			seqs, err := s.stripOldest(now, state, later, some)
			if err != nil {
				return err
			}
			made = made || len(seqs) > 0
		}
		if s.folder == nil {
			forgotten, err := s.st.forget.changed(milli(later), some)
			made = made || forgotten
			return err
		}
		return nil
	})
	return made, err
}

// stripOldest strips up to n deliveries of a state that got their outcome before a time. In a change.
func (s *store) stripOldest(now time.Time, state int, before time.Time, n int) (seqs []int64, err error) {
	rows, err := s.st.oldest.Query(state, milli(before), n)
	if err := each(rows, err, scanInto(&seqs)); err != nil {
		return nil, err
	}
	for _, seq := range seqs {
		if err := s.strip(now, seq); err != nil {
			return nil, err
		}
	}
	return seqs, nil
}

// makeRoomInLane keeps a lane within half of the database: its oldest dead letters go first, counted, and no more than it takes. In a change.
func (s *store) makeRoomInLane(now time.Time, lane int64, state *laneState, size int64) error {
	if s.folder == nil { // which is for a while, and for one process
		return nil
	}
	for state.bytes+state.grown+size > s.maxSize/2 {
		var oldest int64
		switch err := s.st.oldestDead.row(lane).Scan(&oldest); {
		case errors.Is(err, sql.ErrNoRows):
			return ErrFull
		case err != nil:
			return err
		}
		if err := s.strip(now, oldest); err != nil {
			return err
		}
		if err := s.st.discard.run(lane); err != nil {
			return err
		}
		after, err := s.laneState(lane)
		if err != nil {
			return err
		}
		state.bytes = after.bytes
	}
	return nil
}
