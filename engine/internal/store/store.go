// Package store is the interface between the engine and whatever keeps its deliveries.
//
// A queue is a [Store], which the lanes use, and a [Browser], which people use. There are three implementations: sqlite,
// postgres and memory. Package spill uses memory while one of the others cannot be written. Package storetest tests that
// all of them keep the same promises.
//
// The store's clock decides what is due and when a lease ends. Times are passed as durations, except those that people
// read.
package store

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

var (
	// ErrFull means that the store has no room.
	ErrFull = errors.New("queue full")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("queue closed")
	// ErrUnknown means that the delivery does not exist.
	ErrUnknown = errors.New("no such delivery")
)

// Store keeps deliveries from their acceptance to their outcome. It is safe for concurrent use.
type Store interface {
	// Accept stores events with their deliveries in order, all of them or none. It is idempotent by delivery id. It sets
	// each Want's Fate and each Entry's Claims. The error wraps ErrFull if there is no room.
	Accept(ctx context.Context, entries []*delivery.Entry) error
	// Claim takes up to n due deliveries of a lane, starting with the one that has been due longest. next is how long to
	// wait before asking again: 0 if there may be more now, Never if nothing waits.
	Claim(ctx context.Context, lane delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration, err error)
	// Renew makes a claim last for lease from now. It returns false if somebody else has the delivery.
	Renew(ctx context.Context, claim *delivery.Claim, lease time.Duration) (bool, error)
	// Settle ends claims. It returns the claims that were lost before, whose deliveries somebody else may have. After an
	// error nothing is settled.
	Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error)
	// Lanes lists the lanes of all webhooks that ever had a delivery, by identity.
	Lanes(ctx context.Context) ([]delivery.LaneStatus, error)
	// Left counts, for a report, the waiting deliveries of each lane that has some, by identity. It costs more than
	// Lanes.
	Left(ctx context.Context) ([]delivery.Left, error)
	// Watch sends the identities of lanes that others changed. It returns nil if the store must be polled.
	Watch(ctx context.Context) <-chan []string
	// Keep repairs what dead processes and wrong clocks left, and prunes what was kept long enough. One goroutine calls
	// it.
	Keep(ctx context.Context) error
	// Ready returns why the store does not take writes; nil if it does.
	Ready(ctx context.Context) error
	Close() error
}

// Never is Claim's answer if no delivery of the lane waits, or if the lane is closed.
const Never = time.Duration(-1)

// Browser lists and changes deliveries for people.
type Browser interface {
	// List lists deliveries. The one accepted last comes first.
	List(ctx context.Context, f delivery.Filter) ([]delivery.Item, error)
	// Count counts the deliveries that a filter selects and ignores its Limit.
	Count(ctx context.Context, f delivery.Filter) (delivery.Tally, error)
	// Groups groups the deliveries that a filter selects and ignores its Limit. It returns the n largest groups.
	Groups(ctx context.Context, f delivery.Filter, n int) ([]delivery.Group, error)
	// Oldest returns, by webhook, when its oldest waiting delivery was accepted.
	Oldest(ctx context.Context) (map[string]time.Time, error)
	// Standing counts, by webhook, the waiting deliveries of its lane by their state. It costs more than Lanes.
	Standing(ctx context.Context) (map[string]delivery.Standing, error)
	// Show returns everything about a delivery. The error wraps ErrUnknown if it does not exist.
	Show(ctx context.Context, id string) (*delivery.Detail, error)
	// Replay makes the dead letters that a filter selects due again, or delivered ones if the filter says so, with the
	// same ids and a new budget of attempts. If the filter's state is Due, it makes waiting deliveries due at once, and
	// they keep their budget. It returns how many.
	Replay(ctx context.Context, f delivery.Filter, c delivery.Change) (int, error)
	// Delete deletes deliveries that are not in flight, and returns how many. Their ids stay known.
	Delete(ctx context.Context, f delivery.Filter) (int, error)
	// Move gives the deliveries of one webhook's identity to another, and returns how many.
	Move(ctx context.Context, from, to string) (int, error)
	// ChangeLanes enables, disables or pauses the lanes of a webhook, by identity or name, and returns how many lanes it has.
	ChangeLanes(ctx context.Context, webhook string, change LaneChange) (int, error)
	// Record stores an operation at the store's time, for [Browser.Operations]. The last MaxOperations are kept.
	Record(ctx context.Context, op delivery.Operation) error
	// Operations lists up to n operations before the one with the given number, the last one first. 0 starts at the end.
	Operations(ctx context.Context, before int64, n int) ([]delivery.Operation, error)
}

// Queue is the interface that each implementation of a store provides.
type Queue interface {
	Store
	Browser
}

// Durable is a queue that survives its processes: another queue can take over its deliveries, and its consistency can be
// checked.
type Durable interface {
	Queue
	// Is reports whether another queue is this one, opened under any name.
	Is(ctx context.Context, other Durable) (bool, error)
	// Leave takes about n deliveries out of their lanes, for another queue to accept, and returns them with their past
	// and in the order of their keys. It continues after from, and returns where to continue next. It returns none at the
	// end. Deliveries in flight and those behind them stay.
	Leave(ctx context.Context, from Cursor, n int) ([]*delivery.Entry, Cursor, error)
	// Leaving returns deliveries that left before and were not forgotten, since whoever moved them was killed.
	Leaving(ctx context.Context) ([]*delivery.Entry, error)
	// Forget removes deliveries that left, and keeps their ids known.
	Forget(ctx context.Context, ids []string) error
	// Check reports what is inconsistent in the queue.
	Check(ctx context.Context) (wrong []string, err error)
}

// OnItsWay is the reason why a delivery that left is not sent.
const OnItsWay = "on its way to another queue: run awf-hook queue move again"

// Cursor says where Leave continues. Its fields are the store's own.
type Cursor struct {
	Stage int
	Seq   int64
}

// IDs returns the ids of entries' deliveries.
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
	Path string // of the file, or a database URL
	Name string // shown to people, without a password; "" is Path
	// Namespace limits what the store shows of a database to the webhooks of one namespace; "" is all of them. A file has no namespaces.
	Namespace string
	// ForPeople opens a file that cannot be written, too: on a full disk or a read-only file system. It returns why a queue cannot be used
	// and does not log it.
	ForPeople bool
	MaxSize   int64 // in bytes
	Keep      time.Duration
	KeepDead  time.Duration
	Log       *slog.Logger

	Serves bool          // this process exports the queue's gauges: among nodes it is preferred for keeping house
	Config func() string // the digest of the current configuration, for other nodes; nil for none

	SpillFolder string           // where events are kept while a database is away; "" keeps them in memory alone
	HoldSpilled bool             // events kept there are not delivered before the database has them
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

// IsCalled reports whether a webhook's identity or name is the given one.
func IsCalled(identity, name string) bool {
	return identity == name || strings.HasSuffix(identity, "#"+name)
}

// LowerASCII lowers the ASCII letters of a text: texts are searched without regard to their case.
func LowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// NamespaceOf returns the namespace of a webhook's identity in a database: NAMESPACE#NAME or NAMESPACE/MORE#NAME.
func NamespaceOf(identity string) string {
	before, _, _ := strings.Cut(identity, "#")
	namespace, _, _ := strings.Cut(before, "/")
	return namespace
}

// Bounds of every store. docs/config.md names them.
const (
	DefaultMaxSize  = 1 << 30
	DefaultKeep     = 7 * 24 * time.Hour
	DefaultKeepDead = 90 * 24 * time.Hour
	KeepIDs         = 30 * 24 * time.Hour // after a delivery is pruned
	MaxOperations   = 10_000              // the last ones are kept

	MaxLease      = time.Hour        // of a claim
	MaxClaimed    = 4 << 20          // bytes of events and bodies that one call of Claim reads, or one delivery that is larger
	MaxWait       = 24 * time.Hour   // between two attempts, and of a lane's pause
	OrderPatience = 15 * time.Minute // how long a delivery holds its order key, unless its webhook says otherwise
	KeyPatience   = time.Second      // how long a due delivery waits while another one with its order key is in flight

	TotalPatience = 200 * time.Millisecond // how long a lane waits if it has its limit in flight in all processes

	MaxSet = time.Hour // how far a clock may be set back before waits count as stored by a wrong clock
)

// What databases have in common.
const (
	Slice       = 500  // deliveries that one transaction removes or changes, so that others do not wait for it long
	MaxKeyed    = 4000 // deliveries of one order key that one transaction moves
	RecoverMany = 5000 // deliveries that one transaction makes due
	PrunePeriod = 10 * time.Minute

	DeliverySize = 320 // approximate size of a delivery without its event, in bytes
)
