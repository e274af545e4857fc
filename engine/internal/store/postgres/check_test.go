package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Check says what is wrong with a database that somebody changed by hand, and nothing else.
func TestDamagedDatabases(t *testing.T) {
	t.Parallel()
	url := database(t)
	for _, tt := range []struct{ change, want string }{
		{`UPDATE awf_hook.meta SET version = version`, ""},
		{`UPDATE awf_hook.deliveries SET lane = 99 WHERE id = $$ID$$`, "belong to no lane"},
		{`DELETE FROM awf_hook.events`, "have lost their event"},
		{`UPDATE awf_hook.deliveries SET state = 77 WHERE state = 0`, "state that this awf-hook does not know"},
		{`UPDATE awf_hook.deliveries SET state = 1 WHERE state = 2`, "state that this awf-hook does not know"},
		{`UPDATE awf_hook.history SET state = 0`, "finished deliveries are in a state"},
		{`UPDATE awf_hook.history SET lane = 99`, "finished deliveries belong to no lane"},
		{`UPDATE awf_hook.history SET id = (SELECT id FROM awf_hook.deliveries LIMIT 1)`, "both waiting and finished"},
		{`INSERT INTO awf_hook.history SELECT * FROM awf_hook.history`, "finished twice"},
		{`UPDATE awf_hook.deliveries SET state = 2, done_at = now() WHERE order_key IS NOT NULL AND state = 0`, "wait behind a key"},
		{`UPDATE awf_hook.deliveries SET order_key = NULL WHERE state = 5`, "wait behind a key"},
		{`UPDATE awf_hook.deliveries SET state = 0, owner = 1, due_at = now() + interval '1 minute' WHERE order_key IS NOT NULL`,
			"two deliveries in flight"},
		{`UPDATE awf_hook.deliveries SET done_at = NULL WHERE state = 2`, "no time at which they ended"},
		{`UPDATE awf_hook.deliveries SET attempts = -1`, "below zero"},
		{`INSERT INTO awf_hook.contents VALUES (-5, 'text/plain', '', '', '')`, "bodies belong to no delivery"},
		{`DELETE FROM awf_hook.deliveries WHERE state = 2`, "attempts belong to no delivery"},
		{`UPDATE awf_hook.events SET stamp = 'yesterday'`, "a time that cannot be read"},
		{`UPDATE awf_hook.events SET stamp = '10000-01-01T00:00:00Z'`, "a time that cannot be read"},
		{`UPDATE awf_hook.counts SET waiting = waiting + 1`, "miscount what waits"},
		{`UPDATE awf_hook.counts SET dead_letters = 0`, "miscount their dead letters"},
		{`DELETE FROM awf_hook.counts`, "miscount"},
		{`UPDATE awf_hook.deliveries SET state = 8 WHERE state = 0`, "run awf-hook queue move again"},
		{`ALTER TABLE awf_hook.ids ALTER token SET NOT NULL; ALTER TABLE awf_hook.lanes ADD COLUMN note text`, "2 tables have other columns"},
	} {
		change, want := tt.change, tt.want
		empty(t, url)
		s := open(t, store.Options{Path: url})
		accept(t, s, entry("delivered", ""), entry("dead", ""))
		claims := claim(t, s, 2)
		if _, err := s.Settle(t.Context(), []delivery.Settlement{
			attempted(claims[0], delivery.Delivered), attempted(claims[1], delivery.Dead),
		}); err != nil {
			t.Fatal(err)
		}
		accept(t, s, entry("waits", ""), entry("first", "k"), entry("second", "k"))
		execSQL(t, url, strings.ReplaceAll(change, "$$ID$$", "'"+delivery.ID("waits", hook)+"'"))
		wrong, err := s.Check(t.Context())
		said := strings.Join(wrong, "\n")
		if err != nil || !strings.Contains(said, want) || (want == "") != (said == "") {
			t.Errorf("%s: Check = %q, %v, want %q", change, wrong, err, want)
		}
		_ = s.Close()
	}
}

// A lane that Check reports as stuck is stuck, and no other lane is.
func TestDamagedEventStopsItsLaneAlone(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	other := entry("other", "")
	other.Wants[0].Webhook = "prod#other"
	accept(t, s, entry("a", ""), other)
	execSQL(t, url, `UPDATE awf_hook.events SET stamp = 'yesterday' WHERE id = 'a'`)
	if _, _, err := s.Claim(t.Context(), lane, 10); err == nil || !strings.Contains(err.Error(), "yesterday") {
		t.Errorf("Claim = %v, want what cannot be read", err)
	}
	claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: "prod#other", Lease: time.Minute}, 10)
	if err != nil || len(claims) != 1 {
		t.Errorf("%d claimed of another lane, %v", len(claims), err)
	}
}
