package queue_test

import (
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine/internal/queue"
)

func TestMemory(t *testing.T) {
	testQueue(t, func(*testing.T) *queue.Queue { return queue.Open(queue.Options{Path: queue.Memory}) })
}

func TestFile(t *testing.T) {
	testQueue(t, openFile)
}

// openFile opens a queue in a new folder.
func openFile(t *testing.T) *queue.Queue {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "state", "queue.db"))
}

func reopen(t *testing.T, path string) *queue.Queue {
	t.Helper()
	q := queue.Open(queue.Options{Path: path})
	if err := q.Broken(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}
