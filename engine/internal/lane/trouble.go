package lane

import (
	"log/slog"
	"sync"
)

// Trouble logs what goes wrong again and again: once when it begins, once when its reason changes, once when it is over.
type Trouble struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]string // reasons by what goes wrong; one for each text in the program and webhook
}

// NewTrouble makes a Trouble that has nothing to say.
func NewTrouble(log *slog.Logger) *Trouble { return &Trouble{log: log, said: map[string]string{}} }

// Say notes how it stands with what may go wrong: err is nil if it went well.
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
