package postgres_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// Behind PgBouncer in transaction mode, nodes share a queue as without it. Only notifications do not work, and the log
// says so.
func TestPoolerInTransactionMode(t *testing.T) {
	t.Parallel()
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

// Values survive whatever a database or a role says about how they are written, also where they are sent as texts.
func TestSettingsOfADatabase(t *testing.T) {
	for _, mode := range []string{"", "&default_query_exec_mode=exec"} {
		t.Run(mode, func(t *testing.T) {
			url := database(t)
			for _, setting := range []string{
				"datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'", "client_encoding = 'LATIN1'", "bytea_output = 'escape'",
				"array_nulls = off", "extra_float_digits = -15", "timezone = 'Asia/Kathmandu'",
			} {
				alter(t, url, "SET "+setting)
			}
			s := open(t, store.Options{Path: url + mode})
			const text = `weil \\x €ö'`
			e := entry("ä\\\x00\xff", "k\\\x00\xff")
			e.Event.WorkflowName, e.Event.Payload, e.Wants[0].Take = text, []byte(`{"ä":"\x00 \u0000 €"}`), time.Minute
			accept(t, s, e)
			st := attempted(e.Claims[0], delivery.Retry)
			st.Reason, st.Content = text, &delivery.Content{Body: []byte("\\x00\x00\xff"), ContentType: text}
			if lost, err := s.Settle(t.Context(), []delivery.Settlement{st}); len(lost) > 0 || err != nil {
				t.Fatal(lost, err)
			}
			if err := s.Keep(t.Context()); err != nil {
				t.Error(err)
			}
			if got := ask[string](t, url+"&client_encoding=UTF8", `SELECT reason FROM awf_hook.deliveries`); got != text {
				t.Errorf("the reason %q is stored as %q", text, got)
			}
			items, err := s.List(t.Context(), delivery.Filter{Limit: 1})
			if err != nil || len(items) != 1 || items[0].Reason != text || time.Since(items[0].Accepted).Abs() > time.Minute {
				t.Fatalf("List = %+v, %v", items, err)
			}
			c := claim(t, s, 1)
			if len(c) != 1 {
				t.Fatalf("%d claimed, want 1", len(c))
			}
			ev, made := c[0].Event, c[0].Delivery.Content
			if ev.ID != e.Event.ID || ev.WorkflowName != text || string(ev.Payload) != string(e.Event.Payload) ||
				string(made.Body) != string(st.Content.Body) || made.ContentType != text || c[0].OrderKey != e.Wants[0].OrderKey {
				t.Errorf("claimed %+v of %q with %+v, want what was stored", ev, c[0].OrderKey, made)
			}
		})
	}
}
