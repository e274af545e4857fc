package engine

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A key is in its file from the moment that the file is there, and processes that make one at the same time have the same.
func TestKeysAppearWhole(t *testing.T) {
	for range 40 {
		folder := t.TempDir()
		path := filepath.Join(folder, "seal.key")
		var makers sync.WaitGroup
		keys := make([][]byte, 2)
		for i := range keys {
			makers.Go(func() {
				key, err := makeKey(path)
				if err != nil {
					t.Error(err)
				}
				keys[i] = key
			})
		}
		for {
			key, err := readKey(path)
			if err == nil {
				makers.Wait()
				if string(key) != string(keys[0]) || string(key) != string(keys[1]) {
					t.Errorf("the file has %x, its makers %x", key, keys)
				}
				break
			}
			if !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("half a key: %v", err)
			}
		}
		if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	}
}
