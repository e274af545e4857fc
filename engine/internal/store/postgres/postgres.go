// Package postgres is the store in a PostgreSQL database, which any number of processes on any number of machines share.
//
// Use [Open]. When Accept or Settle returns, the server has committed. The server's clock decides what is due and when a
// lease ends; nodes contribute only durations.
//
// Transactions lock lanes first, by id, and then deliveries, so that they cannot deadlock. A transaction whose answer was
// lost is repeated: accepting is idempotent by the id of its batch, settling by the claim's token.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	maxConnections = 8                // of a process, unless the URL has pool_max_conns
	callTimeout    = 15 * time.Second // of a transaction
	readTimeout    = time.Minute      // of a transaction that may look through a large queue
	openTimeout    = 10 * time.Second // of looking at the schema, and of registering
	connectTimeout = 4 * time.Second  // of one address, unless the URL has connect_timeout: the next one needs its time within openTimeout
	pingTimeout    = 2 * time.Second  // of a connection that nobody used for a second: its server may be gone without a word
	migrateTimeout = 10 * time.Minute // indexes of a large queue take time
)

// IsURL reports whether a queue's place is a database URL.
func IsURL(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Store is a queue in a database. It implements [store.Store] and [store.Browser].
type Store struct {
	opts  store.Options
	clock func() time.Time // nil uses the server's
	pool  *pgxpool.Pool
	texts string       // settings of its transactions, if values are sent as texts
	node  int          // in table nodes; owns leases
	skew  atomic.Int64 // the server's clock minus this machine's when they were compared, a time.Duration

	keeper     atomic.Bool // this node keeps house
	closing    atomic.Bool
	closed     atomic.Bool      // everything in flight was released
	partitions sync.Map         // the names of those that exist
	dead       map[string]int64 // rows by table that the last VACUUM left; of the goroutine that calls Keep

	mu      sync.Mutex
	lows    map[int]low         // by lane
	lanes   map[string]int      // ids by webhook; lanes are never removed
	changed map[string]struct{} // webhooks with lanes that other nodes should look at
	notify  chan struct{}       // holds a value while changed is not empty
}

// Open connects to the database of the URL opts.Path and brings its schema up to date. The URL is what libpq accepts,
// including passwords from PGPASSFILE and settings from a service file.
func Open(ctx context.Context, opts store.Options) (*Store, error) {
	return openWithin(ctx, openTimeout, opts)
}

func openWithin(ctx context.Context, limit time.Duration, opts store.Options) (*Store, error) {
	config, err := parseURL(opts.Path)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(opts.Path, "pool_max_conns") {
		config.MaxConns = maxConnections
	}
	config.MaxConns = max(config.MaxConns, 2)
	config.PingTimeout = pingTimeout
	config.ConnConfig.ConnectTimeout = min(cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout), openTimeout)
	if _, named := config.ConnConfig.RuntimeParams["application_name"]; !named {
		config.ConnConfig.RuntimeParams["application_name"] = "awf-hook"
	}
	config.ConnConfig.RuntimeParams["client_encoding"] = "UTF8"
	s := &Store{
		clock: opts.Now, opts: opts.WithDefaults(), lanes: map[string]int{}, lows: map[int]low{},
		dead: map[string]int64{}, changed: map[string]struct{}{}, notify: make(chan struct{}, 1),
	}
	if mode := config.ConnConfig.DefaultQueryExecMode; mode == pgx.QueryExecModeExec || mode == pgx.QueryExecModeSimpleProtocol {
		s.texts = texts
	}
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, inWords(err)
	}
	if err = s.migrate(ctx, limit); err == nil {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		err = s.register(limited)
	}
	if err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

// now returns the store's time. It asks the server.
func (s *Store) now(ctx context.Context) (now time.Time, err error) {
	if s.clock != nil {
		return s.clock(), nil
	}
	err = s.repeat(ctx, lookingUp, func(tx *tx) {
		tx.send()
		now = tx.now
	})
	return now, err
}

// Close makes due what this process has in flight, and closes the connections.
func (s *Store) Close() error {
	if s.closing.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err := errors.Join(s.release(ctx, s.node), s.leaveHouse(ctx))
	s.closed.Store(true)
	s.pool.Close()
	return err
}

// Ready tries a write that changes nothing.
func (s *Store) Ready(ctx context.Context) error {
	return s.write(ctx, func(tx *tx) {
		var version int
		var bytes int64
		tx.query(`UPDATE awf_hook.meta SET version = version RETURNING version, (SELECT coalesce(sum(c.bytes), 0)::bigint
    FROM awf_hook.counts c JOIN awf_hook.lanes l ON l.id = c.lane WHERE `+ofNamespace+`)`, s.opts.Namespace).Scan(&version, &bytes)
		tx.refuse(fits(version))
		if bytes > s.opts.MaxSize {
			tx.refuse(store.ErrFull)
		}
	})
}

// roughly returns the store's approximate time without asking the server: good enough to choose a day's table.
func (s *Store) roughly() time.Time { return s.opts.Now().Add(time.Duration(s.skew.Load())) }
