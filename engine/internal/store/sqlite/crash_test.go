//go:build linux || darwin

package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	"golang.org/x/sys/unix"
)

var brief = delivery.Lane{Webhook: "a", Lease: 2 * time.Second}

// TestOtherProcess is the other process of the tests below: it claims due deliveries, says so, and settles them on
// command.
func TestOtherProcess(t *testing.T) {
	path := os.Getenv("AWF_HOOK_QUEUE")
	if path == "" {
		return
	}
	s := open(t, store.Options{Path: path})
	claims, _, err := s.Claim(t.Context(), brief, 10)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("claimed", len(claims))
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	var settlements []delivery.Settlement
	for _, c := range claims {
		settlements = append(settlements, delivery.Settlement{Claim: c, Outcome: delivery.Dead, Reason: "late"})
	}
	lost, err := s.Settle(t.Context(), settlements)
	fmt.Println("lost", len(lost), err)
}

// inFlightElsewhere makes a queue with seven deliveries that another process has in flight.
func inFlightElsewhere(t *testing.T) (s *sqlite.Store, other *exec.Cmd, say func(string), hear func(want string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "queue.db")
	s = open(t, store.Options{Path: path})
	for i := range 7 {
		ev := &event.Event{ID: fmt.Sprint(i), Type: "workflow_end", Timestamp: time.Now()}
		if err := s.Accept(t.Context(), []*delivery.Entry{{Event: ev, Wants: []delivery.Want{{Webhook: "a"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	other = exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	other.Env = append(os.Environ(), "AWF_HOOK_QUEUE="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	})
	lines := bufio.NewScanner(out)
	hear = func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), want) {
				return
			}
			if strings.HasPrefix(lines.Text(), "claimed") || strings.HasPrefix(lines.Text(), "lost") {
				t.Fatalf("the other process says %q, want %q", lines.Text(), want)
			}
		}
		t.Fatalf("the other process ended, want %q", want)
	}
	hear("claimed 7")
	return s, other, func(line string) { fmt.Fprintln(in, line) }, hear
}

func claimedNow(t *testing.T, s *sqlite.Store) int {
	t.Helper()
	claims, _, err := s.Claim(context.Background(), brief, 10)
	if err != nil {
		t.Fatal(err)
	}
	return len(claims)
}

// A killed process's deliveries in flight are due at once, even if another process has its id now.
func TestKilledProcessHoldsNothing(t *testing.T) {
	s, other, _, _ := inFlightElsewhere(t)
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := claimedNow(t, s); n != 0 {
		t.Fatalf("%d claimed while the other process lives, want none", n)
	}
	if err := other.Process.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := claimedNow(t, s); n != 7 {
		t.Errorf("%d claimed after the other process was killed, want 7 at once", n)
	}
}

// A hanging process's deliveries in flight are due when their leases end. If the process comes back late, its outcomes are lost.
func TestStoppedProcessLosesItsLeases(t *testing.T) {
	s, other, say, hear := inFlightElsewhere(t)
	if err := other.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	n := 0
	for begun := time.Now(); n < 7 && time.Since(begun) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if err := s.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		n += claimedNow(t, s)
	}
	if n != 7 {
		t.Fatalf("%d claimed after the leases of a process that hangs, want 7", n)
	}
	if err := other.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	say("go on")
	hear("lost 7 <nil>")
	if items, err := s.List(t.Context(), delivery.Filter{State: delivery.IsDead}); err != nil || len(items) != 0 {
		t.Errorf("%d are dead, %v, want none: the process came too late", len(items), err)
	}
}
