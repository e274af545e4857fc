package postgres_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5"
)

// Every statement runs in a transaction that is repeated: only these functions use a connection otherwise.
func TestStatementsRunInTransactions(t *testing.T) {
	allowed := map[string]string{
		"openWithin": "makes the pool", "Close": "closes it", "transaction": "is how the others use it", "listen": "LISTEN is a session's",
		"vacuum": "VACUUM refuses to run in a transaction",
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || allowed[f.Name.Name] != "" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "pool" {
					t.Errorf("%s: %s uses the pool of connections: use write or read, which repeat what the server ends", name, f.Name.Name)
				}
				return true
			})
		}
	}
}

// A change is made once and says how much it changed, whichever of its commits is not answered.
func TestChangesWhoseAnswersAreLost(t *testing.T) {
	url := database(t)
	p, behind := behindProxy(t, url)
	direct, s := open(t, store.Options{Path: url}), open(t, store.Options{Path: behind + "&default_query_exec_mode=exec"})
	const events, other = 7, "prod#other"
	for what, change := range map[string]func() (int, error){
		"replay of dead letters": func() (int, error) {
			return s.Replay(t.Context(), delivery.Filter{State: delivery.IsDead}, delivery.Change{})
		},
		"replay of what is due": func() (int, error) {
			return s.Replay(t.Context(), delivery.Filter{State: delivery.Due}, delivery.Change{})
		},
		"replay of what was delivered": func() (int, error) {
			return s.Replay(t.Context(), delivery.Filter{State: delivery.IsDelivered}, delivery.Change{})
		},
		"move":   func() (int, error) { return s.Move(t.Context(), hook, other) },
		"delete": func() (int, error) { return s.Delete(t.Context(), delivery.Filter{}) },
	} {
		for commit, passed := int32(0), false; !passed; commit++ {
			for n := range events {
				e := entry(fmt.Sprint(what, commit, "-", n), []string{"", "k"}[n%2])
				past := &delivery.Past{State: delivery.IsDead, Accepted: time.Now(), Since: time.Now()}
				switch what {
				case "move":
					past.State = []delivery.State{delivery.Due, delivery.IsDead}[n/4]
				case "replay of what is due":
					past.State, past.After = delivery.Due, time.Hour
				case "replay of what was delivered":
					past.State, past.Done = delivery.IsDelivered, time.Now()
				}
				e.Wants[0].Past = past
				accept(t, s, e)
			}
			p.skip.Store(commit)
			p.cut.Store(1)
			n, err := change()
			passed = p.cut.Swap(0) > 0 // it has no more commits
			if passed && commit == 0 {
				t.Errorf("%s: no commit was cut", what)
			}
			if err != nil || n != events {
				t.Errorf("%s with commit %d cut changed %d, %v, want %d", what, commit, n, err, events)
			}
			if wrong, err := direct.Check(t.Context()); err != nil || len(wrong) > 0 {
				t.Errorf("%s with commit %d cut: Check = %q, %v", what, commit, wrong, err)
			}
			if _, err := direct.Delete(t.Context(), delivery.Filter{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Changes by people beside nodes that accept and deliver leave no key without a head, nothing in flight twice, and no deadlock.
func TestChangesBesideWork(t *testing.T) {
	url := database(t)
	const nodes = 3
	var wg sync.WaitGroup
	for node := range nodes {
		s := open(t, store.Options{Path: url})
		key := func() string { return []string{"", "a", "b"}[rand.IntN(3)] }
		work := []func(n int) error{
			func(n int) error {
				return s.Accept(t.Context(), []*delivery.Entry{entry(fmt.Sprint(node, "-", n), key()), entry(fmt.Sprint(n), key())})
			},
			func(int) error {
				claims, _, err := s.Claim(t.Context(), lane, 3)
				var list []delivery.Settlement
				for _, c := range claims {
					list = append(list, attempted(c, []delivery.Outcome{delivery.Delivered, delivery.Dead, delivery.Retry}[rand.IntN(3)]))
				}
				_, settleErr := s.Settle(t.Context(), list)
				return errors.Join(err, settleErr)
			},
			func(int) error { _, err := s.Delete(t.Context(), delivery.Filter{Limit: 2}); return err },
			func(int) error {
				state := []delivery.State{delivery.IsDead, delivery.IsDelivered, delivery.Due}[rand.IntN(3)]
				_, err := s.Replay(t.Context(), delivery.Filter{State: state, Limit: 3}, delivery.Change{Retransform: true})
				return err
			},
			func(n int) error {
				from, to := hook, "prod#other"
				if n%2 == 0 {
					from, to = to, from
				}
				_, err := s.Move(t.Context(), from, to)
				return err
			},
			func(int) error { _, err := s.ChangeLanes(t.Context(), "hook", store.Enable); return err },
		}
		for _, work := range work {
			wg.Go(func() {
				for n := range 60 {
					if err := work(n); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	s := open(t, store.Options{Path: url})
	if wrong, err := s.Check(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("Check = %q, %v", wrong, err)
	}
	if strings.Contains(server.Log(), "deadlock detected") {
		t.Errorf("the server saw a deadlock:\n%s", server.Log())
	}
}

// Delete and Replay change a key's order under the lane's lock, as all changes of the order do.
func TestChangesAwaitTheLane(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	for what, change := range map[string]func() (int, error){
		"replay": func() (int, error) {
			return s.Replay(t.Context(), delivery.Filter{State: delivery.IsDead}, delivery.Change{})
		},
		"delete": func() (int, error) { return s.Delete(t.Context(), delivery.Filter{ID: delivery.ID("delete", hook)}) },
	} {
		e := entry(what, "k")
		if what == "replay" {
			e.Wants[0].Dead = "born dead"
		}
		accept(t, s, e)
		conn := holdLanes(t, url)
		done := make(chan error, 1)
		go func() {
			n, err := change()
			if n != 1 {
				err = errors.Join(err, fmt.Errorf("changed %d, want 1", n))
			}
			done <- err
		}()
		if err := awaited(t, conn, done); err != nil {
			t.Errorf("%s does not await the lane: %v", what, err)
			continue
		}
		commit(t, conn)
		if err := <-done; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// holdLanes locks all lanes, as another node does, until the connection commits.
func holdLanes(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	return begin(t, url, `BEGIN; SELECT FROM awf_hook.lanes FOR UPDATE`)
}

// awaited returns nil when the server has a transaction wait for the connection's locks, and an error if the change ends before.
func awaited(t *testing.T, conn *pgx.Conn, done <-chan error) error {
	t.Helper()
	for waits := false; !waits; {
		select {
		case err := <-done:
			return errors.Join(errors.New("it ended"), err)
		case <-time.After(5 * time.Millisecond):
		}
		err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks
  WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// A replay with new bodies makes anew the bodies of what it replays alone: not of what another node made due while it waited.
func TestReplayLeavesOtherBodies(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	for _, id := range []string{"mine", "theirs"} {
		e := entry(id, "")
		e.Wants[0].Past = &delivery.Past{
			State: delivery.IsDead, Accepted: time.Now(), Since: time.Now(), Spent: 1, Content: &delivery.Content{Body: []byte(id)},
		}
		accept(t, s, e)
	}
	conn := holdLanes(t, url)
	done := make(chan error, 1)
	replayed := 0
	go func() {
		n, err := s.Replay(t.Context(), delivery.Filter{State: delivery.IsDead}, delivery.Change{Retransform: true})
		replayed = n
		done <- err
	}()
	if err := awaited(t, conn, done); err != nil {
		t.Fatal(err)
	}
	theirs := delivery.ID("theirs", hook)
	_, err := conn.Exec(t.Context(), `UPDATE awf_hook.deliveries SET state = 0, attempts = 1, done_at = NULL WHERE id = $1`, theirs)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, conn)
	if err := <-done; err != nil || replayed != 1 {
		t.Errorf("%d replayed, %v, want 1", replayed, err)
	}
	for id, want := range map[string]string{delivery.ID("mine", hook): "", theirs: "theirs"} {
		detail, err := s.Show(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if detail.Content != nil {
			got = string(detail.Content.Body)
		}
		if got != want {
			t.Errorf("the stored body of %s is %q, want %q", id, got, want)
		}
	}
}

// A move that ends halfway leaves each key with its head, in either lane, and goes on when it is made again.
func TestMoveEndsHalfway(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url})
	const events, other = 1300, "prod#other"
	var entries []*delivery.Entry
	for n := range events {
		entries = append(entries, entry(fmt.Sprint(n), []string{"", "a", "b", "c"}[n%4]))
	}
	accept(t, s, entries...)
	execSQL(t, url, `CREATE SEQUENCE moves; CREATE FUNCTION halfway() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('public.moves') % 2 = 0 THEN RAISE EXCEPTION 'halfway'; END IF; RETURN NULL; END $$;
CREATE TRIGGER halfway AFTER UPDATE OF lane ON awf_hook.deliveries FOR EACH STATEMENT EXECUTE FUNCTION halfway()`)
	moved, halts := 0, 0
	for err := errors.New("begin"); err != nil && halts < 10; halts++ {
		var n int
		n, err = s.Move(t.Context(), hook, other)
		moved += n
		if wrong, err := s.Check(t.Context()); err != nil || len(wrong) > 0 {
			t.Errorf("after %d moved: Check = %q, %v", moved, wrong, err)
		}
	}
	if moved != events || halts < 2 {
		t.Errorf("%d moved in %d parts, want %d in several", moved, halts, events)
	}
}
