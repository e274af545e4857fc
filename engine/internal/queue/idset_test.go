package queue

import (
	"fmt"
	"testing"
)

func TestIDSetForgetsTheOldestOnly(t *testing.T) {
	const capacity = 5
	s := newIDSet(capacity)
	id := func(i int) string { return fmt.Sprintf("msg_%026d", i) }
	for i := range 3 * capacity {
		if !s.add(id(i)) {
			t.Errorf("id %d is known, want new", i)
		}
		for j := max(0, i-capacity+1); j <= i; j++ {
			if s.add(id(j)) {
				t.Fatalf("after %d ids: %d is forgotten", i+1, j)
			}
		}
		if len(s.known) > capacity {
			t.Fatalf("%d ids kept, want at most %d", len(s.known), capacity)
		}
		if i >= capacity {
			if _, known := s.known[[idLen]byte([]byte(id(i - capacity)[4:]))]; known {
				t.Errorf("after %d ids: %d is known", i+1, i-capacity)
			}
		}
	}
}

func TestIDSetTellsShortIDsApart(t *testing.T) {
	s := newIDSet(10)
	for _, id := range []string{"", "a", "b", "msg_a"} {
		if !s.add(id) {
			t.Errorf("%q is known, want new", id)
		}
		if s.add(id) {
			t.Errorf("%q is new again", id)
		}
	}
}
