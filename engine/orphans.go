package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// Orphan is a webhook that has deliveries in the queue and that no configuration has or uses any more: somebody renamed, moved
// or removed it or its file, or switched it off. Nobody delivers them until [Deliveries.Move] gives them to another webhook, or
// until the webhook is back.
type Orphan struct {
	Webhook string `json:"webhook"` // its identity, FILE#NAME
	Waiting int64  `json:"waiting"`
	Dead    int64  `json:"dead,omitempty"`
	To      string `json:"to,omitempty"` // its probable identity now; "" if the names do not tell
	Why     string `json:"why"`          // why nobody delivers, in words that follow "the webhook"
}

// Why nobody delivers for a webhook.
const (
	isGone       = "is in no configuration any more"
	isElsewhere  = "is not in this configuration" // but perhaps in one on another machine that shares the database
	isOff        = "is switched off (enabled: false)"
	isOverridden = "is overridden by a webhook of its name"
	isHandedOver = "is not used while server.url sends all events to a server"
	isOldServer  = "is not the server of server.url"
)

// isMissing reports whether the reason is that the configuration does not have the webhook, and not that it does not use it.
func isMissing(why string) bool { return why == isGone || why == isElsewhere }

// Orphans finds the orphans among the lanes of a queue. A file that exists and is not part of this configuration
// belongs to another configuration, so its webhooks are not orphans.
func Orphans(lanes []LaneStatus, cfg *config.Config) (orphans []Orphan) {
	orphaned, used := Orphaned(cfg), map[string]bool{}
	for i := range lanes {
		l := &lanes[i]
		if used[l.Webhook] = true; l.Waiting+l.Dead == 0 {
			continue
		}
		if why := orphaned(l.Webhook); why != "" && (l.Waiting > 0 || isMissing(why)) {
			orphans = append(orphans, Orphan{Webhook: l.Webhook, Why: why, Waiting: int64(l.Waiting), Dead: int64(l.Dead)})
		}
	}
	if orphans == nil {
		return nil // saves reading all definitions
	}
	current := cfg.ActiveAnywhere()
	for i := range orphans {
		orphans[i].To = successor(&orphans[i], current, used)
	}
	return orphans
}

// Orphaned returns a function that says why nobody delivers for a webhook, given by its identity, in words that follow
// "the webhook". It returns "" for a webhook that is not an orphan. A configuration for --to says nothing about other webhooks.
func Orphaned(cfg *config.Config) func(identity string) (why string) {
	if cfg.OnlyServer {
		return func(string) string { return "" }
	}
	active := map[string]bool{}
	for _, w := range cfg.Active() {
		active[w.Identity] = true
	}
	all := sync.OnceValues(func() (files, enabled map[string]bool) { return members(cfg) }) // reads all definitions
	return func(identity string) string {
		if active[identity] {
			return ""
		}
		files, enabled := all()
		isEnabled, known := enabled[identity]
		switch {
		case !known:
			return whyUnknown(identity, files, cfg)
		case !isEnabled:
			return isOff
		case !slices.ContainsFunc(cfg.All(), func(w config.Webhook) bool { return w.Identity == identity }):
			return ""
		case cfg.Server.URL != "":
			return isHandedOver
		}
		return isOverridden
	}
}

// members lists the files of a configuration with its definitions, and the identities of all webhooks in them: whether each is enabled.
func members(cfg *config.Config) (files, enabled map[string]bool) {
	paths, webhooks := slices.Clone(cfg.Files), slices.Concat(cfg.All(), cfg.Webhooks)
	for _, found := range cfg.Workflows.All() {
		if found.Err == nil {
			paths, webhooks = append(paths, found.File), append(webhooks, found.Own...)
		}
	}
	files, enabled = map[string]bool{}, map[string]bool{}
	for _, path := range paths {
		if abs, err := filepath.Abs(path); err == nil {
			files[abs] = true
		}
	}
	for i := range webhooks {
		enabled[webhooks[i].Identity] = webhooks[i].Enabled
	}
	return files, enabled
}

// whyUnknown says why nobody delivers for a webhook that a configuration with these files lacks; "" if another configuration may have it.
func whyUnknown(identity string, files map[string]bool, cfg *config.Config) string {
	file, _ := config.SplitIdentity(identity)
	isServer := config.ServerOf(file) != ""
	switch {
	case file == cfg.Queue.Space():
		return isElsewhere
	case isServer && cfg.Server.URL != "":
		return isOldServer
	case isServer || !filepath.IsAbs(file): // the next --to may name the server again
		return ""
	}
	if _, err := os.Lstat(file); files[file] || errors.Is(err, fs.ErrNotExist) {
		return isGone
	}
	return ""
}

// successor returns the current webhook that an orphan probably is now: the only one with its name, or, if the orphan is gone from its
// file, the one there with a similar name or the only new one.
func successor(orphan *Orphan, current []config.Webhook, used map[string]bool) string {
	file, name := config.SplitIdentity(orphan.Webhook)
	var namesakes, neighbours, unused []string
	for _, w := range current {
		if w.Name == name {
			namesakes = append(namesakes, w.Identity)
		}
		if strings.HasPrefix(w.Identity, file+"#") && isMissing(orphan.Why) {
			neighbours = append(neighbours, w.Name)
			if !used[w.Identity] {
				unused = append(unused, w.Identity)
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
