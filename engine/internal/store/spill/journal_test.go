package spill_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
)

// remote is a queue in a file that plays a database which can be away.
type remote struct {
	*spill.Store
	away atomic.Bool
}

func openRemote(t *testing.T, folder string, away, holds bool) *remote {
	r := &remote{}
	r.away.Store(away)
	opts := store.Options{
		Path: filepath.Join(folder, "database.db"), Name: "db.example/hooks", SpillFolder: filepath.Join(folder, "spill"), HoldSpilled: holds,
	}
	r.Store = spill.New(context.Background(), opts, func(context.Context) (store.Queue, error) {
		if r.away.Load() {
			return nil, errors.New("refused")
		}
		return openSQLite(opts)
	})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func spillFiles(t *testing.T, folder string) (files []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "spill", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// deliver claims and settles n deliveries, and returns their names.
func (r *remote) deliver(t *testing.T, n int, outcome delivery.Outcome) string {
	t.Helper()
	claims, _, err := r.Claim(t.Context(), delivery.Lane{Webhook: hook, Lease: time.Minute}, n)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		a := &delivery.Attempt{Number: c.Delivery.Attempts + 1, At: time.Now(), Outcome: outcome, Reason: "503"}
		st := delivery.Settlement{Claim: c, Outcome: outcome, Attempt: a, After: time.Hour}
		if lost, err := r.Settle(t.Context(), []delivery.Settlement{st}); err != nil || len(lost) > 0 {
			t.Fatalf("Settle: %d lost, %v", len(lost), err)
		}
	}
	return ids(claims)
}

// killEnv names the variable with the folder of TestSpillOutlivesAKill's process.
const killEnv = "SPILL_KILL"

// A process that is killed while the database is away loses nothing: the next one moves everything into the database,
// with outcomes, attempts and order.
func TestSpillOutlivesAKill(t *testing.T) {
	if folder := os.Getenv(killEnv); folder != "" {
		spillAndDie(t, folder)
	}
	folder := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestSpillOutlivesAKill$", "-test.count=1")
	child.Env = append(os.Environ(), killEnv+"="+folder)
	out, err := child.CombinedOutput()
	if !strings.Contains(string(out), "ready to die") {
		t.Fatalf("%v\n%s", err, out)
	}
	r := openRemote(t, folder, false, false)
	items, err := r.List(t.Context(), delivery.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, item := range items {
		got[item.Event.ID] = fmt.Sprint(item.State, " ", item.Delivery.Attempts)
	}
	for id, want := range map[string]string{
		"a": "delivered 1", "b": "dead 1", "c": "due 1", "d": "due 0", "k1": "due 0", "k2": "due 0", "born dead": "dead 0",
	} {
		if got[id] != want {
			t.Errorf("%s: %q, want %q", id, got[id], want)
		}
	}
	if got := r.deliver(t, 10, delivery.Delivered); got != "d k1" {
		t.Errorf("claimed %q, want d, and k1 before k2", got)
	}
	if files := spillFiles(t, folder); len(files) > 0 {
		t.Errorf("%q are left", files)
	}
}

func spillAndDie(t *testing.T, folder string) {
	r := openRemote(t, folder, true, false)
	accept := func(id string) {
		if err := r.AcceptStored(t.Context(), []*delivery.Entry{entry(id, "", hook)}); err != nil {
			t.Fatal(err)
		}
	}
	accept("a")
	r.deliver(t, 1, delivery.Delivered)
	accept("b")
	r.deliver(t, 1, delivery.Dead)
	accept("c")
	r.deliver(t, 1, delivery.Retry)
	accept("d")
	for _, id := range []string{"k1", "k2"} {
		if err := r.Accept(t.Context(), []*delivery.Entry{entry(id, "k", hook)}); err != nil {
			t.Fatal(err)
		}
	}
	born := entry("born dead", "", hook)
	born.Wants[0].Dead = "filter"
	if err := r.Accept(t.Context(), []*delivery.Entry{born}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready to die")
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Kill()
	select {}
}

// With HoldSpilled, events are not delivered before they are in the database, and are known there afterwards.
func TestHeldSpillFlowsIntoTheDatabase(t *testing.T) {
	folder := t.TempDir()
	r := openRemote(t, folder, true, true)
	if err := r.AcceptStored(t.Context(), []*delivery.Entry{entry("a", "", hook)}); err != nil {
		t.Fatal(err)
	}
	if err := r.AcceptStored(t.Context(), []*delivery.Entry{entry("k", "key", hook)}); !errors.Is(err, spill.ErrUnstored) {
		t.Errorf("AcceptStored of a delivery with an order key = %v, want ErrUnstored: others could pass it", err)
	}
	if got := r.deliver(t, 10, delivery.Delivered); got != "" {
		t.Errorf("delivered %q without the database", got)
	}
	if err := r.Ready(t.Context()); err != nil || r.Unstored() != 0 {
		t.Errorf("Ready = %v, %d unstored, want the spill file to do", err, r.Unstored())
	}
	r.away.Store(false)
	if err := r.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.deliver(t, 10, delivery.Delivered); got != "a" {
		t.Errorf("delivered %q of the database, want a", got)
	}
	e := entry("a", "", hook)
	if err := r.AcceptStored(t.Context(), []*delivery.Entry{e}); err != nil || e.Wants[0].Fate != delivery.Known {
		t.Errorf("%v, %s, want it known", err, e.Wants[0].Fate)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if files := spillFiles(t, folder); len(files) > 0 {
		t.Errorf("%q are left", files)
	}
}

// A full spill file accepts nothing more, and says so.
func TestSpillIsBounded(t *testing.T) {
	folder := t.TempDir()
	r := openRemote(t, folder, true, true)
	taken := 0
	for i := range 2 * spill.JournalSize >> 20 {
		e := entry(fmt.Sprint(i), "", hook)
		e.Event.Payload = []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
		err := r.AcceptStored(t.Context(), []*delivery.Entry{e})
		if errors.Is(err, store.ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken++
	}
	if taken < spill.JournalSize>>20-2 || taken > spill.JournalSize>>20+2 {
		t.Errorf("%d MiB were taken, want about %d", taken, spill.JournalSize>>20)
	}
	if r.Ready(t.Context()) == nil {
		t.Error("a full spill is ready")
	}
	r.away.Store(false)
	if err := r.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if items, err := r.List(t.Context(), delivery.Filter{}); err != nil || len(items) != taken {
		t.Errorf("%d in the database, %v, want %d", len(items), err, taken)
	}
}
