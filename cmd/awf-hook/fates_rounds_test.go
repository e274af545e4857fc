package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
)

func (f *fates) plain(before snapshot) {
	hook, said := f.command(f.lines())
	err := hook.Run()
	r := f.hear(err, said.String())
	f.agree(before, r)
	if f.Failed() {
		f.Log(said.String())
	}
}

func (f *fates) killed(before snapshot) {
	hook, _ := f.command(f.lines())
	if err := hook.Start(); err != nil {
		f.Fatal(err)
	}
	time.Sleep(time.Duration(f.random.IntN(60)) * time.Millisecond)
	_ = hook.Process.Signal(syscall.SIGKILL)
	_ = hook.Wait()
	after := f.look()
	f.unheard += len(after.place) - len(before.place)
	f.equal("delivered from memory in a killed round", after.count(isGone), before.count(isGone))
}

// full fills the disk before or during a run.
func (f *fates) full(before snapshot) {
	fill := func() {
		filler, err := os.Create(filepath.Join(f.dir, "filler"))
		if err != nil {
			return // it is full
		}
		defer filler.Close()
		for size := 64 << 10; size >= 1; size /= 4 {
			for err == nil {
				_, err = filler.Write(make([]byte, size))
			}
			err = nil
		}
	}
	during := f.random.IntN(2) == 0
	if !during {
		fill()
	}
	hook, said := f.command(f.lines())
	if err := hook.Start(); err != nil {
		f.Fatal(err)
	}
	if during {
		time.Sleep(time.Duration(f.random.IntN(60)) * time.Millisecond)
		fill()
	}
	err := hook.Wait()
	if err := os.Remove(filepath.Join(f.dir, "filler")); err != nil && during {
		f.Log(err)
	}
	r := f.hear(err, said.String())
	f.agree(before, r)
	if f.Failed() {
		f.Log(said.String())
	}
}

// broken puts something else at the path of the queue's file during a run.
func (f *fates) broken(before snapshot) {
	aside := filepath.Join(f.dir, "aside")
	if err := os.Mkdir(aside, 0o700); err != nil {
		f.Fatal(err)
	}
	move := func(from, to string) {
		for _, end := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(from+end, to+end); err != nil && !errors.Is(err, os.ErrNotExist) {
				f.Fatal(err)
			}
		}
	}
	move(f.queue, filepath.Join(aside, "queue.db"))
	write(f.T, f.queue, strings.Repeat("no database", 1+f.random.IntN(1000)))
	hook, said := f.command(f.lines())
	err := hook.Run()
	r := f.hear(err, said.String())
	if err := errors.Join(os.Remove(f.queue)); err != nil {
		f.Fatal(err)
	}
	move(filepath.Join(aside, "queue.db"), f.queue)
	if err := os.Remove(aside); err != nil {
		f.Fatal(err)
	}
	f.agree(before, r)
	if !r.EarlierUnknown {
		f.Errorf("it is not said that nobody knows what the queue holds")
	}
	if f.Failed() {
		f.Log(said.String())
	}
}

// takenAway removes the queue's file during a run, and brings it back afterwards.
func (f *fates) takenAway(before snapshot) {
	hook, said := f.command(f.lines())
	if err := hook.Start(); err != nil {
		f.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- hook.Wait() }()
	for opened := false; !opened && len(ended) == 0; time.Sleep(time.Millisecond) {
		locks, _ := os.ReadDir(f.queue + ".owners")
		opened = len(locks) > 0
	}
	time.Sleep(time.Duration(f.random.IntN(60)) * time.Millisecond)
	aside := f.queue + ".aside"
	taken := os.Rename(f.queue, aside) == nil
	err := <-ended
	if taken { // a new file may have been made meanwhile
		for _, end := range []string{"-wal", "-shm"} {
			_ = os.Remove(f.queue + end + ".aside")
		}
		if err := os.Rename(aside, f.queue); err != nil {
			f.Fatal(err)
		}
	}
	r := lastReport(f.T, said.String())
	switch code := exitCode(f.T, err); {
	case r.Unread == "" && code == exitOK:
		f.agree(before, f.hear(err, said.String()))
	case r.Unread == "" || code != exitFailure:
		f.Errorf("exit code %d: %s", code, said)
	default: // the process does not know the file's content, but each delivery is somewhere
		f.checkSpilled(r)
		f.add(&r)
		after := f.look()
		f.equal("somewhere", int64(len(after.place)-len(before.place)), r.Deliveries)
		f.equal("spilled", after.count(isSpilled)-before.count(isSpilled), r.Spilled+r.DeadSpilled)
	}
	if f.Failed() {
		f.Log(said.String())
	}
}

// renamed renames the configuration, and does what awf-hook then suggests about the orphans.
func (f *fates) renamed(before snapshot) {
	if len(f.spilled) > 0 { // for webhooks of the old name
		f.plain(before)
		return
	}
	config := filepath.Join(filepath.Dir(f.config), fmt.Sprintf("renamed-%d.yaml", f.rounds))
	if err := os.Rename(f.config, config); err != nil {
		f.Fatal(err)
	}
	f.config = config
	hook, said := f.command(f.lines())
	err := hook.Run()
	r := f.hear(err, said.String())
	orphans := int64(0)
	for _, o := range r.Orphans {
		orphans += o.Waiting
		move := exec.Command("awf-hook", "deliveries", "move", "-c", f.config, "--queue", f.queue, "--from", o.Webhook, "--to", o.To)
		out, err := move.CombinedOutput()
		if want := fmt.Sprintf("awf-hook: %d moved from %s to %s\n", o.Waiting+o.Dead, o.Webhook, o.To); err != nil || string(out) != want {
			f.Errorf("move: %v: %s, want %s", err, out, want)
		}
	}
	f.equal("orphaned", orphans, before.count(string(delivery.Due)))
	r.Earlier.Waiting += orphans
	f.agree(before, r)
	if f.Failed() {
		f.Log(said.String())
	}
}

func (f *fates) twoAtOnce(before snapshot) {
	one, oneSaid := f.command(f.lines())
	f.rounds++ // which names the events
	two, twoSaid := f.command(f.lines())
	if err := errors.Join(one.Start(), two.Start()); err != nil {
		f.Fatal(err)
	}
	first, second := f.hear(one.Wait(), oneSaid.String()), engine.Report{}
	second = f.hear(two.Wait(), twoSaid.String())
	f.agree(before, first, second)
	if f.Failed() {
		f.Log(oneSaid.String(), twoSaid.String())
	}
}

// readBack passes the spilled files to run.
func (f *fates) readBack(before snapshot) {
	if len(f.spilled) == 0 {
		f.plain(before)
		return
	}
	file := f.spilled[0]
	f.files++
	hook, said := f.command(string(readFileOf(f.T, file)))
	err := hook.Run()
	f.spilled = slices.Delete(f.spilled, 0, 1)
	if err := os.Remove(file); err != nil {
		f.Fatal(err)
	}
	r := f.hear(err, said.String())
	f.agree(before, r)
	if f.Failed() {
		f.Log(said.String())
	}
}
