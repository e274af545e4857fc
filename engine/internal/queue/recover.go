package queue

import "time"

// recoverSlice is how many deliveries one transaction makes due, so that a commit waits for none of it long.
const recoverSlice = 5000

// recover ends the leases of processes that are dead, and the waits that a wrong clock stored.
func (s *store) recover(now time.Time) error {
	for more := true; more; {
		err := s.write(func() (err error) {
			more, err = s.unjump(now)
			return err
		})
		if err != nil {
			return err
		}
	}
	if s.folder == nil {
		return nil
	}
	var dead []int64
	err := s.write(func() error {
		var err error
		if dead, err = s.folder.dead(); err != nil {
			return err
		}
		for _, owner := range dead {
			if err := s.st.release.run(milli(now), milli(now.Add(MaxLease)), owner); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for _, owner := range dead {
			s.folder.bury(owner)
		}
	}
	return err
}

// unjump makes due what waits longer than anything can: the clock was wrong when it was stored, or is now. Leases count as waits.
// Lanes' rests end by the same rule. It says whether there may be more. In a change.
func (s *store) unjump(now time.Time) (more bool, err error) {
	longest := milli(now.Add(MaxWait + maxSet))
	res, err := s.st.jumped.Exec(milli(now), longest, recoverSlice)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, err
	}
	return n == recoverSlice, s.st.jumpedLanes.run(longest, milli(now.Add(MaxLease+maxSet)))
}
