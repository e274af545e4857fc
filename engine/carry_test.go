package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine"
)

// A queue does not move into itself, whatever the two names for its file are. It would lose its deliveries.
func TestQueueDoesNotMoveIntoItself(t *testing.T) {
	t.Chdir(t.TempDir())
	file, err := filepath.Abs("queue.db")
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(parse(t, oneHook("secret: s")), engine.Options{Queue: file})
	if err != nil {
		t.Fatal(err)
	}
	submit(t, e, newEvent("a"))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	from := openDeliveries(t, "queue.db")
	moves := map[string]*engine.Deliveries{"itself": from}
	for _, name := range []string{"queue.db", "./queue.db", "folder/../queue.db", file} {
		moves[name] = openDeliveries(t, name)
	}
	for name, to := range moves {
		_, err := from.MoveTo(context.Background(), to, func(webhook string) string { return webhook })
		if !errors.Is(err, engine.ErrSameQueue) {
			t.Errorf("to %s: %v, want %v", name, err, engine.ErrSameQueue)
		}
		if list, err := from.List(context.Background(), engine.Filter{}); err != nil || len(list) != 1 || list[0].State != "due" {
			t.Errorf("to %s: the queue has %v, %v, want its delivery unchanged", name, list, err)
		}
	}
	other := openDeliveries(t, "other.db")
	moved, err := from.MoveTo(context.Background(), other, func(webhook string) string { return webhook })
	if err != nil || moved.Moved != 1 {
		t.Errorf("to another file: %+v, %v, want 1 moved", moved, err)
	}
}

func openDeliveries(t *testing.T, queue string) *engine.Deliveries {
	t.Helper()
	d, err := engine.OpenDeliveries(queue, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// What the other queue had before and has removed is not lost by a move: it stays, each move says so, and a third queue takes it.
func TestMoveKeepsWhatTheOtherQueueRemoved(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx := context.Background()
	for _, file := range []string{"a.db", "b.db"} {
		e, err := engine.Open(parse(t, oneHook("secret: s")), engine.Options{Queue: file})
		if err != nil {
			t.Fatal(err)
		}
		submit(t, e, newEvent("one"))
		if file == "a.db" {
			submit(t, e, newEvent("two"))
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := openDeliveries(t, "a.db"), openDeliveries(t, "b.db"), openDeliveries(t, "c.db")
	if n, err := b.Delete(ctx, engine.Filter{}); n != 1 || err != nil {
		t.Fatalf("%d deleted, %v", n, err)
	}
	for _, move := range []struct {
		to   *engine.Deliveries
		want engine.Carried
		left int // in a
	}{
		{b, engine.Carried{Moved: 1, Gone: 1}, 1},
		{b, engine.Carried{Gone: 1}, 1},
		{c, engine.Carried{Moved: 1, Resumed: 1}, 0},
	} {
		moved, err := a.MoveTo(ctx, move.to, func(webhook string) string { return webhook })
		if err != nil || moved != move.want {
			t.Errorf("%+v moved, %v, want %+v", moved, err, move.want)
		}
		if list, err := a.List(ctx, engine.Filter{}); err != nil || len(list) != move.left {
			t.Errorf("%d are left, %v, want %d", len(list), err, move.left)
		}
	}
}
