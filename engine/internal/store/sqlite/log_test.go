package sqlite

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A process that ends leaves changes in the log. If somebody parts the log from its file, damages it, or puts another file beside it, no
// delivery is lost without a word, and none of the log's changes gets into the other file.
func TestLogAndFileBelongTogether(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(path string) error
		want  string // in the error; "" if the queue opens
		warns bool
	}{
		"as they were left":   {func(string) error { return nil }, "", false},
		"the file is emptied": {func(path string) error { return os.Truncate(path, 0) }, "the file is empty or gone", false},
		"the file is emptied, and the log was empty": {func(path string) error {
			return errors.Join(os.Truncate(path, 0), os.Truncate(path+"-wal", 0))
		}, "the file is empty or gone", false},
		"the file is removed": {os.Remove, "the file is empty or gone", false},
		"the file is moved away": {func(path string) error { return os.Rename(path, path+".aside") }, "the file is empty or gone",
			false},
		"a backup takes the file's place": {func(path string) error {
			s, err := Open(t.Context(), store.Options{Path: path})
			if err != nil {
				return err
			}
			return errors.Join(s.Backup(t.Context(), path+".backup"), s.Close(), os.Rename(path+".backup", path))
		}, "is the log of a file that was here before", false},
		"a backup takes the place of both": {func(path string) error {
			s, err := Open(t.Context(), store.Options{Path: path})
			if err != nil {
				return err
			}
			return errors.Join(s.Backup(t.Context(), path+".backup"), s.Close(), os.Remove(path+"-wal"), os.Rename(path+".backup", path))
		}, "", false},
		"the log is damaged": {func(path string) error {
			return os.WriteFile(path+"-wal", bytes.Repeat([]byte("damaged "), 9000), 0o600)
		}, "is damaged", false},
		"the log begins with nothing": {func(path string) error { return os.WriteFile(path+"-wal", make([]byte, 8000), 0o600) }, "is damaged",
			false},
		"the log is removed":          {func(path string) error { return os.Remove(path + "-wal") }, "", true},
		"the file gets a second name": {func(path string) error { return os.Link(path, path+".second") }, "has other names (hard links)", false},
		"both are removed":            {func(path string) error { return errors.Join(os.Remove(path), os.Remove(path+"-wal")) }, "", false},
		"the file is removed, and the log was empty": {func(path string) error {
			return errors.Join(os.Remove(path), os.Truncate(path+"-wal", 0))
		}, "", false},
		"the file alone is elsewhere": {func(path string) error {
			small := filepath.Join(filepath.Dir(path), "small.db")
			s, err := Open(t.Context(), store.Options{Path: small})
			if err != nil {
				return err
			}
			err = errors.Join(s.Accept(t.Context(), entries("small")), s.Close())
			for _, end := range []string{"-wal", "-shm", ".lock", ".next", ".owners"} {
				err = errors.Join(err, os.RemoveAll(path+end))
			}
			return errors.Join(err, os.Rename(small, path))
		}, "the file was moved or copied without its log", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "queue.db")
			s, err := Open(t.Context(), store.Options{Path: path})
			must(t, err)
			must(t, s.Accept(t.Context(), entries("in the file")))
			must(t, s.conn.script(`PRAGMA wal_checkpoint(TRUNCATE)`))
			must(t, s.Accept(t.Context(), entries("in the log")))
			must(t, s.Close())
			before, err := os.ReadFile(path + "-wal")
			must(t, err)
			must(t, tt.spoil(path))
			spoiled, _ := os.ReadFile(path + "-wal")

			var said bytes.Buffer
			for range 2 { // it stays so
				said.Reset()
				s, err = Open(t.Context(), store.Options{Path: path, Log: slog.New(slog.NewTextHandler(&said, nil))})
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("Open = %v, want %q", err, tt.want)
				}
				if err == nil {
					break
				}
			}
			if strings.Contains(said.String(), "no log beside it") != tt.warns {
				t.Errorf("it says %q", &said)
			}
			if err == nil {
				must(t, s.Close())
			} else if now, _ := os.ReadFile(path + "-wal"); !bytes.Equal(now, spoiled) || len(before) == 0 {
				t.Errorf("the log has %d bytes instead of %d", len(now), len(spoiled))
			}
		})
	}
}

// entries returns an entry of an event with an id.
func entries(id string) []*delivery.Entry {
	return []*delivery.Entry{{
		Event: &event.Event{ID: id, Type: "workflow_end", Timestamp: time.Now()}, Wants: []delivery.Want{{Webhook: "a#one"}},
	}}
}
