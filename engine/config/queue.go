package config

import (
	"cmp"
	"path/filepath"
	"time"
)

// Queue is the queue's place and size; zero values stand for the defaults.
type Queue struct {
	Path     string        // absolute, or "memory:"
	MaxSize  int64         // bytes
	Keep     time.Duration // of delivered deliveries
	KeepDead time.Duration // of dead letters
}

// memoryQueue is the path of a queue that is in no file.
const memoryQueue = "memory:"

var queueKeys = []Key{
	{Path: "path", Kind: KindText, Min: 1, Max: 4096, UserOnly: true,
		access:  reading(field(func(q *Queue) any { return &q.Path }), (*decoder).queuePath),
		Without: "$XDG_STATE_HOME/awf-hook/queue.db, else ~/.local/state/…",
		Is: "its file, which any number of processes share; a relative path starts at the configuration's folder; " +
			"`memory:` keeps nothing beyond the process"},
	{Path: "keep", Kind: KindDuration, Min: minute, Max: year, Without: "7d", UserOnly: true,
		Is: "how long delivered deliveries are kept", access: field(func(q *Queue) any { return &q.Keep })},
	{Path: "keep_dead", Kind: KindDuration, Min: minute, Max: 10 * year, Without: "90d", UserOnly: true,
		Is: "how long dead letters are kept", access: field(func(q *Queue) any { return &q.KeepDead })},
	{Path: "max_size", Kind: KindSize, Min: 1 << 20, Max: 1 << 40, Without: "1GiB", UserOnly: true,
		Is:     "how large the queue may grow; beyond it the oldest delivered deliveries go first, then deliveries are kept in memory",
		access: field(func(q *Queue) any { return &q.MaxSize })},
}

func (d *decoder) queuePath(n node, q *Queue) {
	d.field(n, &q.Path)
	if q.Path != "" && q.Path != memoryQueue {
		q.Path = d.absolute(q.Path)
	}
}

// absolute is a path that the configuration names. A relative one starts at its folder.
func (d *decoder) absolute(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(d.identity), name)
}

// override takes over what another file says of the queue.
func (q Queue) override(by Queue) Queue {
	return Queue{
		Path:     cmp.Or(by.Path, q.Path),
		MaxSize:  cmp.Or(by.MaxSize, q.MaxSize),
		Keep:     cmp.Or(by.Keep, q.Keep),
		KeepDead: cmp.Or(by.KeepDead, q.KeepDead),
	}
}
