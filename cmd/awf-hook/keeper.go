package main

import (
	"os"
	"sync"
	"syscall"
)

// keeper is a lock. Among processes that share a queue, its holder does the housekeeping.
type keeper struct {
	path string // "" if no other process shares the queue

	mu   sync.Mutex
	file *os.File // nil while another process holds it
}

// holds reports whether this process does the housekeeping. It takes a free lock. The lock ends with its holder.
func (k *keeper) holds() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file != nil || k.path == "" {
		return true
	}
	f, err := os.OpenFile(k.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return true // two keepers do no harm, none does
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
