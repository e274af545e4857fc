package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Bouncer is a PgBouncer before a server, in transaction mode with a few connections.
type Bouncer struct {
	port int
	cmd  *exec.Cmd
}

// ErrNoBouncer says that PgBouncer is not installed.
var ErrNoBouncer = errors.New("no PgBouncer: install Debian's package pgbouncer")

// Bouncer starts a pooler.
func (s *Server) Bouncer() (*Bouncer, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !isThere(program) {
			return nil, ErrNoBouncer
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Bouncer{port: l.Addr().(*net.TCPAddr).Port}
	if err := l.Close(); err != nil {
		return nil, err
	}
	file := filepath.Join(s.folder, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=awf
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
`, s.Port, b.port)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	b.cmd = exec.Command(program, "-q", file)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	var talk strings.Builder
	b.cmd.Stderr = &talk
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
		if err == nil {
			return b, conn.Close()
		}
		if time.Since(begun) > 10*time.Second {
			b.Close()
			return nil, fmt.Errorf("PgBouncer does not start: %s", talk.String())
		}
	}
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// URL is the URL behind the pooler of one of the server's databases.
func (b *Bouncer) URL(database string) string {
	return fmt.Sprintf("postgres://awf@127.0.0.1:%d/%s?sslmode=disable", b.port, database)
}

// Close ends the pooler.
func (b *Bouncer) Close() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}
