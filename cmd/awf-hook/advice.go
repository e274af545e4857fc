package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/legible"
)

// commandOn returns a shell's command line that runs a command of awf-hook, from any folder, with the configuration that has a file's
// webhooks. It does not name a checkout's file with -c, which would read the file as the user's own, without trust.
func commandOn(search config.Search, file, command, flags string) string {
	at := search.At(file)
	if !isCheckouts(search, file) {
		return "awf-hook " + command + flagOfConfig(file) + flags
	}
	folder, err := filepath.Abs(at.Dir)
	if err != nil {
		folder = at.Dir
	}
	return fmt.Sprintf("(cd %s && awf-hook %s%s)", quoted(folder), command, flags)
}

// isCheckouts reports whether a file is the settings or a definition of a project, or a definition anywhere else.
func isCheckouts(search config.Search, file string) bool {
	return search.At(file).Origin(file) != config.UserFile
}

// flagOfConfig returns the flag that names a configuration; "" if none was named.
func flagOfConfig(file string) string {
	if file == "" {
		return ""
	}
	return " -c " + quoted(file)
}

// flagOfQueue returns the flag that names a queue, from any folder. The URL of a database may hold a password.
func flagOfQueue(queue string) string {
	if config.IsDatabase(queue) {
		return " --queue URL"
	}
	if abs, err := filepath.Abs(queue); err == nil {
		queue = abs
	}
	return " --queue " + quoted(queue)
}

// sender says which command delivers for a webhook of this queue. here are the webhooks of the configuration.
func (d *doctor) sender(identity string, cfg *config.Config, here map[string]*config.Webhook, queue string) string {
	file, _ := config.SplitIdentity(identity)
	if here[identity] == nil && !isNamespace(file) {
		return d.otherSender(file, cfg, queue)
	}
	flags := flagOfConfig(d.file)
	if d.queue != "" {
		flags += flagOfQueue(d.queue)
	}
	return "awf-hook deliveries send" + flags + " delivers them"
}

// isNamespace reports whether what a webhook's identity begins with is a database's namespace, and neither a file nor a server of --to.
func isNamespace(place string) bool { return !filepath.IsAbs(place) && config.ServerOf(place) == "" }

// otherSender says which command delivers for the webhooks of a file that the configuration cfg lacks.
func (f *configFlags) otherSender(file string, cfg *config.Config, queue string) string {
	off := cfg.Project.Off()
	switch server := config.ServerOf(file); {
	case server != "":
		return fmt.Sprintf("awf-hook run --to URL%s < /dev/null delivers them, with the URL of %s", flagOfQueue(queue), plain(server))
	case off != "" && f.file == "" && isCheckouts(f.search(), file) && strings.HasPrefix(file, cfg.Project.Folder+string(filepath.Separator)):
		return off
	}
	return commandOn(f.search(), file, "deliveries send", flagOfQueue(queue)) + " delivers them"
}

// sayOrphans says how many deliveries wait for webhooks that are gone or off, and names the command that moves them.
func sayOrphans(say func(format string, args ...any), search config.Search, orphans []engine.Orphan, queue string) {
	for _, o := range orphans[:min(len(orphans), maxWhy)] {
		what := fmt.Sprintf("%d waiting", o.Waiting)
		if o.Dead > 0 {
			what += " and " + letters(o.Dead)
		}
		say("%s for %s, which %s: %s", what, plain(o.Webhook), o.Why, mover(search, o, queue))
	}
	if more := len(orphans) - maxWhy; more > 0 {
		say("%d more webhooks have deliveries that nobody delivers: awf-hook webhooks list", more)
	}
}

// mover returns the command that moves an orphan's deliveries.
func mover(search config.Search, o engine.Orphan, queue string) string {
	const command = "deliveries move"
	file, name := config.SplitIdentity(o.To)
	to := " --from " + quoted(o.Webhook) + " --to "
	switch {
	case config.IsDatabase(queue): // its webhooks are in no file, and its URL may hold a password
		if o.To == "" {
			name = "NEW"
		}
		return "awf-hook " + command + flagOfConfig(search.File) + to + quoted(name)
	case o.To == "":
		return "awf-hook " + command + flagOfQueue(queue) + to + "NEW"
	case config.ServerOf(file) != "": // of the settings
		return "awf-hook " + command + flagOfConfig(search.File) + flagOfQueue(queue) + to + quoted(o.To)
	case isCheckouts(search, file):
		name = o.To // settings may have a webhook of the same name
	}
	return commandOn(search, file, command, flagOfQueue(queue)+to+quoted(name))
}

// quoted quotes a word for a shell's command line.
func quoted(word string) string { return legible.Word(plain(word)) }

// homeOf returns an expression for the beginning of a word that is a path in the home directory, nil if there is no such directory. Within
// quotes no shell would expand its abbreviation.
func homeOf(folder string) *regexp.Regexp {
	if folder = filepath.Clean(folder); !filepath.IsAbs(folder) || folder == "/" {
		return nil
	}
	return regexp.MustCompile(`(^|\s)` + regexp.QuoteMeta(folder) + "/")
}
