package config_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// A configuration that comes with a checkout reads only modules inside its project, whatever its paths and links are. The user's own
// configuration reads any module. Neither waits for a pipe or a device.
func TestModulesOfACheckoutStayInside(t *testing.T) {
	dir := t.TempDir()
	project := filepath.Join(dir, "project")
	for _, folder := range []string{"project/.awf/workflows", "project/modules", "project-too"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"project/modules/m.wasm", "project-too/m.wasm"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("module"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"inside": "m.wasm", "outside": "../../project-too/m.wasm",
		"absolute": filepath.Join(dir, "project-too/m.wasm"), "folder": "../../project-too"} {
		if err := os.Symlink(to, filepath.Join(project, "modules", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(project, "modules/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(project)
	const outside = "leads outside the project: a configuration that may come with a checkout reaches only its own modules"
	for _, tt := range []struct{ path, want string }{
		{"../modules/m.wasm", ""},
		{filepath.Join(project, "modules/m.wasm"), ""},
		{"../modules/inside", ""},
		{"../modules/outside", outside},
		{"../modules/absolute", outside},
		{"../modules/folder/m.wasm", outside},
		{"../../project-too/m.wasm", outside},
		{filepath.Join(dir, "project-too/m.wasm"), outside},
		{"../modules/../../project-too/m.wasm", outside},
		{"../modules/missing", "no such file or directory"},
		{"../modules", "not a regular file"},
		{"../modules/pipe", "not a regular file"},
		{"/dev/zero", outside},
	} {
		text := []byte("webhooks: [{url: 'https://a.example/', transform: {wasm: '" + tt.path + "'}}]")
		if err := os.WriteFile(".awf/settings.yaml", text, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Search{Env: config.NoEnv}.LoadFile(".awf/settings.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cfg.Webhooks[0].Transform[0].Wasm.Read(anySize); err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
			t.Errorf("a checkout's module %s: %v, want %q", tt.path, err, tt.want)
		}
		own, err := config.Parse(filepath.Join(project, ".awf/settings.yaml"), text, config.NoEnv)
		if err != nil {
			t.Fatal(err)
		}
		want := tt.want
		switch {
		case tt.path == "/dev/zero":
			want = "not a regular file"
		case want == outside:
			want = ""
		}
		if _, err := own.Webhooks[0].Transform[0].Wasm.Read(anySize); err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("the user's own module %s: %v, want %q", tt.path, err, want)
		}
	}
}

// anySize accepts a module of any size.
func anySize(int64) error { return nil }
