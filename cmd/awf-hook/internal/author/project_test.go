package author

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A module is stale when any source is newer, in whatever folder.
func TestStaleModules(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [folder]")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	touch := func(name string, at time.Time) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	touch("main.go", now)
	language, err := LanguageOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file string
		at   time.Time
		want bool
	}{
		{"helper.go", now, true}, // there is no module yet
		{Module, now.Add(time.Second), false},
		{"README.md", now.Add(time.Hour), false},
		{"helper.go", now.Add(time.Minute), true},
		{Module, now.Add(time.Hour), false},
	} {
		if touch(tt.file, tt.at); language.IsStale(dir) != tt.want {
			t.Errorf("after %s of %v: stale is %t, want %t", tt.file, tt.at.Sub(now), !tt.want, tt.want)
		}
	}
}
