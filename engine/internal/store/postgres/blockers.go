package postgres

import (
	"context"
	"time"
)

// longTransaction is how long a transaction must be open to count as a blocker.
const longTransaction = 30 * time.Second

// Blockers names what keeps the server from removing dead rows, so that the queue's tables grow and claims get slower:
// old transactions, prepared transactions, and unused replication slots. The server shows a role only its own sessions,
// unless the role is in pg_monitor.
func (s *Store) Blockers(ctx context.Context) ([]string, error) {
	const query = `
  SELECT format('process %s of the server (user %s, application %s, from %s) has had a transaction open for %s, %s',
    pid, usename, coalesce(nullif(application_name, ''), '?'), coalesce(host(client_addr), 'a socket'),
    date_trunc('second', clock_timestamp() - xact_start), state)
  FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND xact_start < clock_timestamp() - $1::interval
    AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%') AND backend_type = 'client backend'
  UNION ALL SELECT format('the prepared transaction %s of %s has been open since %s', gid, owner, date_trunc('second', prepared))
  FROM pg_prepared_xacts WHERE prepared < clock_timestamp() - $1::interval
  UNION ALL SELECT format('nobody reads the replication slot %s', slot_name)
  FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)`
	return all(ctx, s, (*row).Text, query, longTransaction)
}
