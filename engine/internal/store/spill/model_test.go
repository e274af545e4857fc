package spill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
)

// moody is a queue whose calls fail at times: before they do anything, or after they have done it.
type moody struct {
	store.Queue
	random *rand.Rand
	isBad  bool                    // calls may fail
	lied   func([]*delivery.Entry) // called if Accept has done what it says that it has not
}

func (m *moody) fails(call func() error, lied func()) error {
	mood := errors.New("bad mood")
	if m.isBad && m.random.IntN(2) == 0 {
		return mood
	}
	if err := call(); err != nil || !m.isBad || m.random.IntN(4) > 0 {
		return err
	}
	lied()
	return mood
}

func (m *moody) Accept(ctx context.Context, entries []*delivery.Entry) error {
	return m.fails(func() error { return m.Queue.Accept(ctx, entries) }, func() { m.lied(entries) })
}

func (m *moody) Claim(ctx context.Context, lane delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration, err error) {
	err = m.fails(func() error {
		claims, next, err = m.Queue.Claim(ctx, lane, n)
		return err
	}, func() { claims = nil })
	return claims, next, err
}

func (m *moody) Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	err = m.fails(func() error {
		lost, err = m.Queue.Settle(ctx, settlements)
		return err
	}, func() { lost = nil })
	return lost, err
}

func (m *moody) Ready(ctx context.Context) error {
	return m.fails(func() error { return m.Queue.Ready(ctx) }, func() {})
}

// model is what must hold of a queue whose file is moody.
type model struct {
	t      *testing.T
	random *rand.Rand
	now    time.Time
	file   *moody
	queue  *Store
	sent   map[string]*modelled // by event
	flying []*delivery.Claim
}

type modelled struct {
	claims  int
	isFinal bool
	mayBoth bool // it may be sent again: a lease ended, or nobody knows what the file did
}

const modelLease = time.Minute

// Whatever a file does with its calls, each event gets one outcome, and is sent again only if a lease ended or the file said no and
// meant yes. Two deliveries of one key are never in flight. Once the file is well, it has everything, and memory nothing.
func TestMoodyFile(t *testing.T) {
	for seed := range uint64(2000) {
		m := &model{t: t, random: rand.New(rand.NewPCG(seed, 0)), now: time.Unix(1_800_000_000, 0), sent: map[string]*modelled{}}
		options := store.Options{Now: func() time.Time { return m.now }}
		m.file = &moody{Queue: memory.Open(options), random: m.random, lied: func(entries []*delivery.Entry) {
			for _, entry := range entries {
				m.sent[entry.Event.ID].mayBoth = true
			}
		}}
		m.queue = New(t.Context(), options, func(context.Context) (store.Queue, error) { return m.file, nil })
		for range 200 {
			m.step()
		}
		m.end()
		if err := m.queue.Close(); err != nil || t.Failed() {
			t.Fatalf("seed %d: Close: %v", seed, err)
		}
	}
}

func (m *model) step() {
	switch m.random.IntN(10) {
	case 0, 1:
		m.accept()
	case 2, 3:
		m.claim(1 + m.random.IntN(4))
	case 4, 5, 6:
		if len(m.flying) > 0 {
			outcomes := []delivery.Outcome{delivery.Delivered, delivery.Delivered, delivery.Dead, delivery.Dropped, delivery.Retry}
			m.settle(m.random.IntN(len(m.flying)), outcomes[m.random.IntN(len(outcomes))])
		}
	case 7:
		_ = m.queue.Keep(m.t.Context()) // the file may be in a bad mood
	case 8:
		m.file.isBad = m.random.IntN(2) == 0
	case 9:
		m.now = m.now.Add(time.Duration(m.random.IntN(30)) * time.Second)
		if m.random.IntN(20) == 0 {
			m.now = m.now.Add(2 * modelLease)
		}
	}
}

func (m *model) accept() {
	var entries []*delivery.Entry
	for range 1 + m.random.IntN(3) {
		ev := &event.Event{ID: fmt.Sprint(len(m.sent)), Type: "x"}
		m.sent[ev.ID] = &modelled{}
		want := delivery.Want{Webhook: "hook", Take: modelLease * time.Duration(m.random.IntN(2))}
		if m.random.IntN(3) == 0 {
			want.OrderKey = "k"
		}
		entries = append(entries, &delivery.Entry{Event: ev, Wants: []delivery.Want{want}})
	}
	if err := m.queue.Accept(m.t.Context(), entries); err != nil {
		m.t.Errorf("Accept: %v", err)
	}
	for _, entry := range entries {
		m.took(entry.Claims)
	}
}

// claim claims some, and returns when to ask again.
func (m *model) claim(n int) time.Duration {
	claims, next, err := m.queue.Claim(m.t.Context(), delivery.Lane{Webhook: "hook", Lease: modelLease}, n)
	if err != nil {
		m.t.Errorf("Claim: %v", err)
	}
	m.took(claims)
	return next
}

// took checks that claims may be in flight now.
func (m *model) took(claims []*delivery.Claim) {
	for _, c := range claims {
		s := m.sent[c.Delivery.EventID]
		for _, f := range m.flying {
			other := m.sent[f.Delivery.EventID]
			isSame, isBeside := other == s, c.OrderKey != "" && f.OrderKey == c.OrderKey
			if m.now.Before(f.Until) && (isSame || isBeside) && !s.mayBoth && !other.mayBoth {
				m.t.Errorf("%s is in flight beside %s", c.Delivery.EventID, f.Delivery.EventID)
			}
			s.mayBoth = s.mayBoth || isSame
		}
		if s.claims++; s.isFinal && !s.mayBoth {
			m.t.Errorf("%s is sent again after its outcome", c.Delivery.EventID)
		}
		m.flying = append(m.flying, c)
	}
}

// settle ends an attempt.
func (m *model) settle(i int, outcome delivery.Outcome) {
	c := m.flying[i]
	m.flying = append(m.flying[:i], m.flying[i+1:]...)
	s := m.sent[c.Delivery.EventID]
	s.mayBoth = s.mayBoth || !m.now.Before(c.Until)
	a := &delivery.Attempt{Number: c.Delivery.Attempts + 1, At: m.now, Outcome: outcome}
	st := delivery.Settlement{Claim: c, Outcome: outcome, Attempt: a}
	if outcome == delivery.Retry {
		st.After = 10 * time.Second
	}
	lost, err := m.queue.Settle(m.t.Context(), []delivery.Settlement{st})
	if err != nil || len(lost) > 0 && !s.mayBoth {
		m.t.Errorf("Settle(%s): %d lost, %v", c.Delivery.EventID, len(lost), err)
	}
	s.isFinal = s.isFinal || len(lost) == 0 && outcome != delivery.Retry
}

// end lets the file be well, delivers what is left, and checks where everything is.
func (m *model) end() {
	m.file.isBad = false
	for next := time.Duration(0); next != store.Never || len(m.flying) > 0; {
		for len(m.flying) > 0 {
			m.settle(0, delivery.Delivered)
		}
		if err := m.queue.Keep(m.t.Context()); err != nil {
			m.t.Errorf("Keep: %v", err)
		}
		if next = m.claim(100); len(m.flying) == 0 && next != store.Never {
			m.now = m.now.Add(next)
		}
	}
	if err := m.queue.Flush(m.t.Context()); err != nil || m.queue.memory.Holds() {
		m.t.Errorf("Flush: %v, memory holds deliveries: %v", err, m.queue.memory.Holds())
	}
	lanes, err := m.queue.Lanes(m.t.Context())
	if err != nil || len(lanes) != 1 || lanes[0].Waiting > 0 || int(lanes[0].Delivered+lanes[0].Dropped)+lanes[0].Dead != len(m.sent) {
		m.t.Errorf("%d events: %+v, %v", len(m.sent), lanes, err)
	}
	for id, s := range m.sent {
		if s.claims == 0 || !s.isFinal {
			m.t.Errorf("%s was claimed %d times, and has an outcome: %v", id, s.claims, s.isFinal)
		}
	}
}
