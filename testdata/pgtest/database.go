package pgtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// New starts a server for a test, which ends with it, and makes a database. The test is skipped where no server is installed.
func New(t testing.TB, settings ...string) (server *Server, url string) {
	t.Helper()
	server, err := Start(settings...)
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if url, err = server.Create("queue"); err != nil {
		t.Fatal(err)
	}
	return server, url
}

// Shared is a server that the tests of a package share. It starts with the first one that makes a database.
type Shared struct {
	mu        sync.Mutex
	server    *Server
	databases int
}

// New makes a database for a test. The test is skipped where no server is installed.
func (s *Shared) New(t testing.TB) (url string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.server == nil {
		s.server, err = Start("fsync=off") // nothing kills this server
	}
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err == nil {
		s.databases++
		url, err = s.server.Create(fmt.Sprint("queue", s.databases))
	}
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// Close ends the server, if there is one.
func (s *Shared) Close() {
	if s.server != nil {
		_ = s.server.Close()
	}
}
