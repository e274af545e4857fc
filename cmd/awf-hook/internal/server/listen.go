package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listen opens the listener of an address: "127.0.0.1:8470", or "unix:PATH". If systemd passed listeners, it returns
// those instead.
func Listen(addr string) ([]net.Listener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("sockets of systemd: %w", err)
	}
	var list []net.Listener
	for _, ln := range passed {
		if ln == nil {
			return nil, errors.New("sockets of systemd: want stream sockets only")
		}
		list = append(list, ln)
	}
	if len(list) > 0 {
		return list, nil
	}
	path, isUnix := strings.CutPrefix(addr, "unix:")
	if !isUnix {
		ln, err := net.Listen("tcp", addr)
		return []net.Listener{ln}, err
	}
	if path == "" || path[0] == '@' { // a name without a file, which anybody may use
		return nil, errors.New("unix: want the path of a file")
	}
	if most := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > most {
		return nil, fmt.Errorf("unix: want a path of up to %d bytes, got %d", most, len(path))
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	before := syscall.Umask(0o177) // makes the socket private from the start
	ln, err := net.Listen("unix", path)
	syscall.Umask(before)
	return []net.Listener{ln}, err
}

// removeStale removes a socket without a listener.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s: not a socket", path)
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("%s: another process listens on it", path)
	}
	return os.Remove(path)
}

// IsPrivate reports whether only this machine can reach a listener. If it is a socket, only this process's user can: systemd's are
// open to all by default, and may belong to another user.
func IsPrivate(ln net.Listener) bool {
	switch addr := ln.Addr().(type) {
	case *net.UnixAddr:
		return isOwnSocket(addr)
	case *net.TCPAddr:
		ip, _ := netip.AddrFromSlice(addr.IP)
		return ip.Unmap().IsLoopback()
	}
	return false
}

// isOwnSocket reports whether only this process's user can open a socket. Nobody needs to keep root out.
func isOwnSocket(addr *net.UnixAddr) bool {
	info, err := os.Lstat(addr.Name)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		return false
	}
	stat, isKnown := info.Sys().(*syscall.Stat_t)
	return isKnown && (int(stat.Uid) == os.Geteuid() || stat.Uid == 0)
}

// Certificate is a certificate with its key. It can be replaced while it is in use.
type Certificate struct {
	current atomic.Pointer[tls.Certificate]
}

// Set replaces it. Open connections keep the old one.
func (c *Certificate) Set(pair tls.Certificate) { c.current.Store(&pair) }

// TLS returns the configuration of a listener.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
