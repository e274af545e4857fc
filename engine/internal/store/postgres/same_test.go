package postgres_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
)

// A database is recognized under another URL and another namespace, and no other queue is taken for it.
func TestSameQueue(t *testing.T) {
	url, other := database(t), database(t)
	sign := "?"
	if strings.Contains(url, "?") {
		sign = "&"
	}
	one := open(t, store.Options{Path: url, Namespace: "a"})
	file, err := sqlite.Open(t.Context(), store.Options{Path: t.TempDir() + "/queue.db"})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, tt := range map[string]struct {
		queue store.Durable
		want  bool
	}{
		"itself":             {one, true},
		"the same URL":       {open(t, store.Options{Path: url, Namespace: "a"}), true},
		"another URL":        {open(t, store.Options{Path: url + sign + "application_name=x", Namespace: "b"}), true},
		"another database":   {open(t, store.Options{Path: other, Namespace: "a"}), false},
		"the second of them": {open(t, store.Options{Path: other, Namespace: "a"}), false},
		"a file":             {file, false},
	} {
		if is, err := one.Is(t.Context(), tt.queue); is != tt.want || err != nil {
			t.Errorf("%s: %v, %v, want %v", name, is, err, tt.want)
		}
	}
	if is, err := file.Is(t.Context(), one); is || err != nil {
		t.Errorf("a file is the database: %v, %v", is, err)
	}
}
