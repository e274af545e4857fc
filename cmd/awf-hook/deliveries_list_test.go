package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
)

// A list that takes long says what it does while it does it, where no terminal shows progress.
func TestLongListsSaySo(t *testing.T) {
	said := make(written, 1)
	c := &command{err: said}
	items, err := c.lookThrough(t.Context(), openedQueue{Queue: slowQueue{said: said, t: t}}, engine.Filter{Text: "x"})
	if err != nil || len(items) != 1 {
		t.Errorf("%+v, %v, want one delivery", items, err)
	}
}

// written passes on what is written.
type written chan string

func (w written) Write(text []byte) (int, error) {
	w <- string(text)
	return len(text), nil
}

// slowQueue lists only once something was said.
type slowQueue struct {
	api.Queue
	said written
	t    *testing.T
}

func (q slowQueue) List(context.Context, engine.Filter) ([]api.Item, error) {
	select {
	case text := <-q.said:
		if !strings.Contains(text, "looking through the whole queue") {
			q.t.Errorf("it said %q", text)
		}
	case <-time.After(20 * sayAfter):
		q.t.Error("it said nothing")
	}
	return []api.Item{{}}, nil
}
