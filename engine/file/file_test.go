package file_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/file"
)

// tree makes one of everything that can be at a path.
func tree(t *testing.T) (top, project string) {
	t.Helper()
	top, err := os.MkdirTemp("", "f") // short, for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	project = filepath.Join(top, "project")
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(project, 0o755))
	must(os.WriteFile(filepath.Join(project, "good"), []byte("text"), 0o644))
	must(os.WriteFile(filepath.Join(top, "outside"), []byte("theirs"), 0o644))
	must(os.Mkdir(filepath.Join(project, "folder"), 0o755))
	must(syscall.Mkfifo(filepath.Join(project, "fifo"), 0o644))
	listener, err := net.Listen("unix", filepath.Join(project, "socket"))
	must(err)
	t.Cleanup(func() { listener.Close() })
	proc := "/dev/zero"
	if runtime.GOOS == "linux" {
		proc = "/proc/self/status" // readable; /proc/kmsg also claims to be a regular file, but blocks
	}
	for name, target := range map[string]string{
		"link": "good", "out": "../outside", "absolute": filepath.Join(top, "outside"), "loop": "loop", "zero": "/dev/zero",
		"stdin": "/dev/stdin", "proc": proc,
	} {
		must(os.Symlink(target, filepath.Join(project, name)))
	}
	return top, project
}

func TestRead(t *testing.T) {
	_, project := tree(t)
	for _, test := range []struct {
		name         string
		open, inside error // of file.Read and file.In.Read; nil for none
	}{
		{"good", nil, nil},
		{"link", nil, nil},
		{"out", nil, file.ErrOutside},
		{"absolute", nil, file.ErrOutside},
		{"../outside", nil, file.ErrOutside},
		{"missing", fs.ErrNotExist, fs.ErrNotExist},
		{"folder", syscall.EISDIR, syscall.EISDIR},
		{"fifo", file.ErrNotRegular, file.ErrNotRegular},
		{"proc", file.ErrNotRegular, file.ErrOutside},
		{"socket", file.ErrNotRegular, file.ErrNotRegular},
		{"zero", file.ErrNotRegular, file.ErrOutside},
		{"stdin", nil, file.ErrOutside},
		{"loop", syscall.ELOOP, syscall.ELOOP},
	} {
		path, began := filepath.Join(project, test.name), time.Now()
		if test.name == "../outside" {
			path = project + "/../outside"
		}
		if test.name != "stdin" { // a test's stdin depends on who runs it
			if _, err := file.Read(path, 100); !errors.Is(err, test.open) {
				t.Errorf("%s: %v, want %v", test.name, err, test.open)
			}
		}
		_, err := file.In(project).Read(path, 100)
		if !errors.Is(err, test.inside) && !(test.name == "loop" && err != nil) {
			t.Errorf("%s inside: %v, want %v", test.name, err, test.inside)
		}
		if err != nil && strings.Contains(err.Error(), project) {
			t.Errorf("%s: %v repeats the path", test.name, err)
		}
		if took := time.Since(began); took > 20*time.Second { // a busy machine may take seconds
			t.Errorf("%s took %v", test.name, took)
		}
	}
}

// A folder that does not exist is an error at once.
func TestInWhatIsNoFolder(t *testing.T) {
	_, project := tree(t)
	for _, name := range []string{"fifo", "good", "socket", "zero", "missing"} {
		read := make(chan error, 1)
		go func() {
			_, err := file.In(filepath.Join(project, name)).Read(filepath.Join(project, name, "file"), 100)
			read <- err
		}()
		select {
		case err := <-read:
			if err == nil || strings.Contains(err.Error(), project) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s is waited for", name)
		}
	}
}

func TestReadIsBounded(t *testing.T) {
	_, project := tree(t)
	large := filepath.Join(project, "large")
	if err := os.Truncate(large, 0); err == nil {
		t.Fatal("there already")
	}
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(10<<30), f.Close()); err != nil {
		t.Skip("no file of 10 GiB here: ", err)
	}
	if _, err := file.Read(large, 4<<20); err == nil || err.Error() != "over 4 MiB" {
		t.Errorf("%v", err)
	}
	if text, err := file.Read(filepath.Join(project, "good"), 4); err != nil || string(text) != "text" {
		t.Errorf("%q, %v: exactly the limit is not over it", text, err)
	}
}

func TestWrite(t *testing.T) {
	top, project := tree(t)
	for name, want := range map[string]error{"out": file.ErrLink, "link": file.ErrLink, "fifo": file.ErrNotRegular, "new": nil, "good": nil} {
		if err := file.Write(filepath.Join(project, name), []byte("mine"), 0o600); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if text, _ := os.ReadFile(filepath.Join(top, "outside")); string(text) != "theirs" {
		t.Errorf("a link was written through: %q", text)
	}
	if text, _ := os.ReadFile(filepath.Join(project, "good")); string(text) != "mine" {
		t.Errorf("%q", text)
	}
}
