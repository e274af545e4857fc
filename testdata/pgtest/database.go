package pgtest

import (
	"errors"
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
