package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// Queue, disk and configuration get into trouble at random, round after round. What awf-hook said after each round must
// agree exactly with the receiver, the queue and the spilled files. SOAK=1 runs for ten minutes.
func TestFatesAddUp(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	until := time.Now()
	if os.Getenv("SOAK") != "" {
		until = until.Add(10 * time.Minute)
	}
	for n := 1; n == 1 || time.Now().Before(until); n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFates(t, random)
			for f.rounds < 14 && !t.Failed() {
				f.round()
			}
			t.Log(f.summary())
		})
	}
}

// fates holds a queue, its receiver, and what was reported about its deliveries.
type fates struct {
	*testing.T
	random   *rand.Rand
	receiver *moody
	dir      string // a small disk
	queue    string
	config   string
	temp     string // for spilled files
	spilled  []string

	rounds, events, files int
	kinds                 map[string]int
	said                  engine.Report // the sum of all reports
	unheard               int           // deliveries of a killed round
}

func newFates(t *testing.T, random *rand.Rand) *fates {
	f := &fates{T: t, random: random, kinds: map[string]int{}, temp: t.TempDir()}
	f.receiver = &moody{random: rand.New(rand.NewPCG(random.Uint64(), 2)), got: map[string]int{}}
	f.dir = small(t, "size=24m")
	f.queue = filepath.Join(f.dir, "queue.db")
	url := serve(t, f.receiver)
	f.config = writeConfig(t, `webhooks:
  - {name: one, url: %q, retry: {delay: 20ms, max_attempts: 3}, max_in_flight: 8}
  - {name: two, url: %[1]q, retry: {delay: 300ms}}
`, url)
	return f
}

// moody is a receiver that accepts most deliveries, and refuses others temporarily or for good.
type moody struct {
	mu     sync.Mutex
	random *rand.Rand
	got    map[string]int // by id: how often it was accepted
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch n := m.random.IntN(20); {
	case n < 4:
		w.WriteHeader(http.StatusServiceUnavailable)
	case n == 4:
		w.WriteHeader(http.StatusBadRequest)
	default:
		m.got[r.Header.Get("X-AWF-Delivery")]++
		w.WriteHeader(http.StatusNoContent)
	}
}

// snapshot says where each delivery is.
type snapshot struct {
	place map[string]string // by id: a state in the queue, where in flight counts as due; spilled; or gone
	got   int               // accepted by the receiver
}

const (
	isSpilled = "spilled" // in a file that was not read back
	isGone    = "gone"    // delivered from memory; the queue never had it
)

func (s snapshot) count(places ...string) (n int64) {
	for _, is := range s.place {
		if slices.Contains(places, is) {
			n++
		}
	}
	return n
}

func (f *fates) look() snapshot {
	f.receiver.mu.Lock()
	got := maps.Clone(f.receiver.got)
	f.receiver.mu.Unlock()
	s := snapshot{place: map[string]string{}, got: len(got)}
	for id := range got {
		s.place[id] = isGone
	}
	for _, file := range f.spilled {
		for _, id := range spilledIDs(f.T, file) {
			s.place[id] = isSpilled
		}
	}
	if _, err := os.Stat(f.queue); err != nil {
		return s
	}
	d, err := engine.OpenDeliveries(f.queue, "", nil)
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	items, err := d.List(f.Context(), engine.Filter{})
	if err != nil {
		f.Fatal(err)
	}
	for i := range items {
		it := &items[i]
		id, state := it.Delivery.ID, it.State
		switch {
		case state == delivery.InFlight:
			state = delivery.Due
		case state == delivery.IsDelivered && got[id] == 0:
			f.Errorf("%s counts as delivered and never arrived", id)
		}
		if s.place[id] == isSpilled {
			f.Errorf("%s is in the queue and spilled", id)
		}
		s.place[id] = string(state)
	}
	return s
}

// spilledIDs returns the ids of the deliveries in a spilled file.
func spilledIDs(t *testing.T, file string) (ids []string) {
	for line := range bytes.Lines(readFileOf(t, file)) {
		var event struct {
			ID       string
			Webhooks []string `json:"only_webhooks"`
		}
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("%s: %v: %s", file, err, line)
		}
		for _, webhook := range event.Webhooks {
			ids = append(ids, delivery.ID(event.ID, webhook))
		}
	}
	return ids
}

// round does one thing and checks what awf-hook reports.
func (f *fates) round() {
	f.rounds++
	before := f.look()
	kinds := []struct {
		name string
		run  func(before snapshot)
	}{
		{"plain", f.plain}, {"plain", f.plain}, {"killed", f.killed}, {"full", f.full}, {"broken", f.broken}, {"two at once", f.twoAtOnce},
		{"read back", f.readBack}, {"taken away", f.takenAway}, {"renamed", f.renamed},
	}
	kind := kinds[f.random.IntN(len(kinds))]
	f.kinds[kind.name]++
	kind.run(before)
	if f.Failed() {
		f.Errorf("round %d, %s", f.rounds, kind.name)
	}
}

// lines returns new events.
func (f *fates) lines() string {
	n := f.random.IntN(60)
	text := strings.ReplaceAll(envelopes(fmt.Sprintf("r%d-", f.rounds), n), `"payload":{}`,
		`"payload":{"text":"`+strings.Repeat("x", f.random.IntN(3000))+`"}`)
	f.events += n
	return text
}

func (f *fates) command(in string) (*exec.Cmd, *bytes.Buffer) {
	wait := time.Duration(f.random.IntN(300)) * time.Millisecond
	hook := exec.Command("awf-hook", "run", "-c", f.config, "--queue", f.queue, "--log-level", "error", "--drain-timeout",
		wait.String(), "--json")
	hook.Env = append(os.Environ(), checkSaid+"=1", "TMPDIR="+f.temp, "XDG_STATE_HOME="+filepath.Join(f.dir, "state"))
	hook.Stdin = strings.NewReader(in)
	said := new(bytes.Buffer)
	hook.Stderr = said
	return hook, said
}

// hear returns the report of a process that has ended.
func (f *fates) hear(err error, said string) engine.Report {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.Fatal(err)
	}
	r := lastReport(f.T, said)
	if code := exitCode(f.T, err); code != exitOK || r.Lost+r.DeadLost+r.Refused > 0 || r.Unread != "" {
		f.Errorf("exit code %d: %s", code, said)
	}
	f.add(&r)
	f.checkSpilled(r)
	return r
}

// add adds a report to the sum of all.
func (f *fates) add(r *engine.Report) {
	f.said.Events += r.Events
	f.said.Deliveries += r.Deliveries
	f.said.Delivered += r.Delivered + r.Earlier.Delivered
	f.said.Dead += r.Dead + r.Earlier.Dead
	f.said.Kept += r.Kept
	f.said.Spilled += r.Spilled + r.DeadSpilled
	f.said.Again += r.Again
}

// checkSpilled counts the deliveries in the spilled files.
func (f *fates) checkSpilled(r engine.Report) {
	n := int64(0)
	for _, file := range r.Spill {
		n += int64(len(spilledIDs(f.T, file)))
		f.spilled = append(f.spilled, file)
	}
	if n != r.Spilled+r.DeadSpilled {
		f.Errorf("the spilled files hold %d deliveries, the report says %d and %d", n, r.Spilled, r.DeadSpilled)
	}
}

// agree compares the reports of all processes of a round with the queue and the receiver.
func (f *fates) agree(before snapshot, reports ...engine.Report) {
	f.Helper()
	after := f.look()
	var sum engine.Report
	for _, r := range reports {
		sum.Deliveries += r.Deliveries
		sum.Delivered += r.Delivered + r.Earlier.Delivered
		sum.Dead += r.Dead - r.DeadLost - r.DeadSpilled + r.Earlier.Dead
		sum.DeadSpilled += r.DeadSpilled
		sum.Spilled += r.Spilled
		sum.Again += r.Again
	}
	due, dead, delivered := string(delivery.Due), string(delivery.IsDead), string(delivery.IsDelivered)
	if last := reports[0]; len(reports) == 1 && !last.EarlierUnknown {
		f.equal("waiting in the queue", after.count(due), last.Kept+last.Earlier.Waiting+last.Earlier.Retrying+last.Again)
	}
	f.equal("waiting more than before", after.count(due)-before.count(due),
		sum.Deliveries-sum.Delivered-sum.Dead-sum.DeadSpilled-sum.Spilled+sum.Again)
	f.equal("dead letters more", after.count(dead)-before.count(dead), sum.Dead)
	ended := int64(0)
	for id, place := range after.place {
		if was := before.place[id]; (place == delivered || place == isGone) && was != delivered && was != isGone {
			ended++
		}
	}
	f.equal("delivered", ended, sum.Delivered-sum.Again)
}

func (f *fates) equal(what string, got, want int64) {
	f.Helper()
	if got != want {
		f.Errorf("%s: %d, but said were %d", what, got, want)
	}
}

func (f *fates) summary() string {
	after := f.look()
	s := &f.said
	return fmt.Sprintf("%d rounds (%v), %d events in, %d deliveries said to be accepted and %d of killed rounds, "+
		"%d delivered, %d dead, %d spilled (%d files read back), %d sent again; "+
		"the receiver took %d; the queue holds %d that wait, %d dead, %d delivered",
		f.rounds, f.kinds, f.events, s.Deliveries, f.unheard, s.Delivered, s.Dead, s.Spilled, f.files, s.Again, after.got,
		after.count(string(delivery.Due)), after.count(string(delivery.IsDead)), after.count(string(delivery.IsDelivered)))
}
