package server

import (
	"context"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Notify tells systemd a state, if systemd wants to know.
func Notify(state string) { _, _ = daemon.SdNotify(false, state) }

// States for Notify.
const (
	IsReady    = daemon.SdNotifyReady
	IsStopping = daemon.SdNotifyStopping
)

// NotifyReloading says that a reload begins. IsReady ends it.
func NotifyReloading() { Notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec()) }

// NotifyStatus sets the line that systemctl status shows.
func NotifyStatus(text string) { Notify("STATUS=" + strings.ReplaceAll(text, "\n", "; ")) }

// Watchdog tells systemd that the process works, as long as it does. turned returns when it last did. Watchdog returns
// when ctx ends, or at once if systemd has no watchdog for us.
func Watchdog(ctx context.Context, turned func() time.Time) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		return
	}
	tick := time.NewTicker(interval / 3)
	defer tick.Stop()
	for {
		if time.Since(turned()) < interval {
			Notify(daemon.SdNotifyWatchdog)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
