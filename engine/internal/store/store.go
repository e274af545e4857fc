// Package store is the seam between the engine and what keeps its deliveries.
//
// A queue is a [Store], which the lanes use, and a [Browser], which people use. There are three engines, sqlite,
// postgres and memory; spill puts memory beside one of the others while that cannot be written. storetest holds all of them to the
// same promises.
//
// The store's clock decides what is due and when a lease ends. Times cross the seam as durations, except where people read them.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

var (
	// ErrFull says that the store has no room.
	ErrFull = errors.New("queue full")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("queue closed")
	// ErrUnknown says that there is no such delivery.
	ErrUnknown = errors.New("no such delivery")
)

// Store keeps deliveries from their acceptance to their outcome. Several goroutines may use it at once.
type Store interface {
	// Accept stores events with their deliveries in order, all of them or none. It is idempotent by delivery id.
	// It sets each Want's Fate, and each Entry's Claims. The error wraps ErrFull if there is no room.
	Accept(ctx context.Context, entries []*delivery.Entry) error
	// Claim takes up to n due deliveries of a lane, those first that have been due longest. next is how long to wait before
	// asking again: 0 if there may be more now, Never if nothing waits.
	Claim(ctx context.Context, lane delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration, err error)
	// Renew makes a claim hold for that long from now. It is false if somebody else has the delivery.
	Renew(ctx context.Context, claim *delivery.Claim, lease time.Duration) (bool, error)
	// Settle ends claims. It returns those that were lost before: somebody else may have the delivery.
	// After an error nothing is settled.
	Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error)
	// Lanes lists the lanes of all webhooks that ever had a delivery, by identity.
	Lanes(ctx context.Context) ([]delivery.LaneStatus, error)
	// Left counts what waits, for a report: the lanes in which something does, by identity. It costs more than Lanes.
	Left(ctx context.Context) ([]delivery.Left, error)
	// Watch sends the identities of lanes that changed elsewhere. It is nil for a store that must be polled.
	Watch(ctx context.Context) <-chan []string
	// Keep recovers what dead processes and wrong clocks left, and prunes what was kept long enough. One goroutine calls it.
	Keep(ctx context.Context) error
	// Ready says why the store does not take writes; nil if it does.
	Ready(ctx context.Context) error
	Close() error
}

// Never is the answer of Claim when no delivery of the lane waits, or when the lane is closed.
const Never = time.Duration(-1)

// Browser lists and changes deliveries for people.
type Browser interface {
	// List lists deliveries, those accepted last first.
	List(ctx context.Context, f delivery.Filter) ([]delivery.Item, error)
	// Count counts what a filter selects, whatever its Limit.
	Count(ctx context.Context, f delivery.Filter) (delivery.Tally, error)
	// Groups puts what a filter selects into groups, whatever its Limit. It returns the n largest.
	Groups(ctx context.Context, f delivery.Filter, n int) ([]delivery.Group, error)
	// Oldest says by webhook when the oldest delivery that waits was accepted.
	Oldest(ctx context.Context) (map[string]time.Time, error)
	// Standing says by webhook how what waits in its lane stands. It costs more than Lanes.
	Standing(ctx context.Context) (map[string]delivery.Standing, error)
	// Show returns a delivery whole. The error wraps ErrUnknown if there is none.
	Show(ctx context.Context, id string) (*delivery.Detail, error)
	// Replay makes the dead letters of a filter due again, or what was delivered if the filter says so, with a new budget of
	// attempts and the same ids. If the filter's state is Due, it makes due at once what waits, which keeps its budget. It returns
	// how many.
	Replay(ctx context.Context, f delivery.Filter, c delivery.Change) (int, error)
	// Delete forgets deliveries that are not in flight. Their ids stay known. It returns how many.
	Delete(ctx context.Context, f delivery.Filter) (int, error)
	// Move hands the deliveries of one webhook's identity to another. It returns how many.
	Move(ctx context.Context, from, to string) (int, error)
	// Enable opens the lanes of a webhook, by identity or by name, and ends their pause. It returns how many.
	Enable(ctx context.Context, webhook string) (int, error)
	// Disable closes the lanes of a webhook for a reason: what is accepted for them is kept. It returns how many.
	Disable(ctx context.Context, webhook, reason string) (int, error)
	// Pause lets the lanes of a webhook rest for a time, MaxWait at most. A longer rest stays. It returns how many there are.
	Pause(ctx context.Context, webhook string, rest time.Duration) (int, error)
	// Record keeps an operation at the store's time, for [Browser.Operations]. The last MaxOperations are kept.
	Record(ctx context.Context, op delivery.Operation) error
	// Operations lists up to n operations before the one with the number given, the last first. 0 begins at the end.
	Operations(ctx context.Context, before int64, n int) ([]delivery.Operation, error)
}

// Queue is what an engine of a store provides.
type Queue interface {
	Store
	Browser
}

// Durable is a queue that outlives its processes: another one can take its deliveries over, and what it holds can be checked.
type Durable interface {
	Queue
	// Leave takes about n deliveries out of their lanes, for another queue to accept, and returns them with their past and in the
	// order of their keys. It goes on behind from, and returns where it came to; nothing is the end. What is in flight stays, and what
	// waits behind it.
	Leave(ctx context.Context, from Cursor, n int) ([]*delivery.Entry, Cursor, error)
	// Leaving returns what left before and was not forgotten: somebody who carried it was killed.
	Leaving(ctx context.Context) ([]*delivery.Entry, error)
	// Forget removes deliveries that left, and keeps their ids known.
	Forget(ctx context.Context, ids []string) error
	// Check looks whether what the queue holds agrees with itself, and says what does not.
	Check(ctx context.Context) (wrong []string, err error)
}

// OnItsWay says of a delivery that left why it is not sent.
const OnItsWay = "on its way to another queue: run awf-hook queue move again"

// Cursor says how far Leave came: all of its fields are the store's.
type Cursor struct {
	Stage int
	Seq   int64
}

// IDs are the ids of entries' deliveries.
func IDs(entries []*delivery.Entry) (ids []string) {
	for _, entry := range entries {
		for i := range entry.Wants {
			ids = append(ids, entry.Wants[i].DeliveryID(entry.Event.ID))
		}
	}
	return ids
}

// Options say where a store is and how much it keeps. Zero values are the defaults.
type Options struct {
	Path     string // of the file, or a database's URL
	Name     string // what people are told of it, without a password; "" is Path
	MaxSize  int64  // in bytes
	Keep     time.Duration
	KeepDead time.Duration
	Log      *slog.Logger

	Serves bool          // this process exports the queue's gauges: among nodes it is preferred for keeping house
	Config func() string // the digest of the configuration that holds, for other nodes; nil for none

	SpillFolder string           // where what a database cannot take is kept while it is away; "" keeps it in memory alone
	HoldSpilled bool             // what is kept there is not delivered before the database has it
	Now         func() time.Time // the store's clock
}

// WithDefaults returns the options with the defaults filled in.
func (o Options) WithDefaults() Options {
	o.Name = cmp.Or(o.Name, o.Path)
	o.MaxSize = cmp.Or(o.MaxSize, DefaultMaxSize)
	o.Keep, o.KeepDead = cmp.Or(o.Keep, DefaultKeep), cmp.Or(o.KeepDead, DefaultKeepDead)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Held says why a delivery of a lane that waits is not sent; "" if nothing but its time holds it.
func Held(l *Lane, it *delivery.Item, now time.Time, behind bool) string {
	switch pause, wait := l.PausedUntil.Sub(now), it.Delivery.Due.Sub(now); {
	case l.Closed != "":
		return "closed: " + l.Closed
	case pause > 0:
		return "rests for " + pause.Round(time.Second).String()
	case behind:
		return "behind its key"
	case wait > 0 && it.Accepted.After(now.Add(time.Minute)):
		return fmt.Sprintf("due in %v, stored while the clock was at %s", wait.Round(time.Second), it.Accepted.UTC().Format(time.RFC3339))
	}
	return ""
}

// Stand sets where an item without a final outcome stands: in flight, or due and perhaps held by its lane or by its key.
func Stand(l *Lane, it *delivery.Item, now time.Time, owned, behind bool) {
	if owned && it.Delivery.Due.After(now) {
		it.State = delivery.InFlight
		return
	}
	it.State, it.Held = delivery.Due, Held(l, it, now, behind)
}

// IsCalled reports whether an identity is the one given, or ends with the name given.
func IsCalled(identity, name string) bool {
	return identity == name || strings.HasSuffix(identity, "#"+name)
}

// Bounds of every store. docs/config.md names them.
const (
	DefaultMaxSize  = 1 << 30
	DefaultKeep     = 7 * 24 * time.Hour
	DefaultKeepDead = 90 * 24 * time.Hour
	KeepIDs         = 30 * 24 * time.Hour // beyond a delivery's pruning
	MaxOperations   = 10_000              // that are kept

	MaxLease      = time.Hour        // of a claim
	MaxWait       = 24 * time.Hour   // between two attempts, and of a lane's pause
	OrderPatience = 15 * time.Minute // how long a delivery holds its order key where its webhook does not say
	KeyPatience   = time.Second      // how long a due delivery waits while another one of its order key is in flight

	TotalPatience = 200 * time.Millisecond // how long a lane waits that has as many in flight as it may in all processes

	MaxSet = time.Hour // how far a clock may be set back before what waits counts as stored by a wrong one
)
