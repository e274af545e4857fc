package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// goFiles calls look with each Go file of this module, except nested modules and test data.
func goFiles(t *testing.T, look func(path string, source []byte)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			nested := path != root && exists(filepath.Join(path, "go.mod"))
			if nested || entry.Name() == "testdata" || entry.Name() == "node_modules" || entry.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		source, err := os.ReadFile(path)
		look(path, source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
