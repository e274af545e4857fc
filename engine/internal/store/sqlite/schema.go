package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// The states of a delivery: see [store.StateDue]. Statements name them in capitals.
const (
	due       = store.StateDue
	delivered = store.StateDelivered
	dead      = store.StateDead
	dropped   = store.StateDropped
	pruned    = store.StatePruned
	behind    = store.StateBehind
)

// migrations make the schema: the n-th turns version n-1 into version n. Times are milliseconds since 1970, and 0 means
// no time.
var migrations = []string{`
CREATE TABLE lanes(
  id            INTEGER PRIMARY KEY,
  webhook       TEXT NOT NULL UNIQUE,
  failures      INTEGER NOT NULL DEFAULT 0,  -- attempts in a row that failed
  broken        INTEGER NOT NULL DEFAULT 0,  -- transforms in a row that failed
  paused_until  INTEGER NOT NULL DEFAULT 0,
  probe_until   INTEGER NOT NULL DEFAULT 0,  -- the breaker's probe is in flight
  closed        TEXT NOT NULL DEFAULT '',    -- why; '' is open
  tokens        REAL NOT NULL DEFAULT 0,     -- of the rate
  tokens_at     INTEGER NOT NULL DEFAULT 0,
  last_error    TEXT NOT NULL DEFAULT '',
  last_error_at INTEGER NOT NULL DEFAULT 0,
  bytes         INTEGER NOT NULL DEFAULT 0,  -- about what its deliveries hold
  delivered     INTEGER NOT NULL DEFAULT 0,  -- totals, which outlive pruning
  dead          INTEGER NOT NULL DEFAULT 0,  -- no longer written
  dropped       INTEGER NOT NULL DEFAULT 0,
  discarded     INTEGER NOT NULL DEFAULT 0   -- dead letters that had to make room
) STRICT;

CREATE TABLE events(
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL,
  type          TEXT NOT NULL,
  workflow_id   TEXT NOT NULL,
  workflow_name TEXT NOT NULL,
  stamp         TEXT NOT NULL,               -- the timestamp as it goes into the body
  first         INTEGER NOT NULL,            -- its deliveries are count ones from this one on
  count         INTEGER NOT NULL,
  payload       BLOB
) STRICT;

CREATE TABLE deliveries(
  seq          INTEGER PRIMARY KEY,          -- the order of acceptance
  id           TEXT NOT NULL UNIQUE,
  lane         INTEGER NOT NULL,
  event        INTEGER NOT NULL,             -- pruned: one that is gone perhaps
  state        INTEGER NOT NULL,
  due_at       INTEGER NOT NULL,             -- in flight: the end of the lease
  owner        INTEGER NOT NULL DEFAULT 0,   -- the process that has it in flight; 0 for none
  token        INTEGER NOT NULL DEFAULT 0,   -- counts the leases
  accepted_at  INTEGER NOT NULL,
  since        INTEGER NOT NULL,             -- from when max_age counts: acceptance, or the last replay
  place        INTEGER NOT NULL,             -- the order among those of a key
  order_key    TEXT,
  unrouted     INTEGER NOT NULL DEFAULT 0,   -- its filter failed at acceptance
  attempts     INTEGER NOT NULL DEFAULT 0,   -- made so far
  spent        INTEGER NOT NULL DEFAULT 0,   -- of max_attempts
  size         INTEGER NOT NULL,             -- about what it holds, in bytes
  done_at      INTEGER NOT NULL DEFAULT 0,   -- pruned: when it was
  reason       TEXT NOT NULL DEFAULT '',
  log          TEXT NOT NULL DEFAULT '',     -- the attempts, a JSON object on each line
  content_type TEXT,                         -- NULL while the body is the event's own
  header       TEXT,
  url_suffix   TEXT,
  body         BLOB
) STRICT;

-- A query uses one of these only if it has the index's condition word for word.
CREATE INDEX deliveries_due ON deliveries(lane, due_at, seq) WHERE state = 0;
CREATE INDEX deliveries_key ON deliveries(lane, order_key, place) WHERE state IN (0, 5) AND order_key IS NOT NULL;
CREATE INDEX deliveries_done ON deliveries(state, done_at) WHERE done_at > 0;
CREATE INDEX deliveries_dead ON deliveries(lane, seq) WHERE state = 2;
`, `
ALTER TABLE lanes ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;      -- deliveries that are due, in flight or behind another one
ALTER TABLE lanes ADD COLUMN dead_letters INTEGER NOT NULL DEFAULT 0; -- that are kept
` + recount,
	addColumn("deliveries", "accepted_by INTEGER NOT NULL DEFAULT 0") + /* the process that accepted it */ `
CREATE INDEX deliveries_tried ON deliveries(lane) WHERE state IN (0, 5) AND attempts > 0;
`, `
ALTER TABLE lanes ADD COLUMN fuel_percent INTEGER NOT NULL DEFAULT 0; -- the most that a module used, in the process that settled last
`, `
CREATE TABLE operations(
  seq    INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  who    TEXT NOT NULL,
  what   TEXT NOT NULL,
  target TEXT NOT NULL,
  count  INTEGER NOT NULL,
  note   TEXT NOT NULL
) STRICT;
`,
	addColumn("events", "trace TEXT NOT NULL DEFAULT ''") + // traceparent, and tracestate behind a space; '' for none
		addColumn("events", "source TEXT NOT NULL DEFAULT ''"), // the token by which it came; '' for this machine's own
}

// addColumn returns the statements that add a column to a large table. They change the table's text as ALTER TABLE does, but do not read
// its rows: ALTER TABLE checks each row of a STRICT table, although a column with a constant default needs no check. They fail if the text
// has another form.
func addColumn(table, column string) string {
	name, _, _ := strings.Cut(column, " ")
	return fmt.Sprintf(`PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = substr(sql, 1, length(sql) - length(') STRICT')) || ', %s) STRICT'
  WHERE type = 'table' AND name = '%s' AND sql LIKE '%%) STRICT';
PRAGMA writable_schema = RESET;
SELECT %s FROM %s LIMIT 0;
`, strings.ReplaceAll(column, "'", "''"), table, name, table)
}

// recount counts what the lanes hold, using the indexes.
const recount = `UPDATE lanes SET
  waiting = (SELECT count(*) FROM deliveries d WHERE d.lane = lanes.id AND d.state = 0) +
    (SELECT count(*) FROM deliveries d WHERE d.lane = lanes.id AND d.state IN (0, 5) AND d.order_key IS NOT NULL AND d.state = 5),
  dead_letters = (SELECT count(*) FROM deliveries d WHERE d.lane = lanes.id AND d.state = 2);`

// indexDone replaces the index of finished deliveries with one that knows their lanes and reasons, and also has those that are on their way
// to another queue, and all others with a reason. It takes about a second for a million deliveries, so a large file of an older version
// keeps its own until it is small: see [Store.prune].
const (
	indexDone = `
DROP INDEX deliveries_done;
CREATE INDEX deliveries_done ON deliveries(state, done_at, lane, reason) WHERE done_at > 0 OR state >= 8 OR reason <> '';
`
	indexKnows = `SELECT count(*) FROM pragma_index_info('deliveries_done') WHERE name IN ('lane', 'reason')`
)

// What the index of finished deliveries knows beside their states and times, in files of three versions.
const (
	knowsLanes   = 1
	knowsReasons = 2 // and lanes
)

// open brings a file's database to the newest schema, inside the turnstile. Before it changes anything, it refuses a file
// that is not a queue, or that a newer awf-hook made.
func (c *conn) open(path string) error {
	version, err := c.number(`PRAGMA user_version`)
	if err != nil {
		return err
	}
	var tables, ours int64
	err = c.each(`SELECT count(*), count(*) FILTER (WHERE name IN ('lanes', 'events', 'deliveries')) FROM sqlite_schema WHERE type = 'table'`,
		func(r *row) { tables, ours = r.Int64(), r.Int64() })
	switch {
	case err != nil:
		return err
	case version == 0 && tables > 0 || version > 0 && ours < 3:
		return errors.New("the file is another program's database")
	case version > int64(len(migrations)):
		return fmt.Errorf("a newer awf-hook made the file: its schema is %d, and this one knows up to %d", version, len(migrations))
	}
	if err := hideFile(path); err != nil {
		return err
	}
	pragmas := `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = 1;
PRAGMA checkpoint_fullfsync = 1;`
	if tables == 0 { // the file keeps this setting, but each setting of it is a write
		pragmas = `PRAGMA auto_vacuum = incremental;` + pragmas
	}
	if err := c.script(pragmas); err != nil {
		return err
	}
	if version == int64(len(migrations)) {
		_, err := c.number(`PRAGMA user_version`) // makes the log of a backup, which has none
		return err
	}
	// All in one transaction, since each commit waits for the disk.
	err = c.script(`BEGIN IMMEDIATE`)
	if err == nil {
		err = c.migrate(version)
	}
	if err != nil {
		_ = c.script(`ROLLBACK`)
		return fmt.Errorf("schema %d to %d: %w", version, len(migrations), err)
	}
	return nil
}

// migrate runs the migrations of a version and commits. Other connections read the schema again, since its number changes.
func (c *conn) migrate(version int64) error {
	schema, err := c.number(`PRAGMA schema_version`)
	if err != nil {
		return err
	}
	text := strings.Join(migrations[version:], "")
	if version == 0 {
		text += indexDone
	}
	return c.script(fmt.Sprintf("%s PRAGMA user_version = %d; PRAGMA schema_version = %d; COMMIT;",
		text, len(migrations), schema+1))
}
