package sqlite

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// On a full disk and on a read-only file system, a queue can be listed, and each change says why it cannot be made.
func TestUnwritableFilesAreRead(t *testing.T) {
	mount := func(t *testing.T, args ...string) {
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			t.Skipf("a tmpfs cannot be mounted: %s", out)
		}
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
		wrong []string // that Check finds
	}{
		{"full, and a killed process has left leases", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "queue.db.owners", "123"), nil, 0o600))
			f, err := os.Create(filepath.Join(dir, "filling"))
			must(t, err)
			for err == nil {
				_, err = f.Write(make([]byte, 4096))
			}
			must(t, f.Close())
		}, "database or disk is full", nil},
		{"read-only", func(t *testing.T, dir string) { mount(t, "-o", "remount,ro", dir) }, "read-only file system", nil},
		{"read-only, the file alone", func(t *testing.T, dir string) {
			c, err := connect(filepath.Join(dir, "queue.db"))
			must(t, err)
			must(t, c.script(`PRAGMA wal_checkpoint(TRUNCATE)`))
			must(t, c.close())
			for _, beside := range []string{"-wal", "-shm", ".lock", ".next"} {
				must(t, os.Remove(filepath.Join(dir, "queue.db"+beside)))
			}
			mount(t, "-o", "remount,ro", dir)
		}, "read-only file system", []string{noLog}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			mount(t, "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", dir)
			defer func() {
				if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
					t.Errorf("umount: %s", out)
				}
			}()
			opts := store.Options{Path: filepath.Join(dir, "queue.db")}
			s, err := Open(t.Context(), opts)
			must(t, err)
			must(t, s.Accept(t.Context(), entries("e")))
			must(t, s.conn.script(`UPDATE deliveries SET owner = 123, due_at = due_at + 60000`))
			must(t, s.Close())
			tt.spoil(t, dir)

			if _, err := Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("opened to write: %v, want %q", err, tt.want)
			}
			opts.ForPeople = true
			s, err = Open(t.Context(), opts)
			must(t, err)
			defer func() { must(t, s.Close()) }()
			items, err := s.List(t.Context(), delivery.Filter{Text: "e"})
			if err != nil || len(items) != 1 {
				t.Errorf("listed %+v, %v, want the delivery", items, err)
			}
			lanes, err := s.Lanes(t.Context())
			left, leftErr := s.Left(t.Context())
			if err != nil || leftErr != nil || len(lanes) != 1 || len(left) != 1 {
				t.Errorf("lanes %+v, %v, left %+v, %v, want one", lanes, err, left, leftErr)
			}
			if wrong, err := s.Check(t.Context()); err != nil || !slices.Equal(wrong, tt.wrong) {
				t.Errorf("check: %q, %v, want %q", wrong, err, tt.wrong)
			}
			if _, err := s.Delete(t.Context(), delivery.Filter{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("deleted: %v, want %q", err, tt.want)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An error of opening a file ends with the system's reason.
func TestErrorsOfOpeningSayTheSystemsReason(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for path, want := range map[string]string{
		"missing":     "unable to open database file (14): no such file or directory",
		"file/queue":  "unable to open database file (14): not a directory",
		"no/such/one": "unable to open database file (14): no such file or directory",
	} {
		c, err := connect(filepath.Join(dir, path))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if err == nil {
			must(t, c.close())
		}
	}
}
