package main

import (
	"archive/tar"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// released returns the folder of a release that make release built.
func released(t *testing.T) string {
	t.Helper()
	dist := os.Getenv("RELEASE")
	if dist == "" {
		t.Skip("make release runs it")
	}
	return abs(t, root+dist)
}

// output runs a command and returns what it printed.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", cmd.Args, err, out)
	}
	return string(out)
}

// A release has an archive for each platform with the program, its manual and its completions, a bill of materials for
// each, Debian packages, and checksums of all of them.
func TestReleaseIsWhole(t *testing.T) {
	dist := released(t)
	platforms := strings.Split(strings.ReplaceAll(os.Getenv("PLATFORMS"), "/", "_"), ",")
	packages := strings.Count(os.Getenv("PLATFORMS"), "linux/")
	sums := exec.Command("sha256sum", "-c", "checksums.txt")
	sums.Dir = dist
	if got := strings.Count(output(t, sums), ": OK\n"); got != 2*len(platforms)+packages || packages == 0 {
		t.Errorf("%d files have checksums, want an archive and a list of parts for each of %q, and a package for Linux", got, platforms)
	}
	for _, platform := range platforms {
		archive := one(t, dist+"/*_"+platform+".tar.gz")
		names := unpack(t, archive, t.TempDir())
		for _, want := range []string{"awf-hook", "LICENSE", "README.md", "CHANGELOG.md", "man/man1/awf-hook.1.gz",
			"man/man1/awf-hook-deliveries-list.1.gz",
			"completions/awf-hook.bash", "completions/_awf-hook", "completions/awf-hook.fish"} {
			if !slices.Contains(names, strings.TrimSuffix(filepath.Base(archive), ".tar.gz")+"/"+want) {
				t.Errorf("%s has no %s: %q", filepath.Base(archive), want, names)
			}
		}
		var parts struct {
			BOMFormat  string
			Components []struct{ Name, Version, PURL string }
		}
		text, err := os.ReadFile(one(t, dist+"/*_"+platform+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &parts); err != nil || parts.BOMFormat != "CycloneDX" || len(parts.Components) < 10 {
			t.Errorf("%s: %v, %+v", platform, err, parts)
		}
	}
}

// one returns the only file of a pattern.
func one(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %q, %v; want one file", pattern, files, err)
	}
	return files[0]
}

// unpack unpacks an archive into a folder and returns the names in it.
func unpack(t *testing.T, archive, folder string) (names []string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(zip); ; {
		header, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
	output(t, exec.Command("tar", "-xzf", archive, "-C", folder))
	return names
}

// The installer, which the action and the devcontainer feature run, installs a program that knows its version. It refuses
// a damaged archive.
func TestReleaseIsInstalled(t *testing.T) {
	dist, prefix := released(t), t.TempDir()
	downloads := t.TempDir()
	if err := os.MkdirAll(downloads+"/latest", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(downloads+"/latest/download", os.DirFS(dist)); err != nil {
		t.Fatal(err)
	}
	install := func() *exec.Cmd {
		cmd := exec.Command("sh", abs(t, root+"examples/deploy/devcontainer/install.sh"))
		cmd.Env = append(os.Environ(), "PREFIX="+prefix, "DOWNLOADS=file://"+downloads)
		return cmd
	}
	version := output(t, install())
	if !strings.HasPrefix(version, "awf-hook v") {
		t.Errorf("the installed program says %q", version)
	}
	for _, want := range []string{"bin/awf-hook", "share/man/man1/awf-hook-run.1.gz", "share/bash-completion/completions/awf-hook"} {
		if _, err := os.Stat(prefix + "/" + want); err != nil {
			t.Error(err)
		}
	}
	archive := one(t, downloads+"/latest/download/*_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz")
	if err := os.WriteFile(archive, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := install().CombinedOutput(); err == nil || !strings.Contains(string(out), "is damaged") {
		t.Errorf("a damaged archive: %v, %s", err, out)
	}
}

// dpkg installs the package. Its units start the installed program.
func TestReleaseIsADebianPackage(t *testing.T) {
	dist, folder := released(t), t.TempDir()
	deb := one(t, dist+"/*_"+runtime.GOARCH+".deb")
	output(t, exec.Command("dpkg-deb", "-x", deb, folder))
	control := output(t, exec.Command("dpkg-deb", "-f", deb, "Package", "Version", "Architecture"))
	version := strings.TrimPrefix(strings.Fields(output(t, exec.Command(folder+"/usr/bin/awf-hook", "version")))[1], "v")
	want := "Package: awf-hook\nVersion: " + strings.ReplaceAll(version, "-", "~") + "\nArchitecture: " + runtime.GOARCH + "\n"
	if control != want {
		t.Errorf("the package says %q, want %q", control, want)
	}
	for _, unit := range []string{"awf-hook.service", "awf-hook-send.service"} {
		text, err := os.ReadFile(folder + "/usr/lib/systemd/system/" + unit)
		if err != nil || !strings.Contains(string(text), "\nExecStart=/usr/bin/awf-hook ") {
			t.Errorf("%s: %v: %s", unit, err, text)
		}
	}
}

// The image contains only the program, and delivers.
func TestReleaseIsAnImage(t *testing.T) {
	dist := released(t)
	buildah := []string{"--storage-driver", "vfs", "--root", t.TempDir(), "--runroot", t.TempDir()}
	run := func(args ...string) string { return output(t, exec.Command("buildah", append(buildah, args...)...)) }
	run("bud", "--isolation", "chroot", "--build-arg", "TARGETARCH="+runtime.GOARCH, "-t", "awf-hook", dist+"/image")
	run("from", "--name", "container", "awf-hook")
	if got := run("run", "--isolation", "chroot", "container", "/awf-hook", "demo"); !strings.Contains(got, "0 to retry, 0 dead") {
		t.Errorf("demo says %s", got)
	}
	queue := run("run", "--isolation", "chroot", "container", "/awf-hook", "emit", "--event", "workflow_end", "--workflow", "deploy",
		"--no-project")
	if strings.Contains(queue, "lost") || strings.Contains(queue, "denied") {
		t.Errorf("emit says %s", queue)
	}
}

// "go install …@VERSION" makes a program that knows its version without linker flags.
func TestReleaseByGoInstall(t *testing.T) {
	released(t)
	const version = "v1.2.3"
	proxy, home := t.TempDir(), t.TempDir()
	folder := proxy + "/github.com/awf-project/awf-hook/@v"
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	archive := exec.Command("git", "archive", "--format=zip", "--prefix=github.com/awf-project/awf-hook@"+version+"/", "-o",
		folder+"/"+version+".zip", "HEAD",
		":(exclude)testdata/oracles") // a module of its own
	archive.Dir = root
	output(t, archive)
	gomod, err := os.ReadFile(root + "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{version + ".mod": string(gomod), version + ".info": `{"Version":"` + version + `"}`,
		"list": version + "\n"} {
		if err := os.WriteFile(folder+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	modules := strings.TrimSpace(output(t, exec.Command("go", "env", "GOMODCACHE")))
	upstream := strings.TrimSpace(output(t, exec.Command("go", "env", "GOPROXY")))
	install := exec.Command("go", "install", "github.com/awf-project/awf-hook/cmd/awf-hook@latest") // as in README
	install.Dir = home
	install.Env = append(os.Environ(), "GOBIN="+home, "GOPROXY=file://"+proxy+",file://"+modules+"/cache/download,"+upstream,
		"GONOSUMDB=github.com/awf-project/*", "GOFLAGS=-trimpath", "GOMODCACHE="+t.TempDir(), "CGO_ENABLED=0")
	install.Env = append(install.Env, "GOFLAGS=-trimpath -modcacherw")
	output(t, install)
	if got := output(t, exec.Command(home+"/awf-hook", "version")); !strings.HasPrefix(got, "awf-hook "+version+" (") {
		t.Errorf("it says %q", got)
	}
	if info, err := buildinfo.ReadFile(home + "/awf-hook"); err != nil || info.Main.Version != version {
		t.Errorf("%v, %+v", err, info)
	}
}

// A program that was built from a checkout says which commit it is, and whether that had changes; at a tag it is that version. Without
// Git it is "devel", which is not a version.
func TestReleaseVersions(t *testing.T) {
	released(t)
	checkout, program := t.TempDir()+"/checkout", t.TempDir()+"/awf-hook"
	output(t, exec.Command("git", "clone", "-q", "--no-tags", abs(t, root), checkout))
	in := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = checkout
		cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
		return strings.TrimSpace(output(t, cmd))
	}
	commit := in("git", "rev-parse", "HEAD")
	for _, tt := range []struct {
		before   func()
		flag     string
		want     string // a pattern of the version
		commit   string
		modified bool
	}{
		{func() {}, "-buildvcs=true", `v0\.0\.0-\d{14}-` + commit[:12], commit, false},
		{func() { in("sh", "-c", "echo >>README.md") }, "-buildvcs=true", `v0\.0\.0-\d{14}-` + commit[:12] + `\+dirty`, commit, true},
		{func() { in("git", "checkout", "-q", "."); in("git", "tag", "v1.2.3") }, "-buildvcs=true", `v1\.2\.3`, commit, false},
		{func() {}, "-buildvcs=false", "devel", "", false},
	} {
		tt.before()
		in("go", "build", tt.flag, "-o", program, "./cmd/awf-hook")
		var got versionJSON
		if err := json.Unmarshal([]byte(in(program, "version", "--json")), &got); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile("^"+tt.want+"$").MatchString(got.Version) || got.Commit != tt.commit || got.Modified != tt.modified {
			t.Errorf("%s: %+v, want %s of %s, modified: %v", tt.flag, got, tt.want, tt.commit, tt.modified)
		}
		if text := in(program, "version"); !strings.HasPrefix(text, "awf-hook "+got.Version+" (go1.") {
			t.Errorf("%q, want %s", text, got.Version)
		}
	}
}

// The steps of the action deliver the events of the command's workflows before they end, with the command's exit code.
func TestReleaseAsAnAction(t *testing.T) {
	dist := released(t)
	text, err := os.ReadFile(root + "examples/deploy/action/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]struct{ Default string }
		Runs   struct {
			Using string
			Steps []struct {
				Run string
				Env map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &action); err != nil || action.Runs.Using != "composite" || len(action.Runs.Steps) != 2 {
		t.Fatalf("%v, %+v", err, action)
	}
	url, end := startListen(t, "--json")
	downloads, runner := t.TempDir(), newHome(t, "")
	if err := os.MkdirAll(downloads+"/latest", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dist, downloads+"/latest/download"); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"config": writeConfig(t, everything, url),
		"command": "cat " + abs(t, recordings+"/retry-audit.jsonl") + " >$AWF_AUDIT_LOG; exit 7"}
	path := runner.dir + "/path"
	for i, step := range action.Runs.Steps {
		script := runner.command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
		script.Env = append(script.Env, "RUNNER_TEMP="+runner.dir, "GITHUB_PATH="+path,
			"GITHUB_ACTION_PATH="+abs(t, root+"examples/deploy/action"), "DOWNLOADS=file://"+downloads)
		if i > 0 {
			added := strings.TrimSpace(runner.read("path"))
			script.Env = append(script.Env, "PATH="+added+":"+os.Getenv("PATH"))
		}
		for name, value := range step.Env {
			input := strings.TrimSuffix(strings.TrimPrefix(value, "${{ inputs."), " }}")
			if _, known := action.Inputs[input]; !known {
				t.Errorf("step %d: %s: %s is not an input", i, name, value)
			}
			value := action.Inputs[input].Default
			if own, is := given[input]; is {
				value = own
			}
			script.Env = append(script.Env, name+"="+value)
		}
		out, err := script.CombinedOutput()
		if want := []int{0, 7}[i]; exitCode(t, err) != want {
			t.Fatalf("step %d: %v, want exit code %d: %s", i, err, want, out)
		}
	}
	if got := received(t, end()); len(got) == 0 {
		t.Error("nothing arrived")
	}
}
