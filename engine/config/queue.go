package config

import (
	"cmp"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
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

var queueKeys = keys[*Queue]{
	"path":      (*decoder).queuePath,
	"keep":      func(d *decoder, n *yaml.Node, path string, q *Queue) { d.duration(n, path, &q.Keep) },
	"keep_dead": func(d *decoder, n *yaml.Node, path string, q *Queue) { d.duration(n, path, &q.KeepDead) },
	"max_size":  func(d *decoder, n *yaml.Node, path string, q *Queue) { d.size(n, path, &q.MaxSize) },
}

func (d *decoder) queuePath(n *yaml.Node, path string, q *Queue) {
	name, ok := d.value(n, path)
	limit := int(keyOf(path).Max)
	switch {
	case !ok:
	case name == "" || len(name) > limit:
		d.fail(n, path, "want a path of 1 to %d bytes", limit)
	case name == memoryQueue || filepath.IsAbs(name):
		q.Path = name
	default:
		q.Path = filepath.Join(filepath.Dir(d.identity), name)
	}
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

// sizeUnits are in the order in which a suffix is looked for: "B" ends them all.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func (d *decoder) size(n *yaml.Node, path string, to *int64) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	low, high := keyOf(path).Min, keyOf(path).Max
	size, err := parseSize(text)
	switch {
	case err != nil:
		d.fail(n, path, "want a size like 512MiB or 1GiB, got %s", quote(n))
	case size < low || size > high:
		d.fail(n, path, "want %s to %s, got %s", shortSize(low), shortSize(high), unquoted(n))
	default:
		*to = size
	}
}

func parseSize(text string) (int64, error) {
	unit := int64(1)
	for _, u := range sizeUnits {
		if number, has := strings.CutSuffix(text, u.name); has {
			text, unit = strings.TrimRight(number, " "), u.bytes
			break
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	return int64(number * float64(unit)), err
}

// shortSize writes a size as a person would: 1GiB.
func shortSize(bytes int64) string {
	for i := 3; i >= 0; i-- {
		if u := sizeUnits[i]; bytes >= u.bytes && bytes%u.bytes == 0 {
			return strconv.FormatInt(bytes/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}
