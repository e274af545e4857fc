package spill

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
)

// counted is a queue that can be broken, and counts how often it was asked whether it is ready, which writes to the disk.
type counted struct {
	store.Queue
	broken bool
	ready  int
}

func (c *counted) Accept(ctx context.Context, entries []*delivery.Entry) error {
	if c.broken {
		return errors.New("no space left on device")
	}
	return c.Queue.Accept(ctx, entries)
}

func (c *counted) Ready(ctx context.Context) error {
	c.ready++
	if c.broken {
		return errors.New("no space left on device")
	}
	return c.Queue.Ready(ctx)
}

// A healed queue is left alone, although memory still knows ids of what it delivered meanwhile.
func TestIDsInMemoryAreNothingToHeal(t *testing.T) {
	file := &counted{Queue: memory.Open(store.Options{})}
	s := New(t.Context(), store.Options{}, func(context.Context) (store.Queue, error) { return file, nil })
	defer s.Close()
	file.broken = true
	const many = 1200 // more than memory keeps whole
	entries := make([]*delivery.Entry, many)
	for i := range entries {
		ev := &event.Event{ID: fmt.Sprint(i), Type: "workflow_end"}
		entries[i] = &delivery.Entry{Event: ev, Wants: []delivery.Want{{Webhook: "hook", Take: time.Minute}}}
	}
	if err := s.Accept(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if lost, err := s.Settle(t.Context(), []delivery.Settlement{{Claim: entry.Claims[0]}}); err != nil || len(lost) > 0 {
			t.Fatal(lost, err)
		}
	}
	file.broken = false
	if err := s.Heal(t.Context()); err != nil || s.Broken() != nil || s.memory.Holds() || s.memory.IsEmpty() {
		t.Fatalf("%v, broken: %v, memory holds deliveries: %v, and nothing at all: %v", err, s.Broken(), s.memory.Holds(), s.memory.IsEmpty())
	}
	asked := file.ready
	for range 3 {
		if err := s.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if file.ready != asked {
		t.Errorf("the healed queue was asked %d times whether it is ready", file.ready-asked)
	}
	for i := range entries {
		entries[i].Claims = nil
	}
	if err := s.Accept(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Wants[0].Fate != delivery.Known {
			t.Fatalf("%s is %v, want that it is known", entry.Event.ID, entry.Wants[0].Fate)
		}
	}
}
