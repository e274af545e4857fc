package trust_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config/trust"
	"github.com/google/go-cmp/cmp"
)

var slack = trust.Claim{File: ".awf/settings.yaml", Webhook: "team", Host: "https://hooks.slack.com", Variables: []string{"SLACK"}}

func TestRecordIsKeptAndRevoked(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	store := trust.In(folder)
	if r, err := store.Get("/project"); r != nil || err != nil {
		t.Fatalf("%v, %v before anything was said", r, err)
	}
	for _, project := range []string{"/b", "/project", "/a"} {
		if err := store.Trust(project, []trust.Claim{slack}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := store.Get("/project")
	if err != nil || r == nil || r.Digest != trust.Digest([]trust.Claim{slack}) || !cmp.Equal(r.Claims, []trust.Claim{slack}) {
		t.Fatalf("%+v, %v", r, err)
	}
	info, err := os.Stat(filepath.Join(folder, "trust.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if revoked, err := store.Revoke("/project"); !revoked || err != nil {
		t.Errorf("%v, %v", revoked, err)
	}
	if revoked, err := store.Revoke("/project"); revoked || err != nil {
		t.Errorf("revoked twice: %v, %v", revoked, err)
	}
	records, err := store.List()
	if err != nil || len(records) != 2 || records[0].Folder != "/a" || records[1].Folder != "/b" {
		t.Errorf("%v, %v", records, err)
	}
}

// A record that somebody else could have written is refused, and neither read nor replaced.
func TestRecordsOfOthersAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(folder, file string) error
		want  string
	}{
		"open file":     {func(_, file string) error { return os.Chmod(file, 0o620) }, "want mode 0600"},
		"of a checkout": {func(_, file string) error { return os.Chmod(file, 0o644) }, "want mode 0600"},
		"open folder":   {func(folder, _ string) error { return os.Chmod(folder, 0o777) }, "want mode 0700"},
		"linked file":   {func(_, file string) error { return link(file) }, "a symbolic link"},
		"linked folder": {func(folder, _ string) error { return link(folder) }, "a symbolic link"},
		"no JSON":       {func(_, file string) error { return os.WriteFile(file, []byte("x"), 0o600) }, "not a record of trust"},
		"a folder":      {func(_, file string) error { _ = os.Remove(file); return os.Mkdir(file, 0o700) }, "not a regular file"},
		"another digest": {func(_, file string) error {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(file, []byte(strings.Replace(string(text), "hooks.slack.com", "evil.example", 1)), 0o600)
		}, "does not fit its claims"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "state")
			store := trust.In(folder)
			if err := store.Trust("/project", []trust.Claim{slack}); err != nil {
				t.Fatal(err)
			}
			if err := test.spoil(folder, filepath.Join(folder, "trust.json")); err != nil {
				t.Fatal(err)
			}
			if r, err := store.Get("/project"); r != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Get = %v, %v, want %s", r, err, test.want)
			}
			if err := store.Trust("/other", nil); err == nil {
				t.Error("it was replaced")
			}
		})
	}
}

// link moves what is at a path away and puts a link there.
func link(path string) error {
	if err := os.Rename(path, path+"-moved"); err != nil {
		return err
	}
	return os.Symlink(path+"-moved", path)
}

func TestJudge(t *testing.T) {
	record := &trust.Record{Claims: []trust.Claim{slack}}
	change := func(change func(*trust.Claim)) []trust.Claim {
		c := slack
		change(&c)
		return []trust.Claim{c}
	}
	for name, test := range map[string]struct {
		claims []trust.Claim
		want   trust.State
	}{
		"the same":              {[]trust.Claim{slack}, trust.Trusted},
		"twice":                 {[]trust.Claim{slack, slack}, trust.Trusted},
		"less":                  {nil, trust.Trusted},
		"another file and name": {change(func(c *trust.Claim) { c.File, c.Webhook = "other.yaml", "renamed" }), trust.Trusted},
		"another host":          {change(func(c *trust.Claim) { c.Host = "https://evil.example" }), trust.Changed},
		"another address":       {change(func(c *trust.Claim) { c.Address = "sha256:00" }), trust.Changed},
		"another variable":      {change(func(c *trust.Claim) { c.Variables = []string{"AWS", "SLACK"} }), trust.Changed},
		"a variable less":       {change(func(c *trust.Claim) { c.Variables = nil }), trust.Changed},
		"an override":           {change(func(c *trust.Claim) { c.Overrides = "oncall" }), trust.Changed},
		"switched off":          {change(func(c *trust.Claim) { c.Overrides, c.Off = "oncall", true }), trust.Changed},
		"a module":              {change(func(c *trust.Claim) { c.Modules = []string{"a.wasm sha256:00"} }), trust.Changed},
		"a variable elsewhere":  {[]trust.Claim{slack, {Host: "https://evil.example", Variables: []string{"SLACK"}}}, trust.Changed},
	} {
		if got := record.Judge(test.claims); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if got := (*trust.Record)(nil).Judge(nil); got != trust.Untrusted {
		t.Errorf("without a record: %s", got)
	}
}

// A host that only looks like a known one is seen to be another.
func TestHostsOfOtherLettersAreSeen(t *testing.T) {
	c := trust.Claim{Host: "https://h\u043eoks.slack.com"}
	if got, want := c.String(), "sends to https://h\u043eoks.slack.com, which is https://h"+`\u043e`+"oks.slack.com"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
