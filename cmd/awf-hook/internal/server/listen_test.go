package server_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
)

// Clients of a private socket need no token, so only this process's user may open it.
func TestASocketIsPrivateToItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for mode, want := range map[os.FileMode]bool{0o600: true, 0o700: true, 0o660: false, 0o602: false, 0o666: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got := server.IsPrivate(ln); got != want {
			t.Errorf("mode %v: private %t, want %t", mode, got, want)
		}
	}
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, 0); err != nil {
		t.Fatal(err)
	}
	if server.IsPrivate(ln) {
		t.Error("another user's socket counts as private")
	}
}
