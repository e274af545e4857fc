package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
)

// ofNamespace is an event for the webhook "hook" of a namespace, and what claims from it.
func ofNamespace(namespace, id string) (*delivery.Entry, delivery.Lane) {
	e := entry(id, "")
	e.Wants[0].Webhook = namespace + "#hook"
	return e, delivery.Lane{Webhook: namespace + "#hook", Lease: time.Minute}
}

// holding is the content of a namespace with one delivery.
func holding(t *testing.T, s *postgres.Store, namespace string) {
	t.Helper()
	ctx := t.Context()
	lanes, err := s.Lanes(ctx)
	if err != nil || len(lanes) != 1 || lanes[0].Webhook != namespace+"#hook" {
		t.Errorf("%q: lanes %+v, %v", namespace, lanes, err)
	}
	items, err := s.List(ctx, delivery.Filter{Webhook: "hook"})
	if err != nil || len(items) != 1 || items[0].Delivery.Webhook != namespace+"#hook" {
		t.Errorf("%q: lists %+v, %v", namespace, items, err)
	}
	tally, err := s.Count(ctx, delivery.Filter{})
	if err != nil || tally.Count != 1 {
		t.Errorf("%q: counts %+v, %v", namespace, tally, err)
	}
	groups, err := s.Groups(ctx, delivery.Filter{}, 10)
	if err != nil || len(groups) != 1 {
		t.Errorf("%q: groups %+v, %v", namespace, groups, err)
	}
	oldest, err := s.Oldest(ctx)
	if err != nil || len(oldest) != 1 {
		t.Errorf("%q: oldest %+v, %v", namespace, oldest, err)
	}
	standing, err := s.Standing(ctx)
	if err != nil || len(standing) != 1 || standing[namespace+"#hook"].Due != 1 {
		t.Errorf("%q: standing %+v, %v", namespace, standing, err)
	}
	left, err := s.Left(ctx)
	if err != nil || len(left) != 1 {
		t.Errorf("%q: left %+v, %v", namespace, left, err)
	}
	nodes, err := s.Nodes(ctx)
	if err != nil || len(nodes) != 1 {
		t.Errorf("%q: nodes %+v, %v", namespace, nodes, err)
	}
	ops, err := s.Operations(ctx, 0, 10)
	if err != nil || len(ops) != 1 || ops[0].Target != namespace {
		t.Errorf("%q: operations %+v, %v", namespace, ops, err)
	}
}

// Namespaces in one database neither see nor change what the others hold, whatever they are called.
func TestNamespacesAreApart(t *testing.T) {
	t.Parallel()
	url := database(t)
	long := strings.Repeat("n", 63)
	names := []string{"a", "a_", "a%", "A", "a ", "it's", `a"b`, `a\`, "ünïcödé", "u\u0308", "ü", "默认", long, long + "x", "$1", "'; --", "👩‍💻"}
	stores := map[string]*postgres.Store{}
	for _, name := range names {
		s := open(t, store.Options{Path: url, Namespace: name})
		e, _ := ofNamespace(name, "event")
		accept(t, s, e)
		if e.Wants[0].Fate != delivery.Accepted {
			t.Errorf("%q: the fate of an event that others know is %q, want accepted", name, e.Wants[0].Fate)
		}
		if err := s.Record(t.Context(), delivery.Operation{Who: "me", What: "replay", Target: name}); err != nil {
			t.Fatal(err)
		}
		stores[name] = s
	}
	for _, name := range names {
		holding(t, stores[name], name)
	}
	for _, name := range names {
		s := stores[name]
		if err := s.Keep(t.Context()); err != nil || !s.Keeps() {
			t.Errorf("%q: Keep = %v, keeps house: %v, want one node of each namespace to", name, err, s.Keeps())
		}
		if n, err := s.ChangeLanes(t.Context(), "hook", store.Disable("by hand")); n != 1 || err != nil {
			t.Errorf("%q: Disable = %d, %v, want its own lane alone", name, n, err)
		}
	}
	first, others := stores[names[0]], stores[names[1]]
	if n, err := first.ChangeLanes(t.Context(), "hook", store.Enable); n != 1 || err != nil {
		t.Errorf("Enable = %d, %v", n, err)
	}
	if st := status(t, others); st.Closed == "" {
		t.Error("a lane was opened from another namespace")
	}
	if n, err := first.Delete(t.Context(), delivery.Filter{}); n != 1 || err != nil {
		t.Errorf("Delete = %d, %v, want its own delivery alone", n, err)
	}
	for _, name := range names[1:] {
		holding(t, stores[name], name)
	}
	if entries, _, err := others.Leave(t.Context(), store.Cursor{}, 100); len(entries) != 1 || err != nil {
		t.Errorf("%d left for another queue, %v, want its own alone", len(entries), err)
	}
	for _, name := range names[2:] {
		if entries, err := stores[name].Leaving(t.Context()); len(entries) != 0 || err != nil {
			t.Errorf("%q: %d are on their way, %v: they are another's", name, len(entries), err)
		}
	}
}

// A full namespace takes no room from another, and each hears only of its own lanes.
func TestNamespacesHaveTheirOwnRoom(t *testing.T) {
	url := database(t)
	full := open(t, store.Options{Path: url, Namespace: "full", MaxSize: 10_000})
	other := open(t, store.Options{Path: url, Namespace: "other", MaxSize: 10_000})
	again := open(t, store.Options{Path: url, Namespace: "other", MaxSize: 10_000})
	told := again.Watch(t.Context())
	_, _ = full.Watch(t.Context()), other.Watch(t.Context()) // which send
	var err error
	for n := 0; n < 100 && err == nil; n++ {
		e, _ := ofNamespace("full", fmt.Sprint(n))
		err = full.Accept(t.Context(), []*delivery.Entry{e})
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("Accept = %v, want the queue full", err)
	}
	e, lane := ofNamespace("other", "event")
	accept(t, other, e)
	if err := other.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v beside a namespace that is full", err)
	}
	select {
	case webhooks := <-told:
		if len(webhooks) != 1 || webhooks[0] != lane.Webhook {
			t.Errorf("told of %q, want its own namespace's", webhooks)
		}
	case <-time.After(10 * time.Second):
		t.Error("not told")
	}
}
