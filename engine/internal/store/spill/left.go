package spill

import (
	"context"
	"slices"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Left implements [store.Store]. A delivery whose outcome waits to be written counts as delivered if it was, else as one
// to try again.
func (s *Store) Left(ctx context.Context) ([]delivery.Left, error) {
	file, unsettled, err := s.opened()
	if err != nil {
		return nil, err
	}
	inMemory, err := s.memory.Left(ctx)
	if file == nil || err != nil {
		return inMemory, err
	}
	lanes, err := file.Left(ctx)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i := range lanes {
		at[lanes[i].Webhook] = i
	}
	for _, st := range unsettled {
		if i, ok := at[st.Claim.Delivery.Webhook]; ok {
			correct(&lanes[i], &st)
		}
	}
	for _, m := range inMemory {
		i, ok := at[m.Webhook]
		if !ok {
			lanes = append(lanes, m)
			continue
		}
		l := &lanes[i]
		l.Own.Waiting, l.Own.Retrying = l.Own.Waiting+m.Own.Waiting, l.Own.Retrying+m.Own.Retrying
		l.Earlier.Waiting, l.Earlier.Retrying = l.Earlier.Waiting+m.Earlier.Waiting, l.Earlier.Retrying+m.Earlier.Retrying
		l.Unstored, l.Letters = m.Unstored, m.Letters
	}
	return lanes, nil
}

// opened returns the file if it was opened, and the outcomes that wait to be written.
func (s *Store) opened() (file store.Queue, unsettled []delivery.Settlement, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, store.ErrClosed
	}
	return s.file, slices.Clone(s.unsettled), nil
}

// Standing implements [store.Browser]. A delivery whose outcome waits to be written does not wait any more.
func (s *Store) Standing(ctx context.Context) (map[string]delivery.Standing, error) {
	file, unsettled, err := s.opened()
	if err != nil {
		return nil, err
	}
	inMemory, err := s.memory.Standing(ctx)
	if file == nil || err != nil {
		return inMemory, err
	}
	standing, err := file.Standing(ctx)
	if err != nil {
		return nil, err
	}
	for i := range unsettled {
		webhook := unsettled[i].Claim.Delivery.Webhook
		st := standing[webhook]
		if st.InFlight > 0 {
			st.InFlight--
		} else { // its lease has ended
			st.Due = max(0, st.Due-1)
		}
		standing[webhook] = st
	}
	for webhook, m := range inMemory {
		st := standing[webhook]
		standing[webhook] = delivery.Standing{
			Due: st.Due + m.Due, Later: st.Later + m.Later, Behind: st.Behind + m.Behind, InFlight: st.InFlight + m.InFlight,
		}
	}
	return standing, nil
}

// LeftInMemory is Left for what is in memory alone.
func (s *Store) LeftInMemory(ctx context.Context) ([]delivery.Left, error) { return s.memory.Left(ctx) }

// correct counts a delivery of the file whose outcome is not in the file yet.
func correct(l *delivery.Left, st *delivery.Settlement) {
	of := &l.Earlier
	if st.Claim.Own {
		of = &l.Own
	}
	tried := st.Claim.Delivery.Attempts > 0
	of.Add(tried, -1)
	if st.Outcome != delivery.Delivered {
		of.Add(tried || st.Attempt != nil, 1)
	}
	of.Waiting, of.Retrying = max(0, of.Waiting), max(0, of.Retrying)
}
