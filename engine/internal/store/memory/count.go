package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// count adds a row to a tally.
func (r *row) count(t *delivery.Tally) {
	t.Count++
	if r.d.Attempts > 0 {
		t.Tried++
	}
	if t.Oldest.IsZero() || r.accepted.Before(t.Oldest) {
		t.Oldest = r.accepted
	}
	if r.done.After(t.Last) {
		t.Last = r.done
	}
}

// Count implements [store.Browser].
func (s *Store) Count(ctx context.Context, f delivery.Filter) (t delivery.Tally, err error) {
	err = s.do(ctx, func(now time.Time) {
		for _, r := range s.selected(f, now) {
			r.count(&t)
		}
	})
	return t, err
}

// Groups implements [store.Browser].
func (s *Store) Groups(ctx context.Context, f delivery.Filter, n int) (groups []delivery.Group, err error) {
	err = s.do(ctx, func(now time.Time) {
		at := map[[2]string]int{}
		for _, r := range s.selected(f, now) {
			key := [2]string{r.d.Webhook, r.reason}
			i, known := at[key]
			if !known {
				i, at[key] = len(groups), len(groups)
				groups = append(groups, delivery.Group{Webhook: r.d.Webhook, Reason: r.reason})
			}
			r.count(&groups[i].Tally)
		}
		slices.SortFunc(groups, func(a, b delivery.Group) int {
			return cmp.Or(b.Count-a.Count, cmp.Compare(a.Webhook, b.Webhook), cmp.Compare(a.Reason, b.Reason))
		})
		groups = groups[:min(n, len(groups))]
	})
	return groups, err
}

// Oldest implements [store.Browser].
func (s *Store) Oldest(ctx context.Context) (oldest map[string]time.Time, err error) {
	err = s.do(ctx, func(time.Time) {
		oldest = map[string]time.Time{}
		for _, r := range s.rows {
			if at, known := oldest[r.d.Webhook]; r.state == delivery.Due && (!known || r.accepted.Before(at)) {
				oldest[r.d.Webhook] = r.accepted
			}
		}
	})
	return oldest, err
}

// Standing implements [store.Browser].
func (s *Store) Standing(ctx context.Context) (standing map[string]delivery.Standing, err error) {
	err = s.do(ctx, func(now time.Time) {
		standing = map[string]delivery.Standing{}
		for _, r := range s.rows {
			if r.state != delivery.Due {
				continue
			}
			st := standing[r.d.Webhook]
			switch {
			case r.behind:
				st.Behind++
			case r.inFlight(now):
				st.InFlight++
			case r.d.Due.After(now):
				st.Later++
			default:
				st.Due++
			}
			standing[r.d.Webhook] = st
		}
	})
	return standing, err
}

// Left implements [store.Store].
func (s *Store) Left(ctx context.Context) (list []delivery.Left, err error) {
	err = s.do(ctx, func(time.Time) {
		counts := map[string]delivery.Left{}
		for _, r := range s.rows {
			if r.state != delivery.Due {
				continue
			}
			left := counts[r.d.Webhook]
			of := &left.Own
			if r.foreign {
				of = &left.Earlier
			}
			of.Add(r.d.Attempts > 0, 1)
			counts[r.d.Webhook] = left
		}
		for _, webhook := range slices.Sorted(maps.Keys(s.lanes)) {
			left := counts[webhook]
			left.Webhook, left.Unstored, left.Letters = webhook, left.Own, s.lanes[webhook].Dead+int(s.lanes[webhook].Discarded)
			if left.Own.Sum()+left.Earlier.Sum()+left.Letters > 0 {
				list = append(list, left)
			}
		}
	})
	return list, err
}
