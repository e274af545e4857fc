package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/queue"
)

func TestMemory(t *testing.T) {
	testQueue(t, func(*testing.T) queue.Queue { return queue.NewMemory() })
}

// bigEvent is an event of about so many bytes.
func bigEvent(id string, size int) event.Event {
	e := newEvent(id)
	e.Payload = append(append([]byte(`{"n":"`), bytes.Repeat([]byte("x"), size)...), `"}`...)
	return e
}

// offer accepts a big event and hands its error over.
func offer(ctx context.Context, m *queue.Memory, id string, size int) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := m.Accept(ctx, bigEvent(id, size), []delivery.Delivery{newDelivery(id, hook, at(0))})
		done <- err
	}()
	return done
}

const half = queue.MemorySize / 2

func TestMemoryRefusesWhenItStaysFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := queue.NewMemory()
		if err := <-offer(t.Context(), m, "a", half); err != nil {
			t.Fatal(err)
		}
		cause := errors.New("enough waited")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
		defer cancel()
		begun := time.Now()
		err := <-offer(ctx, m, "b", half)
		if !errors.Is(err, queue.ErrFull) || !errors.Is(err, cause) {
			t.Errorf("Accept: %v, want ErrFull with the cause", err)
		}
		if waited := time.Since(begun); waited != time.Minute {
			t.Errorf("waited %v, want a minute", waited)
		}
		if got := claimIDs(t, m, hook, at(0), 10); got != "a" {
			t.Errorf("claimed %q, want a alone", got)
		}
		// Refused is not known: the same event may come again.
		settle(t, m, queue.Settlement{Delivery: newDelivery("a", hook, at(0)), Outcome: delivery.Delivered})
		accept(t, m, "b", hook, at(0))
	})
}

func TestMemoryAcceptsWhenRoomComes(t *testing.T) {
	for _, outcome := range []delivery.Outcome{delivery.Delivered, delivery.Dead} {
		t.Run(outcome.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := queue.NewMemory()
				if err := <-offer(t.Context(), m, "a", half); err != nil {
					t.Fatal(err)
				}
				waiting := []<-chan error{offer(t.Context(), m, "b", half), offer(t.Context(), m, "c", 10)}
				synctest.Wait()
				if err := <-waiting[1]; err != nil {
					t.Errorf("an event that has room: %v", err)
				}
				d := claim(t, m, hook, at(0), 1)[0].Delivery
				select {
				case err := <-waiting[0]:
					t.Fatalf("accepted without room: %v", err)
				default:
				}
				settle(t, m, queue.Settlement{Delivery: d, Outcome: outcome})
				if err := <-waiting[0]; err != nil {
					t.Errorf("after room came: %v", err)
				}
			})
		})
	}
}

func TestMemoryRetryMakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := queue.NewMemory()
		if err := <-offer(t.Context(), m, "a", half); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		waiting := offer(ctx, m, "b", half)
		synctest.Wait()
		settle(t, m, queue.Settlement{Delivery: claim(t, m, hook, at(0), 1)[0].Delivery, Outcome: delivery.Retry})
		if err := <-waiting; !errors.Is(err, queue.ErrFull) {
			t.Errorf("Accept: %v, want ErrFull", err)
		}
	})
}

func TestMemoryBoundCountsTheBodiesOfRetries(t *testing.T) {
	m := queue.NewMemory()
	accept(t, m, "a", hook, at(0))
	d := claim(t, m, hook, at(0), 1)[0].Delivery
	d.Body = make([]byte, queue.MemorySize)
	settle(t, m, queue.Settlement{Delivery: d, Outcome: delivery.Retry})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := <-offer(ended, m, "b", 10); !errors.Is(err, queue.ErrFull) {
		t.Errorf("beside a body as big as the bound: %v, want ErrFull", err)
	}
	claim(t, m, hook, at(0), 1)
	settle(t, m, queue.Settlement{Delivery: d, Outcome: delivery.Delivered})
	// The room is all there again, whatever the delivery grew by.
	for i := range 15 {
		if err := <-offer(ended, m, fmt.Sprint(i), 1<<20); err != nil {
			t.Fatalf("event %d of 1 MiB: %v", i, err)
		}
	}
}

func TestMemoryEmptyTakesAnEventOverItsBound(t *testing.T) {
	m := queue.NewMemory()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := <-offer(ended, m, "a", 2*queue.MemorySize); err != nil {
		t.Errorf("into an empty queue: %v", err)
	}
	if err := <-offer(ended, m, "b", 1); !errors.Is(err, queue.ErrFull) {
		t.Errorf("into a full queue: %v, want ErrFull", err)
	}
}

func TestMemoryCloseWakesWhoWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := queue.NewMemory()
		if err := <-offer(t.Context(), m, "a", half); err != nil {
			t.Fatal(err)
		}
		waiting := []<-chan error{offer(t.Context(), m, "b", half), offer(t.Context(), m, "c", half)}
		synctest.Wait()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		for _, done := range waiting {
			if err := <-done; !errors.Is(err, queue.ErrClosed) {
				t.Errorf("Accept: %v, want ErrClosed", err)
			}
		}
	})
}

// A delivery without a due time is due at once, and that comes before every time.
func TestMemoryLeftKnowsWhatIsDueAtOnce(t *testing.T) {
	m := queue.NewMemory()
	accept(t, m, "now", "now", time.Time{})
	for i := range 8 {
		accept(t, m, fmt.Sprint(i), fmt.Sprint("later-", i), at(i))
	}
	// Several times, since lanes are looked at in any order.
	for range 20 {
		if got := left(t, m).Next; !got.IsZero() {
			t.Fatalf("next = %v, want no time at all", got)
		}
	}
}
