// Package pgtest starts real PostgreSQL servers for tests, from Debian's package postgresql.
package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrMissing says that no server is installed.
var ErrMissing = errors.New("no PostgreSQL server: install Debian's package postgresql")

// Server is a server on a port of loopback with a folder of its own.
type Server struct {
	Port   int
	folder string
	bin    string
	cred   *syscall.Credential // the user that runs it, since PostgreSQL refuses root
	cmd    *exec.Cmd
	log    serverLog
}

// Program is the path of one of PostgreSQL's programs; "" if it is not installed.
func Program(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is good
	if len(found) > 0 {
		return slices.Max(found)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// Start makes a database cluster with further settings and starts its server.
func Start(settings ...string) (*Server, error) {
	s := &Server{bin: filepath.Dir(Program("initdb"))}
	if s.bin == "." {
		return nil, ErrMissing
	}
	var err error
	if s.folder, err = os.MkdirTemp(parent(slices.Contains(settings, "fsync=off")), "awf-hook-pg"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if err := s.become("postgres"); err != nil {
			return nil, errors.Join(err, s.remove())
		}
	}
	if err := s.run("initdb", "-D", s.data(), "-N", "-A", "trust", "-U", "awf", "-E", "UTF8", "--locale=C"); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	settings = append([]string{
		"listen_addresses='127.0.0.1'", "unix_socket_directories=''", "log_lock_waits=on", "deadlock_timeout=200ms", "max_connections=200",
	}, settings...)
	if err := s.Configure(settings...); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	if err := s.Run(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// parent is the folder for a server's. A server that need not survive the machine is faster in memory, where there is a GiB of it.
func parent(mayBeLost bool) string {
	const memory = "/dev/shm"
	var room syscall.Statfs_t
	if mayBeLost && syscall.Statfs(memory, &room) == nil && room.Bavail*uint64(room.Bsize) >= 1<<30 {
		return memory
	}
	return os.TempDir()
}

// become makes a user own the folder and run the server.
func (s *Server) become(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return errors.Join(uidErr, gidErr, os.Chown(s.folder, int(uid), int(gid)))
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// command makes a command of the server's user.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir, cmd.Env = s.folder, append(os.Environ(), "HOME="+s.folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	return cmd
}

func (s *Server) run(program string, args ...string) error {
	out, err := s.command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// Configure adds settings, which the next Run takes.
func (s *Server) Configure(settings ...string) error {
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("\n" + strings.Join(settings, "\n") + "\n")
	return errors.Join(err, file.Close())
}

// Run starts the server, on the port that it had before, and waits until it takes connections.
func (s *Server) Run() error {
	if s.Port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.Port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	s.cmd = s.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.Port))
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for begun := time.Now(); ; {
		if s.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port)).Run() == nil {
			return nil
		}
		if time.Since(begun) > 20*time.Second {
			s.Kill()
			return fmt.Errorf("the server does not start:\n%s", s.log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Kill kills the server with SIGQUIT, which ends it and its backends at once and leaves recovery to the next Run.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Signal sends the server's first process a signal.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Own gives a file or a folder to the user that runs the server.
func (s *Server) Own(path string) error {
	if s.cred == nil {
		return nil
	}
	return os.Chown(path, int(s.cred.Uid), int(s.cred.Gid))
}

// serverLog keeps what the server logs while a test reads it.
type serverLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *serverLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Log is what the server logged.
func (s *Server) Log() string { return s.log.String() }

// Close kills the server and removes its folder.
func (s *Server) Close() error {
	s.Kill()
	return s.remove()
}

func (s *Server) remove() error { return os.RemoveAll(s.folder) }

// Create makes a database and returns its URL.
func (s *Server) Create(database string) (url string, err error) {
	url = fmt.Sprintf("postgres://awf@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
	return url, s.run("createdb", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "awf", database)
}

// Standby makes a server that follows this one, which from then on commits only what the standby has too.
func (s *Server) Standby() (*Server, error) {
	standby := &Server{bin: s.bin, cred: s.cred}
	var err error
	if standby.folder, err = os.MkdirTemp("", "awf-hook-pg"); err != nil {
		return nil, err
	}
	if s.cred != nil {
		err = os.Chown(standby.folder, int(s.cred.Uid), int(s.cred.Gid))
	}
	if err == nil {
		err = standby.run("pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "awf", "-D", standby.data(), "-R", "-X", "stream", "-c", "fast")
	}
	if err == nil {
		err = standby.Run()
	}
	if err == nil {
		err = s.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
	}
	if err == nil {
		err = s.sql("SELECT pg_reload_conf()")
	}
	for begun := time.Now(); err == nil && !s.isSynchronous(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			err = errors.New("the standby does not become synchronous")
		}
	}
	if err != nil {
		return nil, errors.Join(err, standby.Close())
	}
	return standby, nil
}

func (s *Server) sql(query string) error {
	return s.run("psql", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "awf", "-d", "postgres", "-c", query)
}

func (s *Server) isSynchronous() bool {
	return s.sql("DO $$ BEGIN ASSERT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'); END $$") == nil
}

// Promote makes a standby a server of its own, which commits alone.
func (s *Server) Promote() error {
	if err := s.sql("ALTER SYSTEM RESET synchronous_standby_names"); err != nil {
		return err
	}
	return errors.Join(s.sql("SELECT pg_reload_conf()"), s.sql("SELECT pg_promote()"))
}

// CPU is the time on processors that the server's living processes took, and those that ended.
func (s *Server) CPU() (sum time.Duration) {
	const tick = 10 * time.Millisecond // of the kernel's clock for processes
	first := s.cmd.Process.Pid
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good; elsewhere than on Linux there are none
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(after) // from the state, the third, on
		if len(fields) < 15 {
			continue
		}
		isFirst := filepath.Base(filepath.Dir(path)) == strconv.Itoa(first)
		if !isFirst && fields[1] != strconv.Itoa(first) {
			continue
		}
		counted := fields[11:13]
		if isFirst {
			counted = fields[11:15] // with its children that have ended
		}
		for _, field := range counted {
			n, _ := strconv.Atoi(field) // the kernel writes numbers
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

// Write writes a file into the server's data folder, such as pg_hba.conf or a certificate, which the next Run takes.
func (s *Server) Write(name string, text []byte) error {
	path := filepath.Join(s.data(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	return s.Own(path)
}
