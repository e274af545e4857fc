package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Nothing is accepted into a file that is no longer at its path, and nothing is reported to be in it.
func TestFileThatIsTakenAway(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"deleted":         os.Remove,
		"its log deleted": func(path string) error { return os.Remove(path + "-wal") },
		"its log replaced": func(path string) error {
			return errors.Join(os.Rename(path+"-wal", path+".aside"), os.WriteFile(path+"-wal", nil, 0o600))
		},
		"the index of its log": func(path string) error { return os.Remove(path + "-shm") },
		"moved":                func(path string) error { return os.Rename(path, path+".aside") },
		"replaced": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("something else"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "queue.db")
			s, err := Open(t.Context(), store.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := errors.Join(s.Accept(t.Context(), entries("before")), take(path)); err != nil {
				t.Fatal(err)
			}
			if err := s.Accept(t.Context(), entries("after")); !errors.Is(err, errMoved) {
				t.Errorf("Accept = %v, want %v", err, errMoved)
			}
			if _, err := s.Left(t.Context()); !errors.Is(err, errMoved) {
				t.Errorf("Left: %v, want %v", err, errMoved)
			}
		})
	}
}
