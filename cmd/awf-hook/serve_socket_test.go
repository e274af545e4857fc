package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// serve answers on a socket in the file system that only its user can open, and replaces a socket that nobody listens on.
func TestServeOnASocket(t *testing.T) {
	receiver := newCounted()
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	dir, err := os.MkdirTemp("", "s") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	queue := filepath.Join(dir, "queue.db")
	for i, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		s := startServe(t, "-c", config, "--listen", "unix:"+path, "--queue", queue)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket: %v %v, want 0600", info, err)
		}
		if status := send(client, "http://any.host", envelopes(strconv.Itoa(i), 1)); status != http.StatusAccepted {
			t.Errorf("round %d: %d", i, status)
		}
		waitFor(t, "the event", func() bool { return receiver.count() == i+1 })
		for mode, want := range map[os.FileMode]int{0o666: http.StatusForbidden, 0o600: http.StatusOK} { // who can open it may change the queue
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			resp, err := client.Post("http://any.host/v1/webhooks/enable", "application/json", strings.NewReader(`{"webhook":"hook"}`))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != want {
				t.Errorf("a change through a socket of mode %#o: %d, want %d", mode, resp.StatusCode, want)
			}
		}
		client.CloseIdleConnections()
		s.end(t, sig)
	}
}

// A socket of systemd's that all users can open needs a token, as an address that other machines can reach does.
func TestServeRefusesASocketThatIsOpenToAll(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Chmod(filepath.Join(dir, "s"), 0o666); err != nil {
		t.Fatal(err)
	}
	socket, err := ln.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec awf-hook serve "$@"`, "sh",
		"-c", writeConfig(t, "webhooks: [{name: hook, url: 'http://127.0.0.1:1/'}]"), "--queue", filepath.Join(dir, "queue.db"))
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{socket}
	out, err := cmd.CombinedOutput()
	if code := exitCode(t, err); code != exitFailure || !strings.Contains(string(out), "other users can open this socket") {
		t.Errorf("exit code %d, said %s", code, out)
	}
}

// The page says where the queue and the address of a running serve are, whatever its configuration says.
func TestServeShowsWhatItsFlagsSay(t *testing.T) {
	folder := t.TempDir()
	config := writeConfig(t, "queue: {path: %q}\nserve: {listen: '127.0.0.2:2'}\nwebhooks: [{name: hook, url: 'http://127.0.0.1:1/'}]",
		filepath.Join(folder, "configured.db"))
	queue := filepath.Join(folder, "own.db")
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", queue)
	defer s.end(t, syscall.SIGTERM)
	text := getText(t, s.url+"/config")
	for _, want := range []string{queue + `</td><td class="dim">--queue<`, `127.0.0.1:0</td><td class="dim">--listen<`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "configured.db") || strings.Contains(text, "127.0.0.2:2") {
		t.Errorf("what does not hold is there:\n%s", text)
	}
}
