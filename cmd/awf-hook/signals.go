package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// A stage is the reaction to one SIGINT or SIGTERM: it calls say, if that is not nil, and calls end after a wait.
type stage struct {
	say   func()
	after time.Duration
	end   func()
}

// onSignals lets the nth SIGINT or SIGTERM start the nth stage; later ones repeat the last stage. It watches until the
// returned function is called. Every command that outlives a signal goes through here:
//
//	command   first signal                                        second signal
//	run       stop reading stdin, after the drain timeout         stop
//	follow    stop reading the files                              stop
//	serve     not ready; stop taking events after --lame-duck     stop
//	exec      the command's alone; once it has ended, stop        stop
//	others    stop                                                stop
//
// The others are demo, deliveries list --watch, deliveries send, emit, listen, queue move, top and webhooks test. The queue keeps what a
// stop leaves undelivered.
func onSignals(stages ...stage) (end func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		var timers []*time.Timer
		for n := 0; ; n++ {
			select {
			case <-signals:
				next := stages[min(n, len(stages)-1)]
				if next.say != nil {
					next.say()
				}
				timers = append(timers, time.AfterFunc(next.after, next.end))
			case <-ended:
				for _, timer := range timers {
					timer.Stop()
				}
				return
			}
		}
	})
	return func() {
		signal.Stop(signals)
		close(ended)
		watch.Wait()
	}
}
