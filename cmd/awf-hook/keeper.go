package main

import (
	"os"
	"sync"
	"syscall"
)

// keeper is the lock by which one serve of those that share a queue keeps house in it.
type keeper struct {
	path string // "" where nobody else can keep house

	mu   sync.Mutex
	file *os.File // nil while another one holds it
}

// holds reports whether this process keeps house. It takes the lock if nobody has it: its holder's death frees it.
func (k *keeper) holds() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file != nil || k.path == "" {
		return true
	}
	f, err := os.OpenFile(k.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return true // one too many harms nothing, none does
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return false
	}
	k.file = f
	return true
}

func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file != nil {
		k.file.Close()
	}
}
