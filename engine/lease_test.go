package engine_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	_ "modernc.org/sqlite"
)

// takeOver claims a delivery for another process, so that the engine has lost it.
func takeOver(t *testing.T, file, id string, until time.Time) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec(`UPDATE deliveries SET token = token + 1, owner = 1, due_at = ? WHERE id = ? AND state = 0 AND owner <> 0`,
		until.UnixMilli(), id)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); n != 1 || err != nil {
		t.Fatalf("%d deliveries taken over, %v, want 1: %s must be in flight", n, err, id)
	}
}

// The engine checks a claim before its attempt if the claim has waited for more than a third of its lease. It does not send a lost one, and
// renews the others, so that no other process claims them during the attempt.
func TestOldClaimsAreCheckedBeforeTheirAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events, took = 40, 900 * time.Millisecond
		begun := time.Now()
		arrived := map[string][]time.Duration{}
		cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook("max_in_flight: 1", "timeout: 1s")), nil)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "queue.db")
		e, err := engine.Open(cfg, engine.Options{Queue: file, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			id := r.Header.Get("X-AWF-Delivery")
			arrived[id] = append(arrived[id], time.Since(begun))
			time.Sleep(took)
			return answer(200)
		})})
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		running.Go(func() { _ = e.Run(context.Background()) })
		defer running.Wait()
		for i := range events {
			submit(t, e, newEvent(fmt.Sprint(i)))
		}
		time.Sleep(time.Second)
		lost := delivery.ID("30", cfg.Webhooks[0].Identity) // its turn comes after 27 s
		until := begun.Add(50 * time.Second)
		takeOver(t, file, lost, until)
		drain(t, e)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		for i := range events {
			id := delivery.ID(fmt.Sprint(i), cfg.Webhooks[0].Identity)
			if len(arrived[id]) != 1 {
				t.Errorf("event %d arrived at %v, want it once", i, arrived[id])
			} else if at := arrived[id][0]; id == lost && at < until.Sub(begun) || id != lost && at > events*took+time.Second {
				t.Errorf("event %d arrived after %v, want the lost one after the other process's lease, and the others before", i, at)
			}
		}
	})
}

// The engine does not count the outcome of a delivery that another process took over. The other process reports it.
func TestOutcomeOfALostLeaseIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook()), nil)
		if err != nil {
			t.Fatal(err)
		}
		file, attempts := filepath.Join(t.TempDir(), "queue.db"), 0
		e, err := engine.Open(cfg, engine.Options{Queue: file, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			attempts++
			takeOver(t, file, r.Header.Get("X-AWF-Delivery"), time.Now().Add(time.Hour))
			return answer(200)
		})})
		if err != nil {
			t.Fatal(err)
		}
		run(t, e)
		submit(t, e, newEvent("a"))
		time.Sleep(time.Second)
		if r := e.Report(); r.Delivered != 0 || attempts != 1 {
			t.Errorf("%d attempts and the report %+v, want one attempt and none delivered", attempts, r)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Deliveries that an engine accepts without Run are soon due for other processes: one program may submit and another one deliver.
func TestEngineThatDoesNotRunLeavesItsDeliveriesToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook()), nil)
		if err != nil {
			t.Fatal(err)
		}
		answers := roundTripper(func(*http.Request) (*http.Response, error) { return answer(200) })
		opts := engine.Options{Queue: filepath.Join(t.TempDir(), "queue.db"), Transport: answers}
		openOne := func() *engine.Engine {
			e, err := engine.Open(cfg, opts)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		first, second, third := openOne(), openOne(), openOne()
		submit(t, first, newEvent("of a program that ends"))
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		submit(t, second, newEvent("of a program that goes on"))
		time.Sleep(2 * time.Second)
		for _, e := range []*engine.Engine{first, second} {
			const want = "1 event, 1 delivery: 0 delivered, 1 waiting (next in 0s), 0 to retry, 0 dead"
			if got := e.Report().String(); got != want {
				t.Errorf("the report is %q, want %q", got, want)
			}
		}
		run(t, third)
		submit(t, second, newEvent("later"))
		draining, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := third.Drain(draining); err != nil {
			t.Error(err)
		}
		if earlier := third.Report().Earlier.Delivered; earlier != 3 {
			t.Errorf("%d deliveries of the other engines arrived, want 3", earlier)
		}
		run(t, second) // goes on where it stopped
		submit(t, second, newEvent("last"))
		drain(t, second)
		if r := second.Report(); r.Delivered != 1 || r.Waiting != 0 {
			t.Errorf("the engine that runs at last reports %v, want one delivered", r)
		}
	})
}
