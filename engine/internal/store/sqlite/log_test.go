package sqlite

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
			return errors.Join(backup(t, path), os.Rename(path+".backup", path))
		}, "is the log of a file that was here before", false},
		"a backup takes the place of both": {func(path string) error {
			return errors.Join(backup(t, path), os.Remove(path+"-wal"), os.Rename(path+".backup", path))
		}, "", false},
		"the log is damaged": {func(path string) error {
			return os.WriteFile(path+"-wal", bytes.Repeat([]byte("damaged "), 9000), 0o600)
		}, "is damaged", false},
		"the log begins with nothing": {func(path string) error { return os.WriteFile(path+"-wal", make([]byte, 8000), 0o600) }, "is damaged",
			false},
		"a bit of the log's header is damaged": {func(path string) error { return flip(path+"-wal", 17) }, "is damaged", false},
		"the log is removed":                   {func(path string) error { return os.Remove(path + "-wal") }, "", true},
		"the log of a young queue is removed": {func(path string) error {
			return errors.Join(young(t, path), os.Remove(path+"-wal"))
		}, "", true},
		"the file gets a second name": {func(path string) error { return os.Link(path, path+".second") }, "has other names (hard links)", false},
		"both are removed":            {func(path string) error { return errors.Join(os.Remove(path), os.Remove(path+"-wal")) }, "", false},
		"the file is removed, and the log was empty": {func(path string) error {
			return errors.Join(os.Remove(path), os.Truncate(path+"-wal", 0))
		}, "", false},
		"the file alone is elsewhere": {func(path string) error {
			err := young(t, path)
			for _, end := range []string{"-wal", "-shm", ".lock", ".next", ".owners"} {
				err = errors.Join(err, os.RemoveAll(path+end))
			}
			return err
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
				wrong, err := s.Check(t.Context())
				if must(t, err); strings.Contains(strings.Join(wrong, ""), "no log beside it") != tt.warns {
					t.Errorf("Check finds %q", wrong)
				}
				must(t, s.Close())
			} else if now, _ := os.ReadFile(path + "-wal"); !bytes.Equal(now, spoiled) || len(before) == 0 {
				t.Errorf("the log has %d bytes instead of %d", len(now), len(spoiled))
			}
		})
	}
}

// backup makes a backup of the queue at a path beside it.
func backup(t *testing.T, path string) error {
	s, err := Open(t.Context(), store.Options{Path: path})
	if err != nil {
		return err
	}
	return errors.Join(s.Backup(t.Context(), path+".backup"), s.Close())
}

// young puts a queue in a path's place whose file has one page: all else is in its log.
func young(t *testing.T, path string) error {
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s, err := Open(t.Context(), store.Options{Path: path})
	if err != nil {
		return err
	}
	return errors.Join(s.Accept(t.Context(), entries("young")), s.Close())
}

// flip changes a bit of a file.
func flip(path string, at int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[at] ^= 1
	return os.WriteFile(path, data, 0o600)
}

// A queue opens wherever a kill or a power cut stopped the process that made it. Then it has no deliveries yet, or they are in the log.
func TestUnfinishedQueuesOpen(t *testing.T) {
	made := filepath.Join(t.TempDir(), "queue.db")
	s, err := Open(t.Context(), store.Options{Path: made})
	must(t, err)
	must(t, s.Close())
	file, err := os.ReadFile(made) // one page, which says that the file has a log
	must(t, err)
	log, err := os.ReadFile(made + "-wal")
	must(t, err)
	rollback := bytes.Clone(file)
	rollback[18], rollback[19] = withoutLog, withoutLog
	zeros := make([]byte, len(file))
	journal := make([]byte, 512) // SQLite rolls back to a file of no pages
	copy(journal, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7\x00\x00\x00\x00\x12\x34\x56\x78\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x10\x00")
	for name, files := range map[string]map[string][]byte{
		"an empty file":                        {"": {}},
		"an empty page and its journal":        {"": zeros, "-journal": journal},
		"a part of a page and its journal":     {"": zeros[:1000], "-journal": journal},
		"a page and its journal":               {"": rollback, "-journal": journal},
		"a page":                               {"": rollback},
		"a page that has a log, and a journal": {"": file, "-journal": journal},
		"a page that has a log":                {"": file},
		"an empty log":                         {"": file, "-wal": {}},
		"a part of the log's header":           {"": file, "-wal": log[:20]},
		"an empty header of a log":             {"": file, "-wal": zeros[:logHeader]},
		"the log's header":                     {"": file, "-wal": log[:logHeader]},
		"a part of a log":                      {"": file, "-wal": log[:logHeader+1000]},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "queue.db")
			must(t, os.WriteFile(path+".lock", nil, 0o600)) // an older awf-hook makes .owners last
			for end, data := range files {
				must(t, os.WriteFile(path+end, data, 0o600))
			}
			s, err := Open(t.Context(), store.Options{Path: path})
			must(t, err)
			must(t, s.Accept(t.Context(), entries("new")))
			wrong, err := s.Check(t.Context())
			if must(t, err); len(wrong) > 1 || len(wrong) == 1 && wrong[0] != noLog {
				t.Error(wrong)
			}
			must(t, s.Close())
		})
	}
}

// A process that closes the file may empty the log between another one's two looks at it.
func TestLogIsEmptiedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	must(t, young(t, path))
	log, err := os.ReadFile(path + "-wal")
	must(t, err)
	ended := make(chan error, 1)
	go func() {
		var err error
		for range 1000 {
			err = errors.Join(err, os.Truncate(path+"-wal", 0), os.WriteFile(path+"-wal", log[:logHeader+8], 0o600))
		}
		ended <- err
	}()
	s := &Store{opts: store.Options{Path: path}.WithDefaults()}
	for looks := 0; ; looks++ {
		if err := s.checkLog(); err != nil {
			t.Fatalf("after %d looks: %v", looks, err)
		}
		select {
		case err := <-ended:
			must(t, err)
			return
		default:
		}
	}
}
