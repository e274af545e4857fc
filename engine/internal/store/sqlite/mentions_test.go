package sqlite

import (
	"path/filepath"
	"testing"
)

func TestMentions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	if err := createFile(path); err != nil {
		t.Fatal(err)
	}
	c, err := connect(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, tt := range []struct {
		part    string
		columns []any
		want    bool
	}{
		{"none", []any{"", nil}, false},
		{"none", []any{"503", "say NoNe"}, true},
		{"NoNe", []any{"nonone", "x"}, true},
		{"none", []any{"nononon", "non"}, false},
		{"run-7", []any{"RUN-6 RUN-77", ""}, true},
		{"é%_", []any{"caf\u00e9%_", ""}, true},
		{"É", []any{"é", "%"}, false}, // as with LIKE, only ASCII letters have a case
		{"%", []any{"a", "_"}, false},
		{"7", []any{"msg_", int64(177)}, true},
		{"a\x00b", []any{"xA\x00B", ""}, true},
	} {
		got, err := c.number(`SELECT mentions(?, ?, ?)`, tt.part, tt.columns[0], tt.columns[1])
		if err != nil || got != 1 == tt.want {
			t.Errorf("%q in %q: %d, %v, want %v", tt.part, tt.columns, got, err, tt.want)
		}
	}
}
