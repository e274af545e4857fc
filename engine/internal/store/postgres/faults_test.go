package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// A commit whose answer is lost happens once: events are accepted once, and said to be; deliveries are settled once. The connection may
// end with words: a server that shuts down, and a pooler that lost its server, say that they end it.
func TestAnswersOfCommitsAreLost(t *testing.T) {
	for _, code := range []string{"", "57P01", "08P01"} {
		t.Run(code, func(t *testing.T) { loseAnswers(t, code) })
	}
}

func loseAnswers(t *testing.T, code string) {
	p, behind := behindProxy(t, database(t))
	p.fatal.Store(code)
	s := open(t, store.Options{Path: behind + "&default_query_exec_mode=exec"}) // COMMIT goes over the wire as text
	accept(t, s, entry("before", ""))

	p.cut.Store(1)
	e := entry("a", "")
	e.Wants[0].Take = time.Minute
	accept(t, s, e)
	if p.cut.Load() > 0 {
		t.Fatal("no commit was cut")
	}
	if e.Wants[0].Fate != delivery.Accepted || len(e.Claims) != 1 {
		t.Errorf("fate %q, %d claims, want accepted and one", e.Wants[0].Fate, len(e.Claims))
	}
	if st := status(t, s); st.Waiting != 2 {
		t.Errorf("%d wait, want 2", st.Waiting)
	}
	p.cut.Store(1)
	if lost, err := s.Settle(t.Context(), []delivery.Settlement{attempted(e.Claims[0], delivery.Delivered)}); err != nil || len(lost) != 0 {
		t.Errorf("%d lost, %v, want none: the outcome is in the database", len(lost), err)
	}
	p.cut.Store(1)
	c := claim(t, s, 1)
	if len(c) != 1 {
		t.Fatalf("%d claimed, want one", len(c))
	}
	if st := status(t, s); st.Waiting != 1 || st.Delivered != 1 {
		t.Errorf("the lane says %+v, want one that waits and one delivered", st)
	}
}

// Through lost answers of commits each delivery is settled once, waits once, and moves once to another queue.
func TestAnswersAreLostOften(t *testing.T) {
	direct := database(t)
	p, behind := behindProxy(t, direct)
	s := open(t, store.Options{Path: behind + "&default_query_exec_mode=exec"})
	p.often.Store(25)
	defer p.often.Store(0)
	const events = 40
	content := &delivery.Content{Body: bytes.Repeat([]byte("x"), 100), ContentType: "text/plain"}
	for n := range events {
		key := ""
		if n%3 == 0 {
			key = fmt.Sprint("k", n%2)
		}
		accept(t, s, entry(fmt.Sprint("e", n), key))
	}
	for n, outcomes := 0, []delivery.Outcome{delivery.Delivered, delivery.Retry, delivery.Dead}; n < 18; n++ {
		for _, c := range claim(t, s, 2) {
			st := attempted(c, outcomes[n%3])
			st.After, st.Content = time.Hour, content
			if _, err := s.Settle(t.Context(), []delivery.Settlement{st}); err != nil {
				t.Fatal(err)
			}
		}
	}
	looker := open(t, store.Options{Path: direct})
	if wrong, err := looker.Check(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("Check = %q, %v", wrong, err)
	}
	before, err := looker.Count(t.Context(), delivery.Filter{})
	if err != nil || before.Count != events {
		t.Fatalf("%d deliveries, %v, want %d", before.Count, err, events)
	}
	other := open(t, store.Options{Path: database(t)})
	_, err = store.Carry(t.Context(), s, other, func(webhook string) string { return webhook })
	if err != nil {
		t.Fatal(err)
	}
	if after, err := other.Count(t.Context(), delivery.Filter{}); err != nil || after.Count != events {
		t.Errorf("%d deliveries after the move, %v, want %d", after.Count, err, events)
	}
	for name, queue := range map[string]*postgres.Store{"the old": looker, "the new": other} {
		if wrong, err := queue.Check(t.Context()); err != nil || len(wrong) > 0 {
			t.Errorf("%s: Check = %q, %v", name, wrong, err)
		}
	}
	if left, err := looker.Count(t.Context(), delivery.Filter{}); err != nil || left.Count != 0 {
		t.Errorf("%d deliveries are left behind, %v", left.Count, err)
	}
}

// Refusals by the server are explained in helpful words, without the password.
func TestErrorsInWords(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	good := database(t)
	lossy, standby := database(t), database(t)
	name := lossy[strings.LastIndex(lossy, "/")+1 : strings.Index(lossy, "?")]
	execSQL(t, lossy, fmt.Sprintf(`ALTER DATABASE %s SET synchronous_commit = off`, name))
	execSQL(t, standby, fmt.Sprintf(`ALTER DATABASE %s SET default_transaction_read_only = on`,
		standby[strings.LastIndex(standby, "/")+1:strings.Index(standby, "?")]))
	const password = "hunter2hunter2"
	for _, tt := range []struct{ url, want string }{
		{"postgres://awf:" + password + "@" + nobody + "/db?sslmode=disable", "refused"},
		{"postgres://awf:" + password + "@host:port/db", "not one of PostgreSQL"},
		{strings.Replace(good, "postgres://awf@", "postgres://nobody:"+password+"@", 1), "does not exist"},
		{strings.Replace(good, "/test", "/none", 1), "does not exist"},
		{lossy, "synchronous_commit is off"},
		{standby, "takes only reads"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := postgres.Open(ctx, store.Options{Path: tt.url})
		cancel()
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), password) {
			t.Errorf("Open = %v, want %q and no password", err, tt.want)
		}
	}
}

// alter changes a setting of a database.
func alter(t *testing.T, database, change string) {
	t.Helper()
	execSQL(t, database, `ALTER DATABASE `+database[strings.LastIndex(database, "/")+1:strings.Index(database, "?")]+` `+change)
}

// Refusals by the server in use are explained too, and end with their cause.
func TestErrorsInUse(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	accept(t, s, entry("a", ""))
	execSQL(t, url, `CREATE ROLE narrow LOGIN CONNECTION LIMIT 0`)
	if _, err := postgres.Open(t.Context(), store.Options{Path: strings.Replace(url, "awf@", "narrow@", 1)}); err == nil ||
		!strings.Contains(err.Error(), "no connection left") || !strings.Contains(err.Error(), "53300") {
		t.Errorf("Open without a connection left = %v", err)
	}
	for change, want := range map[string]string{
		"SET statement_timeout = '1ms'":            "statement_timeout",
		"SET default_transaction_read_only = true": "takes only reads",
	} {
		alter(t, url, change)
		late, err := postgres.Open(t.Context(), store.Options{Path: url + "&pool_max_conns=2"})
		for i := 0; err == nil && i < 50; i++ {
			var many []*delivery.Entry // more than fit into the timeout on any machine
			for n := range 2000 {
				many = append(many, entry(fmt.Sprint(change, i, "-", n), ""))
			}
			err = late.Accept(t.Context(), many)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
		alterBack(t, url, change)
	}
	accept(t, open(t, store.Options{Path: url}), entry("b", ""))
}

// alterBack undoes alter, on a connection that the change does not affect.
func alterBack(t *testing.T, database, change string) {
	t.Helper()
	name := strings.Fields(change)[1]
	alter(t, database+"&options=-c%20default_transaction_read_only%3Doff%20-c%20statement_timeout%3D0", "RESET "+name)
}

// A server with a full disk accepts nothing, says so, and loses nothing; it continues when there is room.
func TestServersDiskIsFull(t *testing.T) {
	t.Parallel()
	if server == nil {
		t.Skip(pgtest.ErrMissing)
	}
	disk, err := os.MkdirTemp("", "awf-hook-disk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(disk) })
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m,mode=0777", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("a tmpfs cannot be mounted: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	own, err := pgtest.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	first, err := own.Create("first")
	if err := errors.Join(err, own.Own(disk)); err != nil {
		t.Fatal(err)
	}
	execSQL(t, first, `CREATE TABLESPACE small LOCATION '`+disk+`'`)
	execSQL(t, first, `CREATE DATABASE full_disk TABLESPACE small`)
	url := first[:strings.LastIndex(first, "/")+1] + "full_disk?sslmode=disable"
	s := open(t, store.Options{Path: url})
	taken := 0
	for ; taken < 100; taken++ {
		e := entry(fmt.Sprint("big", taken), "")
		e.Event.Payload = make([]byte, 900_000)
		for i := range e.Event.Payload {
			e.Event.Payload[i] = byte(rand.IntN(256))
		}
		if err = s.Accept(t.Context(), []*delivery.Entry{e}); err != nil {
			break
		}
	}
	if err == nil || errors.Is(err, store.ErrFull) ||
		!strings.Contains(err.Error(), "disk is full") || !strings.Contains(err.Error(), "53100") {
		t.Fatalf("%d taken, then %v, want the server's disk to be full", taken, err)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=128m", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	accept(t, s, entry("after", ""))
	if st := status(t, s); st.Waiting != taken+1 {
		t.Errorf("%d wait, want the %d that were taken", st.Waiting, taken+1)
	}
	if wrong, err := s.Check(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("Check = %q, %v", wrong, err)
	}
}

// Transactions that the server ends for others' sake (here at every 97th statement, on any table) are made again, and a server that
// isolates transactions strictly by default ends none.
func TestSerializationFailures(t *testing.T) {
	for _, isolation := range []string{"repeatable read", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			url := database(t)
			alter(t, url, `SET default_transaction_isolation = '`+isolation+`'`)
			open(t, store.Options{Path: url})
			endSome(t, url)
			shareQueue(t, url, 2, 100)
		})
	}
}

// endSome makes a database end each 97th statement that writes.
func endSome(t *testing.T, url string) {
	t.Helper()
	execSQL(t, url, `CREATE SEQUENCE IF NOT EXISTS public.statements`) // it keeps counting when a transaction is rolled back
	execSQL(t, url, `CREATE OR REPLACE FUNCTION public.ends() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE n bigint := nextval('public.statements'); BEGIN
  IF n % 97 = 0 THEN RAISE EXCEPTION 'ended' USING ERRCODE = CASE WHEN n % 2 = 0 THEN '40001' ELSE '40P01' END; END IF;
  RETURN NULL; END $$;
DO $$ DECLARE t regclass; BEGIN
  FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'awf_hook'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP
    EXECUTE format('CREATE TRIGGER ends AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.ends()', t);
  END LOOP; END $$`)
}

// Nodes that open an empty database at once make one schema, and wait for each other.
func TestNodesMakeTheSchemaAtOnce(t *testing.T) {
	url := database(t)
	alter(t, url, `SET default_transaction_isolation = 'serializable'`)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), store.Options{Path: url})
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	wg.Wait()
}
