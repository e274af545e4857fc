package lane

import (
	"log/slog"
	"sync"
)

// Trouble logs a recurring problem once when it begins, once when its reason changes, and once when it is over.
type Trouble struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]string // reasons by problem; the texts are fixed, one for each webhook
}

// NewTrouble makes a Trouble without problems.
func NewTrouble(log *slog.Logger) *Trouble { return &Trouble{log: log, said: map[string]string{}} }

// Say notes the state of a possible problem: err is nil if all is well.
func (t *Trouble) Say(what string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.said[what]
	switch {
	case err == nil && before != "":
		delete(t.said, what)
		t.log.Info("over: " + what)
	case err != nil && err.Error() != before:
		t.said[what] = err.Error()
		t.log.Error(what, "err", err)
	}
}
