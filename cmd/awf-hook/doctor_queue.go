package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"golang.org/x/sys/unix"
)

// maxLooked is how many due deliveries doctor reads to find the oldest.
const maxLooked = 1000

// waiting checks the queue: its file, the disk, and what waits and why.
func (d *doctor) waiting(cfg *config.Config) {
	const part = "queue"
	file := queueFile(d.search(), cfg, d.queue)
	d.spillFiles()
	if config.IsDatabase(file) {
		d.database(file, cfg)
		return
	}
	info, err := os.Stat(file)
	switch {
	case file == "":
		d.find(part, wrong, "there is no place for a queue: set HOME or queue.path")
		return
	case file == engine.Memory:
		d.find(part, warning, "the queue is in memory: what is not delivered ends with the process")
		return
	case hasNoQueue(file):
		d.find(part, good, "%s: does not exist yet; %s free on its disk", file, free(filepath.Dir(file)))
		return
	case errors.Is(err, fs.ErrNotExist):
		d.find(part, wrong, "%s is gone, and its log %[1]s-wal is there: put the file back beside it, or move the log away", file)
		return
	case err != nil:
		d.find(part, wrong, "%v", err)
		return
	case !info.Mode().IsRegular():
		d.find(part, wrong, "%s: not a regular file", file)
		return
	}
	bytes := info.Size()
	if log, err := os.Stat(file + "-wal"); err == nil {
		bytes += log.Size()
	}
	room := cmp.Or(cfg.Queue.MaxSize, engine.DefaultMaxSize)
	d.find(part, good, "%s: %s of %s, %s free on its disk", file, size(bytes), size(room), free(filepath.Dir(file)))
	if bytes > room/2 {
		d.find(part, warning, "the queue is more than half full: see queue.max_size, and what waits below")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		d.find(part, warning, "the queue can be read by others (mode %#o): it holds bodies; chmod 600 %s", mode, quoted(file))
	}
	queue, err := engine.OpenDeliveries(file, "", d.heard(file))
	if err != nil {
		d.find(part, wrong, "%v", err)
		return
	}
	defer queue.Close()
	d.consistency(queue, file, bytes)
	if err := d.lanes(queue, cfg, file); err != nil {
		d.find(part, wrong, "%s: %v", file, err)
	}
}

// heard returns a logger that turns a queue's warnings into findings.
func (d *doctor) heard(name string) *slog.Logger {
	say := func(_ slog.Level, text string) { d.find("queue", warning, "%s: %s", name, text) }
	return slog.New(&sentences{say: say, level: slog.LevelWarn, mu: new(sync.Mutex)})
}

// maxChecked is the size of the largest file that doctor reads through, in bytes. Reading it takes less than a second.
const maxChecked = 64 << 20

// consistency checks the whole file of a queue, unless that takes long.
func (d *doctor) consistency(queue *engine.Deliveries, file string, bytes int64) {
	const part = "queue"
	if bytes > maxChecked {
		d.find(part, good, "%s: not read through, since it is larger than %s: awf-hook queue check --queue %s does",
			file, size(maxChecked), quoted(file))
		return
	}
	broken, err := queue.Check(context.Background())
	if err != nil {
		broken = append(broken, err.Error())
	}
	for _, what := range broken {
		d.find(part, wrong, "%s: %s", file, what)
	}
	if len(broken) == 0 {
		d.find(part, good, "%s: read through and consistent", file)
	}
}

// spillFiles looks for events that were kept while a database was away, and that nobody took up.
func (d *doctor) spillFiles() {
	folder := filepath.Join(d.search().StateFolder(), "spill")
	names, _ := fs.Glob(os.DirFS(folder), "*.db") // the pattern is good
	for _, name := range names {
		file := filepath.Join(folder, name)
		queue, err := engine.OpenDeliveries(file, "", d.heard(file))
		if err != nil {
			d.find("queue", wrong, "%v: it holds deliveries that were accepted while a database was away", err)
			continue
		}
		tally, err := queue.Count(context.Background(), engine.Filter{})
		if _ = queue.Close(); err == nil && tally.Count == 0 {
			continue
		}
		d.find("queue", warning, "%s: %d deliveries that were accepted while a database was away; "+
			"an awf-hook with the same queue.url moves them there, "+
			"and so does awf-hook queue move --from %s --to URL", file, tally.Count, quoted(file))
	}
}

// database checks a shared queue: who uses it, what slows it down, and what waits and why.
func (d *doctor) database(url string, cfg *config.Config) {
	const part = "queue"
	name := engine.QueueName(url)
	if err := cfg.Share(); err != nil {
		d.find(part, wrong, "%v", err)
		return
	}
	queue, err := engine.OpenDeliveries(url, cfg.Queue.Space(), d.heard(name))
	if err != nil {
		d.find(part, wrong, "%v", err)
		return
	}
	defer queue.Close()
	ctx := context.Background()
	nodes, err := queue.Nodes(ctx)
	if err != nil {
		d.find(part, wrong, "%s: %v", name, err)
		return
	}
	configs := map[string]bool{}
	for _, n := range nodes {
		if n.Config != "" {
			configs[n.Config] = true
		}
	}
	d.find(part, good, "%s: can be used; %d processes use it", name, len(nodes)-1) // including this one
	if len(configs) > 1 {
		d.find(part, warning, "%d configurations are in use: awf-hook webhooks says where", len(configs))
	}
	blockers, err := queue.Blockers(ctx)
	for _, who := range blockers {
		d.find(part, warning, "%s: until it ends, the server keeps dead rows, and the queue gets slower", who)
	}
	if err == nil {
		err = d.lanes(queue, cfg, url)
	}
	if err != nil {
		d.find(part, wrong, "%s: %v", name, err)
	}
}

// lanes says what waits for each webhook, and why.
func (d *doctor) lanes(queue *engine.Deliveries, cfg *config.Config, place string) error {
	const part = "queue"
	ctx := context.Background()
	lanes, err := queue.Lanes(ctx)
	if err != nil {
		return err
	}
	orphans, here := map[string]bool{}, api.Configured(cfg)
	if !d.broken { // a configuration with mistakes may lack any webhook
		list := engine.Orphans(lanes, cfg)
		for _, o := range list {
			orphans[o.Webhook] = true
		}
		sayOrphans(func(format string, args ...any) { d.find(part, wrong, format, args...) }, d.search(), list, place)
	}
	for i := range lanes {
		l := &lanes[i]
		if orphans[l.Webhook] {
			continue
		}
		name := api.WebhookName(l.Webhook)
		why := cmp.Or(l.Closed, l.LastError)
		switch state := api.NewLane(l).State; {
		case l.Waiting > 0 && l.Closed != "":
			d.find(part, wrong, "%s: waiting: %d: closed (%s) until awf-hook webhooks enable %s", name, l.Waiting, l.Closed, quoted(name))
		case l.Waiting > 0 && state != "open":
			d.find(part, wrong, "%s: waiting: %d: %s (%s)", name, l.Waiting, state, why)
		case l.Waiting > 0:
			d.find(part, warning, "%s: waiting: %d (%s): %s",
				name, l.Waiting, cmp.Or(why, "not tried yet"), d.sender(l.Webhook, cfg, here, place))
		case l.Closed != "":
			d.find(part, warning, "%s: closed (%s)", name, l.Closed)
		}
		if l.Dead > 0 {
			d.find(part, warning, "%s: dead letters: %d (%s); awf-hook deliveries list --state dead --webhook %s",
				name, l.Dead, cmp.Or(why, "see them"), quoted(name))
		}
	}
	due, err := queue.List(ctx, engine.Filter{State: delivery.Due, Limit: maxLooked})
	if err != nil || len(due) == 0 {
		return err
	}
	oldest := due[len(due)-1].Accepted
	for _, it := range due {
		if it.Accepted.Before(oldest) {
			oldest = it.Accepted
		}
	}
	since := "since"
	if len(due) == maxLooked {
		since = "since before"
	}
	d.find(part, good, "the oldest waits %s %s (%s)", since, oldest.Format(time.RFC3339), ago(oldest))
	return nil
}

// free returns the free space on a folder's disk. If the folder does not exist, it uses the nearest parent.
func free(folder string) string {
	for {
		var disk unix.Statfs_t
		err := unix.Statfs(folder, &disk)
		if err == nil {
			return size(int64(disk.Bavail) * int64(disk.Bsize))
		}
		above := filepath.Dir(folder)
		if above == folder || !errors.Is(err, fs.ErrNotExist) {
			return strings.TrimSpace(err.Error() + ": ?")
		}
		folder = above
	}
}
