package spill

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
)

const (
	// JournalSize limits what a process keeps while a database is away, in bytes. Beyond it events are refused.
	JournalSize = 64 << 20

	maxJournals = 256 // processes of one machine that have a journal at once
)

// journal is this process's spill file. While a database is away it keeps what memory holds, so that it survives the
// process. Deliveries are sent from memory, and the journal is told their outcomes. A killed process leaves its journal
// behind, and another process takes it up. A nil journal keeps nothing.
type journal struct {
	prefix string // of the files' paths
	opts   store.Options

	accepting sync.RWMutex // read-locked while something goes into the file and into memory

	mu   sync.Mutex
	file *sqlite.Store // nil until something has to be kept
	lock *os.File
	path string
	ill  error // why memory may hold what the file does not; nil if the file has it all
}

func newJournal(opts store.Options) *journal {
	if opts.SpillFolder == "" {
		return nil
	}
	name := fileName(opts.Name, opts.Namespace)
	return &journal{prefix: filepath.Join(opts.SpillFolder, name), opts: store.Options{Log: opts.Log, Now: opts.Now}}
}

// maxName is how much of a database's name its spill files have in theirs: with many hosts it would be too long for a file system.
const maxName = 100

// fileName returns the name of a database's spill files. Each namespace has its own.
func fileName(database, namespace string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-.", r) {
			return r
		}
		return '_'
	}, strings.TrimPrefix(strings.TrimPrefix(database, "postgres://"), "postgresql://"))
	sum := sha256.Sum256([]byte(database + "\x00" + namespace))
	return fmt.Sprintf("%s-%x", name[:min(len(name), maxName)], sum[:4])
}

func (j *journal) at(n int) string { return fmt.Sprintf("%s-%d.db", j.prefix, n) }

var errHeld = errors.New("another process uses the file")

// hold locks a journal's file. The lock ends when the returned file is closed, or with the process.
func hold(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path+".held", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			return nil, errors.Join(errHeld, f.Close())
		}
		mine, err := f.Stat()
		if err == nil {
			var there os.FileInfo
			if there, err = os.Stat(path + ".held"); err == nil && os.SameFile(mine, there) {
				return f, nil
			}
		}
		f.Close() // the last holder has just removed it
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
}

// open returns the process's own file. It makes a missing one.
func (j *journal) open(ctx context.Context) (*sqlite.Store, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		return j.file, nil
	}
	if err := os.MkdirAll(filepath.Dir(j.prefix), 0o700); err != nil {
		return nil, err
	}
	for n := 1; n <= maxJournals; n++ {
		path := j.at(n)
		if _, err := os.Stat(path); err == nil {
			continue // another process's, or one to be taken up
		}
		lock, err := hold(path)
		if errors.Is(err, errHeld) {
			continue
		}
		if err != nil {
			return nil, err
		}
		opts := j.opts
		opts.Path = path
		file, err := sqlite.Open(ctx, opts)
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		j.file, j.lock, j.path = file, lock, path
		return file, nil
	}
	return nil, fmt.Errorf("%d spill files are in use already", maxJournals)
}

// accept keeps new deliveries.
func (j *journal) accept(ctx context.Context, entries []*delivery.Entry) error {
	if j == nil {
		return nil
	}
	file, err := j.open(ctx)
	if err == nil {
		copies := make([]*delivery.Entry, len(entries))
		for i, entry := range entries {
			copies[i] = &delivery.Entry{Event: entry.Event, Wants: append([]delivery.Want(nil), entry.Wants...)}
			for w := range copies[i].Wants {
				copies[i].Wants[w].Take = 0
			}
		}
		err = file.Accept(ctx, copies)
	}
	return j.note(ctx, err)
}

// amend stores the new states of deliveries.
func (j *journal) amend(ctx context.Context, entries []*delivery.Entry) {
	if j == nil || len(entries) == 0 {
		return
	}
	file, err := j.open(ctx)
	if err == nil {
		err = file.Amend(ctx, entries)
	}
	_ = j.note(ctx, err) // the file keeps the old state, so the delivery may be sent again
}

// erase forgets deliveries that are stored elsewhere.
func (j *journal) erase(ctx context.Context, entries []*delivery.Entry) {
	if j == nil || len(entries) == 0 {
		return
	}
	j.mu.Lock()
	file := j.file
	j.mu.Unlock()
	if file != nil {
		_ = j.note(ctx, file.Erase(ctx, store.IDs(entries))) // what stays is moved again, and is known there
	}
}

// note logs the first failure.
func (j *journal) note(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ill == nil {
		j.opts.Log.Error("no spill file can be written, deliveries are in memory alone", "folder", filepath.Dir(j.prefix), "err", err)
	}
	j.ill = err
	return fmt.Errorf("the spill file cannot be written: %w", err)
}

// name returns the path of the file if it holds everything in memory; else "".
func (j *journal) name() string {
	if j == nil {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ill != nil {
		return ""
	}
	return j.path
}

// keepsAll reports whether the file holds everything in memory.
func (j *journal) keepsAll() bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ill == nil
}

// close closes the file, and removes it if it is empty.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := closeJournal(j.file, j.path)
	j.file = nil
	return errors.Join(err, j.lock.Close())
}

// closeJournal closes a journal's file, and removes it if it is empty. The caller holds its lock.
func closeJournal(file *sqlite.Store, path string) error {
	items, err := file.List(context.Background(), delivery.Filter{Limit: 1})
	if err = errors.Join(err, file.Close()); err != nil || len(items) > 0 {
		return err
	}
	var errs []error
	for _, suffix := range []string{"-wal", "-shm", ".lock", ".next", ".owners", "", ".held"} {
		errs = append(errs, os.RemoveAll(path+suffix))
	}
	return errors.Join(errs...)
}

// left lists files whose processes may be dead.
func (j *journal) left() []string {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var paths []string
	for n := 1; n <= maxJournals; n++ {
		if path := j.at(n); path != j.path {
			if _, err := os.Stat(path); err == nil {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// takeUp passes what a dead process left in a file to accept, a slice at a time, and removes what was accepted. It
// returns how many.
func (j *journal) takeUp(ctx context.Context, path string, accept func([]*delivery.Entry) error) (n int, err error) {
	lock, err := hold(path)
	if errors.Is(err, errHeld) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	opts := j.opts
	opts.Path = path
	file, err := sqlite.Open(ctx, opts)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeJournal(file, path)) }()
	err = store.HandOver(ctx, file, func(entries []*delivery.Entry) error {
		ids := store.IDs(entries)
		for _, entry := range entries {
			for i := range entry.Wants {
				entry.Wants[i].Past.Foreign = true
			}
		}
		if err := accept(entries); err != nil {
			return err
		}
		n += len(ids)
		return file.Erase(ctx, ids)
	})
	return n, err
}
