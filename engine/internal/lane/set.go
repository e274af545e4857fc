// Package lane delivers what a store has due. There is one lane for each webhook, so that a dead or slow receiver takes
// nothing from another one.
//
// Make a [Set], add lanes, and call Run. A lane is a state machine, [machine], that one goroutine owns. Its workers run
// [Options.Attempt], and a settler commits the outcomes of all lanes together. A lane knows a [store.Store] and no
// engine.
package lane

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Set holds the lanes of a process's webhooks.
type Set struct {
	*shared
	settler *settler

	mu        sync.Mutex
	byWebhook map[string]*lane // by identity
	running   bool             // until Run has joined everything that it started
	start     func(*lane)      // nil while no lane may begin
	made      time.Time
	recalls   bool // Recall will be called idleAfter made
}

// idleAfter is how long lanes hold what was accepted before Run. A program may never call Run and leave the sending to other processes.
const idleAfter = time.Second

// NewSet makes a set without lanes. One goroutine calls settled with each committed outcome.
func NewSet(s store.Store, log *slog.Logger, settled func(*delivery.Settlement)) *Set {
	set := &Set{shared: &shared{store: s, trouble: NewTrouble(log)}, byWebhook: map[string]*lane{}, made: time.Now()}
	set.settler = newSettler(set.shared, set.of, settled)
	return set
}

// Add adds a lane, and starts it if the set runs. It replaces the lane with the same identity, which finishes what is in
// flight and leaves the rest to the new one.
func (s *Set) Add(o Options) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := newLane(o, s.shared, s.settler.add)
	old := s.byWebhook[o.Lane.Webhook]
	s.byWebhook[o.Lane.Webhook] = l
	if s.start != nil {
		s.start(l)
		l.post(lookAt(time.Now()))
	}
	if left := s.retire(old); len(left) > 0 {
		l.post(given(left))
	}
}

// Remove removes the lane of a webhook. The lane finishes what is in flight; waiting deliveries stay in the store.
func (s *Set) Remove(webhook string) {
	s.mu.Lock()
	old := s.byWebhook[webhook]
	delete(s.byWebhook, webhook)
	left := s.retire(old)
	s.mu.Unlock()
	s.giveBack(left)
}

// Recall gives back what was handed to lanes that do not run, so that other processes may take it.
func (s *Set) Recall() {
	var idle []*delivery.Claim
	s.mu.Lock()
	s.recalls = false
	for _, l := range s.byWebhook {
		idle = append(idle, l.recall()...)
	}
	s.mu.Unlock()
	s.giveBack(idle)
}

// retire ends a lane that was replaced or removed; old may be nil. It returns the claims that the lane was given and
// never saw. The caller holds mu.
func (s *Set) retire(old *lane) []*delivery.Claim {
	if old == nil {
		return nil
	}
	left, gone := old.retire()
	if gone {
		old.close()
	}
	return left
}

// Run runs the lanes until ctx ends, and waits for their attempts and outcomes. beside runs meanwhile in a goroutine of
// its own. Run returns an error if it is already running.
func (s *Set) Run(ctx context.Context, beside func(context.Context)) error {
	var running sync.WaitGroup
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return errors.New("the engine is already running")
	}
	s.running = true
	s.start = func(l *lane) {
		l.enter()
		running.Go(func() {
			l.run(ctx)
			if s.of(l.Lane.Webhook) != l { // it was replaced
				l.close()
			}
		})
	}
	for _, l := range s.byWebhook {
		s.start(l)
	}
	s.mu.Unlock()

	settling, end := context.WithCancel(context.WithoutCancel(ctx))
	var settles sync.WaitGroup
	settles.Go(func() { s.settler.run(settling) })
	running.Go(func() { beside(ctx) })
	<-ctx.Done()
	s.mu.Lock()
	s.start = nil
	s.mu.Unlock()
	running.Wait()
	end() // after the last outcome
	settles.Wait()
	s.mu.Lock()
	s.running = false
	s.mu.Unlock()
	return nil
}

// Close closes the lanes' connections. Nothing may run any more.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.byWebhook {
		l.close()
	}
}

// of returns the lane of a webhook's identity, or nil.
func (s *Set) of(webhook string) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byWebhook[webhook]
}

// all returns the lanes.
func (s *Set) all() []*lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.byWebhook))
}

// Name returns the name of a webhook's identity. It returns false if the identity has no lane.
func (s *Set) Name(webhook string) (string, bool) {
	l := s.of(webhook)
	if l == nil {
		return "", false
	}
	return l.Name, true
}

// Rate returns the attempts per second that a webhook's lane may make; 0 for no limit.
func (s *Set) Rate(webhook string) float64 {
	l := s.of(webhook)
	if l == nil {
		return 0
	}
	return l.Lane.Rate
}

// Names lists the names of the webhooks that have a lane, sorted.
func (s *Set) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, l := range s.byWebhook {
		names = append(names, l.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Lease returns for how long a new delivery may be claimed for its lane while it is being accepted; 0 if it may not be. A set that
// was not run for a while leaves new deliveries to other processes.
func (s *Set) Lease(webhook string, size int) time.Duration {
	s.mu.Lock()
	l, idle := s.byWebhook[webhook], s.start == nil && time.Since(s.made) >= idleAfter
	s.mu.Unlock()
	if l == nil || idle || s.held.Load()+int64(size+claimSize) > maxReady || l.room.Add(-1) < 0 {
		return 0
	}
	return l.Lane.Lease
}

// Give hands the lanes deliveries that were accepted and claimed for them.
func (s *Set) Give(claims []*delivery.Claim) {
	s.hold(claims)
	each := map[string]given{}
	for _, claim := range claims {
		webhook := claim.Delivery.Webhook
		each[webhook] = append(each[webhook], claim)
	}
	for webhook, claims := range each {
		s.give(webhook, claims)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.start == nil && !s.recalls && len(claims) > 0 {
		s.recalls = true
		time.AfterFunc(idleAfter-time.Since(s.made), s.Recall)
	}
}

func (s *Set) give(webhook string, claims given) {
	for l := s.of(webhook); l != nil; l = s.of(webhook) {
		l.ready.Add(int64(len(claims)))
		if l.post(claims) {
			return
		}
	}
	s.giveBack(claims)
}

// Rest makes a lane give back the claims that it has not begun or is making, since the store says that it is closed or paused.
func (s *Set) Rest(webhook string) {
	if l := s.of(webhook); l != nil {
		l.post(rest{})
	}
}

// LookAt makes a lane ask the store at a time. It returns false if the identity has no lane.
func (s *Set) LookAt(webhook string, at time.Time) bool {
	l := s.of(webhook)
	if l != nil {
		l.post(lookAt(at))
	}
	return l != nil
}
