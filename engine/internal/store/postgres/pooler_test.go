package postgres_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// Behind PgBouncer in transaction mode, nodes share a queue as without it. Only notifications do not work, and the log
// says so.
func TestPoolerInTransactionMode(t *testing.T) {
	direct := database(t)
	bouncer, err := server.Bouncer()
	if errors.Is(err, pgtest.ErrNoBouncer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bouncer.Close)
	name := direct[strings.LastIndexByte(direct, '/')+1 : strings.IndexByte(direct, '?')]
	url := bouncer.URL(name) + "&default_query_exec_mode=exec"
	var log strings.Builder
	s := open(t, store.Options{Path: url, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if changes := s.Watch(t.Context()); changes != nil || !strings.Contains(log.String(), "pooler in transaction mode") {
		t.Errorf("Watch = %v, logged %s; want lanes to be polled, and to be told", changes, log.String())
	}
	if err := s.Keep(t.Context()); err != nil || !s.Keeps() {
		t.Errorf("Keep = %v, keeps house: %v", err, s.Keeps())
	}
	shareQueue(t, url, 3, 300)
	execSQL(t, direct, `TRUNCATE awf_hook.deliveries, awf_hook.history, awf_hook.counts, awf_hook.events`)
	accept(t, s, entry("a", "k"), entry("b", ""))
	claims := claim(t, s, 10)
	if len(claims) != 2 {
		t.Errorf("%d claimed, want 2", len(claims))
	}
	if wrong, err := s.Check(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("Check = %q, %v", wrong, err)
	}
}
