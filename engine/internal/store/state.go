package store

import "github.com/awf-project/awf-hook/engine/delivery"

// The states of a delivery in a database. They are stored: never change a number.
const (
	StateDue       = 0 // waits until due_at, or is in flight until then
	StateDelivered = 1
	StateDead      = 2
	StateDropped   = 3
	StatePruned    = 4 // only the id is left, so that it stays known
	StateBehind    = 5 // waits for another delivery with the same order key

	// Leaving is added to the state of a delivery that is moving to another queue. Nobody claims it or changes it here.
	Leaving = 8
)

// Count adds n deliveries of a state, which have some bytes, to what a lane holds. The totals of delivered and dropped ones never fall.
// Deliveries that leave are not counted.
func Count(c *delivery.LaneCounts, state, n int, bytes int64) {
	switch state {
	case StateDue, StateBehind:
		c.Waiting += n
		c.Bytes += bytes
	case StateDead:
		c.Dead += n
		c.Bytes += bytes
	case StateDelivered:
		c.Delivered += int64(max(0, n))
	case StateDropped:
		c.Dropped += int64(max(0, n))
	}
}

// StateOf names a state of a database for people.
func StateOf[N int | int64](state N) delivery.State {
	switch state % Leaving {
	case StateDelivered:
		return delivery.IsDelivered
	case StateDead:
		return delivery.IsDead
	case StateDropped:
		return delivery.IsDropped
	}
	return delivery.Due
}

// NumberOf returns the number of a state that [StateOf] names.
func NumberOf[N int | int64](s delivery.State) N {
	switch s {
	case delivery.IsDelivered:
		return StateDelivered
	case delivery.IsDead:
		return StateDead
	case delivery.IsDropped:
		return StateDropped
	}
	return StateDue
}
