package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// Orphan is a webhook that has deliveries in the queue and is in no configuration any more: somebody renamed, moved
// or removed it or its file. Nobody delivers them until [Deliveries.Move] gives them to another webhook.
type Orphan struct {
	Webhook string `json:"webhook"` // its identity, FILE#NAME
	Waiting int64  `json:"waiting"`
	Dead    int64  `json:"dead,omitempty"`
	To      string `json:"to,omitempty"` // its probable identity now; "" if the names do not tell
}

// Orphans finds the orphans among the lanes of a queue. A file that exists and is not part of this configuration
// belongs to another configuration, so its webhooks are no orphans.
func Orphans(lanes []LaneStatus, cfg *config.Config) (orphans []Orphan) {
	holds := func(l LaneStatus) bool { return l.Waiting+l.Dead > 0 }
	if !slices.ContainsFunc(lanes, holds) {
		return nil // saves reading all definitions
	}
	files, known, current := identities(cfg)
	used := map[string]bool{}
	for i := range lanes {
		used[lanes[i].Webhook] = true
	}
	for i := range lanes {
		l := &lanes[i]
		if l.Waiting+l.Dead > 0 && !known[l.Webhook] && isOrphaned(l.Webhook, files, cfg.Queue.Space()) {
			to := successor(l.Webhook, current, used)
			orphans = append(orphans, Orphan{Webhook: l.Webhook, Waiting: int64(l.Waiting), Dead: int64(l.Dead), To: to})
		}
	}
	return orphans
}

// identities lists the files of a configuration, the identities of all webhooks in them, and the identities of active
// webhooks.
func identities(cfg *config.Config) (files, known map[string]bool, current []string) {
	files, known = map[string]bool{}, map[string]bool{}
	for _, file := range cfg.Files {
		if abs, err := filepath.Abs(file); err == nil {
			files[abs] = true
		}
	}
	for _, w := range slices.Concat(cfg.All(), cfg.Webhooks) {
		known[w.Identity] = true
	}
	for _, w := range cfg.Active() {
		current = append(current, w.Identity)
	}
	for _, found := range cfg.Workflows.All() {
		if abs, err := filepath.Abs(found.File); err == nil && found.Err == nil {
			files[abs] = true
		}
		for _, w := range found.Own {
			if known[w.Identity] = true; w.Enabled {
				current = append(current, w.Identity)
			}
		}
	}
	return files, known, current
}

// isOrphaned reports whether a webhook that this configuration lacks is in no other one either: it is in this one's
// namespace, or its file is gone or belongs to this configuration.
func isOrphaned(identity string, files map[string]bool, namespace string) bool {
	file, _, isFile := strings.Cut(identity, "#")
	if isFile && file == namespace {
		return true
	}
	if !isFile || !filepath.IsAbs(file) {
		return false
	}
	_, err := os.Lstat(file)
	return files[file] || errors.Is(err, fs.ErrNotExist)
}

// successor returns the current webhook that an orphan probably is now: the only one with its name, or, in the
// orphan's file, the one with a similar name or the only new one.
func successor(orphan string, current []string, used map[string]bool) string {
	file, name, _ := strings.Cut(orphan, "#")
	var namesakes, neighbours, unused []string
	for _, identity := range current {
		if nameOf(identity) == name {
			namesakes = append(namesakes, identity)
		}
		if strings.HasPrefix(identity, file+"#") {
			neighbours = append(neighbours, nameOf(identity))
			if !used[identity] {
				unused = append(unused, identity)
			}
		}
	}
	switch near := spelling.Nearest(name, neighbours); {
	case len(namesakes) == 1:
		return namesakes[0]
	case near != "":
		return file + "#" + near
	case len(unused) == 1:
		return unused[0]
	}
	return ""
}
