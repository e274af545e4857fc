package postgres

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// keeperLease is how long a node keeps house without renewing. Then another node takes over.
const keeperLease = 10 * time.Second

// register makes this process a node. Its number is drawn: a sequence would give another node the number of one that a failover lost.
func (s *Store) register(ctx context.Context) error {
	now, err := s.compareClocks(ctx)
	for s.node == 0 && err == nil {
		number := 1 + rand.Int32N(math.MaxInt32)
		err = s.write(ctx, func(tx *tx) {
			tx.query(`INSERT INTO awf_hook.nodes AS n (id, name, config, namespace, started, seen) VALUES ($5, $1, $2, $3, $4, $4)
  ON CONFLICT (id) DO UPDATE SET seen = n.seen WHERE n.name = $1 AND n.started = $4 RETURNING id`, // that is this process
				nodeName(), s.config(), s.opts.Namespace, now, number).Scan(&s.node)
		})
	}
	return err
}

// compareClocks asks the server for the time, and notes how much this machine's clock differs.
func (s *Store) compareClocks(ctx context.Context) (now time.Time, err error) {
	if now, err = s.now(ctx); err == nil {
		s.skew.Store(int64(now.Sub(s.opts.Now())))
	}
	return now, err
}

// nodeName returns a name of this process for people.
func nodeName() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s:%d", clean(host), os.Getpid())
}

// config returns the digest of the current configuration.
func (s *Store) config() string {
	if s.opts.Config == nil {
		return ""
	}
	return s.opts.Config()
}

// takeHouse reports that this node lives, and its configuration: a node that counted as dead is a node again. It makes this node keep
// house for its namespace if no other one does, or if the other's lease is longer than possible: the server's clock was set back. A node
// that exports the queue's gauges takes over from one that does not. This is a lease, and not a session lock, which a pooler in transaction
// mode would lose.
func (s *Store) takeHouse(ctx context.Context) (now time.Time, err error) {
	keeper := 0
	err = s.write(ctx, func(tx *tx) {
		keeper = 0 // not what an earlier try was told
		version := 0
		tx.clock()
		tx.query(`SELECT version FROM awf_hook.meta`).Scan(&version)
		tx.refuse(fits(version))
		now = tx.now
		tx.queue(`INSERT INTO awf_hook.nodes AS n (id, name, config, namespace, started, seen) VALUES ($1, $3, $4, $5, $2, $2)
  ON CONFLICT (id) DO UPDATE SET config = excluded.config, seen = excluded.seen`,
			s.node, now, nodeName(), s.config(), s.opts.Namespace)
		tx.query(`INSERT INTO awf_hook.keepers AS k VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (namespace) DO UPDATE
  SET node = excluded.node, serves = excluded.serves, "until" = excluded."until", keep = excluded.keep, keep_dead = excluded.keep_dead
  WHERE k.node = excluded.node OR k."until" NOT BETWEEN $7 AND $8 OR excluded.serves AND NOT k.serves RETURNING node`,
			s.opts.Namespace, s.node, s.opts.Serves, now.Add(keeperLease), s.opts.Keep, s.opts.KeepDead, now, now.Add(2*keeperLease)).Scan(&keeper)
	})
	s.keeper.Store(err == nil && keeper == s.node)
	return now, err
}

// leaveHouse lets another node keep house at once.
func (s *Store) leaveHouse(ctx context.Context) error {
	if !s.keeper.Swap(false) {
		return nil
	}
	return s.write(ctx, func(tx *tx) {
		tx.queue(`UPDATE awf_hook.keepers SET node = 0, "until" = '1970-01-01T00:00:00Z' WHERE node = $1`, s.node)
	})
}

// Keeps reports whether this node keeps house for its namespace.
func (s *Store) Keeps() bool { return s.keeper.Load() }

// Nodes lists the processes that use the namespace and reported lately.
func (s *Store) Nodes(ctx context.Context) (nodes []delivery.Node, err error) {
	err = s.read(ctx, func(tx *tx) {
		nodes = nil
		tx.send()
		tx.each(func(r *row) {
			nodes = append(nodes, delivery.Node{Name: r.Text(), Config: r.Text(), Started: r.Time(), Seen: r.Time(), Keeper: r.Bool()})
		}, `SELECT n.name, n.config, n.started, n.seen, EXISTS (SELECT 1 FROM awf_hook.keepers k WHERE k.node = n.id AND k."until" > $1)
  FROM awf_hook.nodes n WHERE n.seen > $2 AND $3 IN ('', n.namespace) ORDER BY n.started, n.id`,
			tx.now, tx.now.Add(-nodePeriod), s.opts.Namespace)
	})
	return nodes, err
}
