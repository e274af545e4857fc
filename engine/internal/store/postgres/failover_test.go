package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
)

// forget makes a database what a standby knew before the last commits: their rows and tables are gone, and its sequences go on from before.
const forget = `DELETE FROM awf_hook.deliveries; DELETE FROM awf_hook.events; DELETE FROM awf_hook.counts; DELETE FROM awf_hook.nodes;
SELECT setval('awf_hook.deliveries_seq_seq', 1, false), setval('awf_hook.nodes_id_seq', 1, false);
DO $$ DECLARE part regclass; BEGIN
  FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent IN ('awf_hook.history'::regclass, 'awf_hook.ids'::regclass) LOOP
    EXECUTE 'DROP TABLE ' || part;
  END LOOP;
END $$;`

// A standby without the last commits takes over, while a node has what they made in flight: what is accepted from then on is delivered.
func TestFailoverLosesCommits(t *testing.T) {
	for name, lost := range map[string]string{
		"deliveries and tables of days": forget, "a lane too": forget + `DELETE FROM awf_hook.lanes;`,
	} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			s := open(t, store.Options{Path: url})
			old := entry("old", "")
			old.Wants[0].Take = time.Minute
			accept(t, s, old)
			execSQL(t, url, lost)
			if err := s.Keep(t.Context()); err != nil { // it is a node again
				t.Fatal(err)
			}
			open(t, store.Options{Path: url})
			for i := range 3 {
				accept(t, s, entry(fmt.Sprint("new", i), ""))
			}
			st := attempted(old.Claims[0], delivery.Delivered)
			if held, err := s.Renew(t.Context(), old.Claims[0], time.Minute); held || err != nil {
				t.Errorf("Renew = %v, %v, want false: the claim was lost", held, err)
			}
			if claims, err := s.Settle(t.Context(), []delivery.Settlement{st}); len(claims) != 1 || err != nil {
				t.Errorf("Settle = %v, %v, want that the claim was lost", claims, err)
			}
			claims := claim(t, s, 10)
			for i, c := range claims {
				if want := fmt.Sprint("new", i); c.Event.ID != want {
					t.Errorf("claimed %s, want %s", c.Event.ID, want)
				}
				if lost, err := s.Settle(t.Context(), []delivery.Settlement{attempted(c, delivery.Delivered)}); len(lost) > 0 || err != nil {
					t.Errorf("%s: lost %v, %v", c.Event.ID, lost, err)
				}
			}
			if wrong, err := s.Check(t.Context()); len(claims) != 3 || len(wrong) > 0 || err != nil {
				t.Errorf("%d claimed, want 3; Check = %q, %v", len(claims), wrong, err)
			}
		})
	}
}

// A node whose row a failover lost keeps what it has in flight, whichever nodes start and end before it is a node again.
func TestFailoverLosesANode(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	execSQL(t, url, forget)
	other := open(t, store.Options{Path: url})
	e := entry("a", "")
	e.Wants[0].Take = time.Minute
	accept(t, s, e)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if claims := claim(t, open(t, store.Options{Path: url}), 1); len(claims) > 0 {
		t.Error("another node claimed what is in flight")
	}
	if lost, err := s.Settle(t.Context(), []delivery.Settlement{attempted(e.Claims[0], delivery.Delivered)}); len(lost) > 0 || err != nil {
		t.Errorf("lost %v, %v", lost, err)
	}
}

// A machine's clock is set while the store is open: what is delivered still finds the table of the server's day.
func TestClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{72 * time.Hour, -72 * time.Hour} {
		s := open(t, store.Options{Path: database(t)})
		postgres.SetClock(s, by)
		accept(t, s, entry("a", ""))
		lost, err := s.Settle(t.Context(), []delivery.Settlement{attempted(claim(t, s, 1)[0], delivery.Delivered)})
		if len(lost) > 0 || err != nil {
			t.Errorf("set by %v: lost %v, %v", by, lost, err)
		}
	}
}

// A host of the URL that is gone without a word does not keep a store from the next one: not when it opens, and not when connections
// to that host are open.
func TestHostsThatSayNothing(t *testing.T) {
	t.Parallel()
	url := database(t)
	first, behind := behindProxy(t, url)
	both := strings.Replace(url, "@", "@"+first.Addr().String()+",", 1) + "&default_query_exec_mode=exec"
	s := open(t, store.Options{Path: both})
	accept(t, s, entry("a", ""))
	everything := ""
	first.mute.Store(&everything)
	time.Sleep(1100 * time.Millisecond) // connections that were used just now are not tried first
	begun := time.Now()
	accept(t, s, entry("b", ""))
	accept(t, open(t, store.Options{Path: both}), entry("c", ""))
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	begun = time.Now()
	_, err := postgres.Open(t.Context(), store.Options{Path: behind + "&connect_timeout=1"})
	if took := time.Since(begun); err == nil || strings.Count(err.Error(), "does not answer") != 1 || took > 4*time.Second {
		t.Errorf("Open = %v after %v, want that the server does not answer, after a second", err, took)
	}
}
