//go:build linux || darwin

package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	"golang.org/x/sys/unix"
)

// A queue is refused if others could replace its files, or if they are not what they seem, and nothing is changed.
func TestOpenRefuses(t *testing.T) {
	write := func(t *testing.T, path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir, path string)
		want    string
	}{
		{"a folder that others can write to", func(t *testing.T, dir, _ string) { must(t, os.Chmod(dir, 0o777)) }, "want mode 0700, got 0777"},
		{"a folder like that of temporary files", func(t *testing.T, dir, _ string) {
			must(t, os.Chmod(dir, 0o777|os.ModeSticky))
		}, "want mode 0700"},
		{"a lock that is a link", func(t *testing.T, dir, path string) {
			write(t, filepath.Join(dir, "target"), "", 0o644)
			must(t, os.Symlink("target", path+".lock"))
		}, "queue.db.lock is a symbolic link"},
		{"a lock that is a pipe", func(t *testing.T, _, path string) { must(t, unix.Mkfifo(path+".lock", 0o600)) }, "not a regular file"},
		{"a folder of owners that is a link", func(t *testing.T, dir, path string) {
			must(t, os.Symlink(dir, path+".owners"))
		}, "is not a folder"},
		{"a file that is a link", func(t *testing.T, dir, path string) {
			write(t, filepath.Join(dir, "target"), "", 0o644)
			must(t, os.Symlink("target", path))
		}, "queue.db is a symbolic link"},
		{"a file that is a pipe", func(t *testing.T, _, path string) { must(t, unix.Mkfifo(path, 0o600)) }, "not a regular file"},
		{"a file that is a folder", func(t *testing.T, _, path string) { must(t, os.Mkdir(path, 0o700)) }, "is a directory"},
		{"a file that is not a database", func(t *testing.T, _, path string) {
			write(t, path, strings.Repeat("notes that somebody keeps\n", 100), 0o644)
		}, "file is not a database (26); put a backup in its place and move its -wal away, or move both away"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			must(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, "queue.db")
			tt.prepare(t, dir, path)
			before, _ := os.Stat(path)
			beside, _ := os.ReadDir(dir)
			s, err := sqlite.Open(context.Background(), store.Options{Path: path})
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open: %v, want %q", err, tt.want)
			}
			if after, _ := os.Stat(path); before != nil && (after == nil || after.Mode() != before.Mode() || after.Size() != before.Size()) {
				t.Errorf("the file was changed from %v to %v", before, after)
			}
			if now, _ := os.ReadDir(dir); strings.HasPrefix(tt.name, "a file") && len(now) != len(beside) {
				t.Errorf("files were made beside it: %v", now)
			}
			target, err := os.Stat(filepath.Join(dir, "target"))
			if err == nil && target.Mode().Perm() != 0o644 {
				t.Errorf("the link's target has mode %v, want it unchanged", target.Mode())
			}
		})
	}
}

// Another program's database is refused, and a queue that others could read is made private.
func TestOpenKnowsItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	execSQL(t, path, `CREATE TABLE places(url TEXT)`)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"0", "1"} {
		execSQL(t, path, `PRAGMA user_version = `+version)
		_, err := sqlite.Open(context.Background(), store.Options{Path: path})
		if err == nil || !strings.Contains(err.Error(), "another program's") {
			t.Errorf("Open with version %s: %v, want it refused", version, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the other program's file has mode %v, %v, want it unchanged", info.Mode(), err)
	}
	path = filepath.Join(t.TempDir(), "queue.db")
	if err := open(t, store.Options{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, store.Options{Path: path})
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", file, info, err)
		}
	}
}
