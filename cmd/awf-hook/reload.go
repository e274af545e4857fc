package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/engine"
	"golang.org/x/sys/unix"
)

// watchPeriod is how often serve checks files for changes. It loads a change when two checks agree, so that it never
// loads a file that is being written.
const watchPeriod = 600 * time.Millisecond

// retryTicks is after how many checks serve loads a configuration with mistakes again: what was missing may be a file that no earlier
// configuration names.
const retryTicks = 3

// watch reloads the configuration when it changes and on SIGHUP, until ctx ends.
func (d *daemon) watch(ctx context.Context, eng *engine.Engine) {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	before := d.taken
	for ticks := 1; ; ticks++ {
		forced := false
		select {
		case <-d.hangups:
			forced = true
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := look(d.watched())
		changed := forced || !maps.Equal(now, d.taken) && maps.Equal(now, before)
		if changed || d.mistakes != "" && ticks%retryTicks == 0 {
			d.reload(eng, changed)
			d.taken = look(d.watched()) // for the current configuration
			maps.Copy(d.taken, now)     // later changes are loaded next time
		}
		before = now
		d.lookAtDefinitions(eng)
	}
}

// reload loads the configuration, or says what is wrong with it. If nothing changed, it does not say the same again.
func (d *daemon) reload(eng *engine.Engine, changed bool) {
	err := d.takeUp(eng)
	if mistakes := errorText(err); mistakes != d.mistakes || changed {
		d.mistakes, d.definitions = mistakes, errorText(eng.Mistakes())
		server.NotifyReloading()
		d.say(eng, err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// lookAtDefinitions says what is wrong with workflows' definitions, if that has changed.
func (d *daemon) lookAtDefinitions(eng *engine.Engine) {
	err := eng.Mistakes()
	if text := errorText(err); text != d.definitions {
		if d.definitions = text; d.mistakes != "" {
			err = errors.Join(errors.New(d.mistakes), err)
		}
		d.say(eng, err)
	}
}

// say tells everybody how the last reload ended.
func (d *daemon) say(eng *engine.Engine, err error) {
	log := d.command.logger()
	d.server.Load().Reloaded(err)
	if err != nil {
		eng.ReloadFailed(err)
	}
	d.metrics.Loaded(metered(eng), d.sources(), err)
	if err != nil {
		d.command.say(err)
		log.Error("the configuration was not loaded: what was loaded before still applies")
		server.NotifyStatus("the configuration was not loaded, what was loaded before still applies: " + firstLine(err.Error()))
	} else {
		log.Info("the configuration was loaded")
		server.NotifyStatus("the configuration was loaded at " + time.Now().Format(time.RFC3339))
	}
	server.Notify(server.IsReady)
}

func (d *daemon) takeUp(eng *engine.Engine) error {
	cfg, err := d.search().Load()
	if err != nil {
		return err
	}
	if (cfg.Serve.Certificate() == nil) != (d.certificate == nil) {
		return errors.New("serve.tls was added or removed: restart awf-hook to apply that")
	}
	if open := len(cfg.Serve.Tokens)+len(cfg.Serve.Secrets) == 0; open && !d.insecure && d.isPublic() {
		return errors.New("serve no longer has tokens or a secret, and others can reach its address")
	}
	if err := eng.Reload(cfg); err != nil {
		return err
	}
	if d.listen == "" && d.config.Serve.Listen != cfg.Serve.Listen { // the engine warns of such keys of the queue
		d.command.logger().Warn("serve.listen has changed: restart awf-hook to use it")
	}
	d.config = cfg
	d.readAccess(cfg)
	d.server.Load().SetAccess(d.access)
	return nil
}

func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		line += "; and more"
	}
	return line
}

// watched lists the files of the configuration. Definitions are checked when their workflows run.
func (d *daemon) watched() []string { return append(d.search().Places(), d.config.Named...) }

// look returns a text for each file that changes with the file's content and permissions. It follows links.
func look(files []string) map[string]string {
	seen := map[string]string{}
	for _, file := range files {
		var st unix.Stat_t
		if err := unix.Stat(file, &st); err != nil {
			seen[file] = err.Error()
			continue
		}
		seen[file] = fmt.Sprint(st.Size, st.Mtim, st.Ctim, st.Ino) // Ctim also changes if a tool sets the old Mtim again
	}
	return seen
}
